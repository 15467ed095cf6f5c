//! Pooling and resizing.

use asap_autograd::{check, vjp};
use asap_tensor::ops::Taps;

use crate::harness::{SEED, assert_vjp, normal};

#[test]
fn max_pool2_has_the_right_gradient() {
    for shape in [[1, 1, 2, 2], [2, 3, 4, 6], [2, 1, 5, 7]] {
        let x = check::apart(SEED, "x", shape, 0.05).unwrap();
        assert_vjp(&format!("max_pool2 {shape:?}"), &[x], |v| vjp::max_pool2(&v[0]));
    }
}

#[test]
fn avg_pool_has_the_right_gradient() {
    for shape in [[1, 1, 1, 1], [2, 3, 4, 6], [2, 1, 5, 7], [1, 2, 1, 2]] {
        assert_vjp(&format!("avg_pool {shape:?}"), &[normal("x", shape)], |v| vjp::avg_pool(&v[0]));
    }
}

#[test]
fn resize_has_the_right_gradient_by_every_kind_of_taps() {
    let kinds = [
        ("tent", Taps::tent(8, 2).unwrap(), Taps::tent(12, 4).unwrap()),
        ("bilinear", Taps::bilinear(8, 11).unwrap(), Taps::bilinear(12, 5).unwrap()),
        ("average_pool and mean", Taps::average_pool(8), Taps::mean(12, 2)),
        ("nearest and average_pool_same", Taps::nearest(8, 16).unwrap(), Taps::average_pool_same(12)),
        ("copy and tent", Taps::tent(8, 1).unwrap(), Taps::tent(12, 6).unwrap()),
    ];
    for (name, rows, columns) in kinds {
        assert_vjp(&format!("resize {name}"), &[normal("x", [2, 3, 8, 12])], |v| vjp::resize(&v[0], &rows, &columns));
    }
}

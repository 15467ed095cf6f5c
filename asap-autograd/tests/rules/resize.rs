//! Linear resampling.

use asap_tensor::Tensor;
use asap_tensor::ops::{self, Conv2d, Taps};

use crate::harness::{assert_found, assert_rule, normal, with_gradient};

#[test]
fn resize_matches_differences() {
    let kinds = [
        ("tent", Taps::tent(8, 2).unwrap(), Taps::tent(12, 4).unwrap()),
        ("bilinear", Taps::bilinear(8, 11).unwrap(), Taps::bilinear(12, 5).unwrap()),
        ("average_pool and mean", Taps::average_pool(8), Taps::mean(12, 2)),
        ("nearest and average_pool_same", Taps::nearest(8, 16).unwrap(), Taps::average_pool_same(12)),
        ("copy and tent", Taps::tent(8, 1).unwrap(), Taps::tent(12, 6).unwrap()),
    ];
    for (name, rows, columns) in kinds {
        assert_rule(&format!("resize {name}"), &[normal("x", [2, 3, 8, 12])], |v| v[0].resize(&rows, &columns));
    }
}

#[test]
fn resize_by_the_opposite_taps_is_found() {
    let (down, up) = (Taps::bilinear(6, 4).unwrap(), Taps::bilinear(4, 6).unwrap());
    assert_found("upsampling for the transposed", &[normal("x", [1, 2, 6, 6])], &[0], |v| {
        let up = up.clone();
        with_gradient(&v[0], ops::resize(v[0].value(), &down, &down)?, move |g| ops::resize(g, &up, &up))
    });
}

#[test]
fn average_pool_counting_padding_is_found() {
    let taps = Taps::average_pool(5);
    assert_found("1/9 at the edges", &[normal("x", [1, 2, 5, 5])], &[0], |v| {
        with_gradient(&v[0], ops::resize(v[0].value(), &taps, &taps)?, |g| {
            let ninth = Tensor::full(g.backend(), [2, 2, 3, 3], 1.0 / 9.0)?;
            let diagonal = Tensor::from_f64(g.backend(), [2, 2, 1, 1], &[1.0, 0.0, 0.0, 1.0])?;
            let diagonal = ops::resize(&diagonal, &Taps::mean(1, 3), &Taps::mean(1, 3))?;
            ops::conv2d_grad_input(
                g,
                &ops::mul(&ninth, &diagonal)?,
                [1, 2, 5, 5].into(),
                Conv2d { stride: 2, padding: 1 },
            )
        })
    });
}

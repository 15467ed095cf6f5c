//! Pooling.

use asap_autograd::check;
use asap_tensor::ops::{self, Taps};

use crate::harness::{SEED, assert_found, assert_rule, with_gradient};

#[test]
fn max_pool2_matches_differences() {
    for shape in [[1, 1, 2, 2], [2, 3, 4, 6], [2, 1, 5, 7]] {
        let x = check::apart(SEED, "x", shape, 0.05).unwrap();
        assert_rule(&format!("max_pool2 {shape:?}"), &[x], |v| v[0].max_pool2());
    }
}

#[test]
fn max_pool2_spreading_its_gradient_is_found() {
    let taps = |size| Taps::bilinear(size, size / 2).unwrap();
    assert_found("max pooling as mean pooling", &[check::apart(SEED, "x", [1, 2, 4, 6], 0.05).unwrap()], &[0], |v| {
        with_gradient(&v[0], ops::max_pool2(v[0].value())?, move |g| ops::resize_grad(g, &taps(4), &taps(6)))
    });
}

//! The checker itself: it passes correct gradients and finds NaN.

use asap_autograd::check::Double;
use asap_tensor::{Tensor, ops};

use crate::harness::{assert_found, normal, with_gradient};

#[test]
fn a_correct_gradient_passes() {
    assert_found("tanh", &[normal("x", [2, 3])], &[], |v| v[0].tanh());
}

#[test]
fn nan_is_found() {
    assert_found("a gradient of NaN", &[normal("x", [3])], &[0], |v| {
        let nan = |g: &Tensor<Double>| Tensor::full(g.backend(), g.shape(), f64::MAX).and_then(|g| ops::add(&g, &g));
        with_gradient(&v[0], v[0].value().clone(), nan)
    });
}

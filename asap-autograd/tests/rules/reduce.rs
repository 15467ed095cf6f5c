//! Sums.

use asap_tensor::Tensor;
use asap_tensor::ops::{self, Unary};

use crate::harness::{assert_found, assert_rule, normal, with_gradient};

#[test]
fn reductions_match_differences() {
    for shape in [&[][..], &[5], &[2, 3, 4, 5], &[1, 7, 3, 1]] {
        let x = [normal("x", shape)];
        assert_rule(&format!("sum {shape:?}"), &x, |v| v[0].sum());
        assert_rule(&format!("mean {shape:?}"), &x, |v| v[0].mean());
        let weights = ops::unary(Unary::Abs, &normal("weights", shape)).unwrap();
        assert_rule(&format!("weighted_mean {shape:?}"), &x, |v| v[0].weighted_mean(&weights));
    }
    for shape in [&[2, 3][..], &[2, 3, 4], &[2, 3, 4, 5], &[1, 1, 1, 1]] {
        assert_rule(&format!("sum_channels {shape:?}"), &[normal("x", shape)], |v| v[0].sum_channels());
    }
}

#[test]
fn mean_without_count_is_found() {
    assert_found("g for g/count", &[normal("x", [2, 3])], &[0], |v| {
        let mean = ops::unary(Unary::Affine { scale: 1.0 / 6.0, shift: 0.0 }, &ops::sum(v[0].value())?)?;
        with_gradient(&v[0], mean, |g| ops::add(&Tensor::zeros(g.backend(), [2, 3])?, g))
    });
}

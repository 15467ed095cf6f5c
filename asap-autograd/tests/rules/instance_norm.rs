//! Instance norm.

use asap_tensor::ops;

use crate::harness::{assert_found, assert_rule, normal, with_gradient};

#[test]
fn instance_norm_matches_differences() {
    for shape in [[2, 3, 4, 5], [1, 2, 3, 3], [2, 1, 1, 7]] {
        for slope in [1.0, 0.2, 0.0] {
            let name = format!("instance_norm {shape:?} slope {slope}");
            let inputs = [normal("x", shape), normal("scale", [shape[1]]), normal("shift", [shape[1]])];
            assert_rule(&name, &inputs[..1], |v| v[0].instance_norm(None, 1e-5, slope));
            let name = format!("{name} affine");
            assert_rule(&name, &inputs, |v| v[0].instance_norm(Some((&v[1], &v[2])), 1e-5, slope));
        }
    }
}

#[test]
fn instance_norm_with_large_eps_matches_differences() {
    assert_rule("instance_norm eps 1", &[normal("x", [2, 2, 3, 4])], |v| v[0].instance_norm(None, 1.0, 1.0));
}

#[test]
fn instance_norm_with_constant_statistics_is_found() {
    assert_found("g/σ", &[normal("x", [1, 2, 3, 4])], &[0], |v| {
        let forward = ops::instance_norm(v[0].value(), None, 1e-5, 1.0)?;
        let rstd = forward.rstd.reshape([2])?;
        with_gradient(&v[0], forward.y, move |g| ops::mul(g, &rstd))
    });
}

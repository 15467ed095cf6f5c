//! Elementwise functions of two operands, under every broadcast.

use asap_autograd::{Var, check};
use asap_tensor::ops;

use crate::harness::{SEED, assert_found, assert_rule, normal, off_zero};

#[test]
fn binary_matches_differences() {
    let broadcasts: [(&[usize], &[usize]); 7] = [
        (&[2, 3, 4, 5], &[2, 3, 4, 5]),
        (&[2, 3, 4, 5], &[]),
        (&[2, 3, 4, 5], &[3]),
        (&[2, 3], &[3]),
        (&[1, 1, 2, 2], &[1]),
        (&[4], &[4]),
        (&[], &[]),
    ];
    for (a, b) in broadcasts {
        let inputs = [normal("a", a), off_zero("b", b)];
        assert_rule(&format!("add {a:?} {b:?}"), &inputs, |v| v[0].add(&v[1]));
        assert_rule(&format!("sub {a:?} {b:?}"), &inputs, |v| v[0].sub(&v[1]));
        assert_rule(&format!("mul {a:?} {b:?}"), &inputs, |v| v[0].mul(&v[1]));
        assert_rule(&format!("div {a:?} {b:?}"), &inputs, |v| v[0].div(&v[1]));
    }
}

#[test]
fn div_without_sign_is_found() {
    assert_found("g·a/b² for −g·a/b²", &[normal("a", [2, 3]), off_zero("b", [2, 3])], &[1], |v| {
        let (a, b) = (v[0].value().clone(), v[1].value().clone());
        Var::record(ops::div(&a, &b)?, [&v[0], &v[1]], move |g, _| {
            Ok([Some(ops::div(g, &b)?), Some(ops::div(&ops::mul(g, &a)?, &ops::mul(&b, &b)?)?)])
        })
    });
}

#[test]
fn unsummed_broadcast_is_rejected() {
    let inputs = [normal("a", [2, 3, 2, 2]), normal("b", [3])];
    let result = check::gradient(SEED, &inputs, |v| {
        Var::record(ops::add(v[0].value(), v[1].value())?, [&v[0], &v[1]], |g, _| {
            Ok([Some(g.clone()), Some(g.clone())])
        })
    });
    let message = result.expect_err("the second gradient has the first's shape").to_string();
    assert!(message.contains("(3)") && message.contains("(2, 3, 2, 2)"), "{message}");
}

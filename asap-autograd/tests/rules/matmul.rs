//! Matrix multiplication.

use asap_autograd::Var;
use asap_tensor::ops::{self, Transpose};

use crate::harness::{assert_found, assert_rule, normal};

#[test]
fn matmul_matches_differences() {
    for (leading, m, k, n) in [(&[][..], 2, 3, 4), (&[2], 3, 3, 3), (&[2, 3], 1, 5, 2), (&[2, 1, 2, 1], 3, 1, 4)] {
        for transpose in [(false, false), (true, false), (false, true), (true, true)].map(|(a, b)| Transpose { a, b }) {
            let shape = |rows, columns, swapped| match swapped {
                false => [leading, &[rows, columns]].concat(),
                true => [leading, &[columns, rows]].concat(),
            };
            let a = normal("a", &shape(m, k, transpose.a)[..]);
            let b = normal("b", &shape(k, n, transpose.b)[..]);
            let name = format!("matmul {leading:?} {m}·{k}·{n} {transpose:?}");
            assert_rule(&name, &[a, b], |v| v[0].matmul(&v[1], transpose));
        }
    }
}

#[test]
fn matmul_without_transpose_is_found() {
    assert_found("G·B for G·Bᵀ", &[normal("a", [3, 3]), normal("b", [3, 3])], &[0], |v| {
        let (a, b) = (v[0].value().clone(), v[1].value().clone());
        let transposed = Transpose { a: true, b: false };
        Var::record(ops::matmul(&a, &b, Transpose::default())?, [&v[0], &v[1]], move |g, _| {
            Ok([Some(ops::matmul(g, &b, Transpose::default())?), Some(ops::matmul(&a, g, transposed)?)])
        })
    });
}

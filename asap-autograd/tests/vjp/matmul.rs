//! Matrix products.

use asap_autograd::vjp;
use asap_tensor::ops::Transpose;

use crate::harness::{assert_vjp, normal};

#[test]
fn products_have_right_gradients_however_operands_are_stored() {
    for (leading, m, k, n) in [(&[][..], 2, 3, 4), (&[2], 3, 3, 3), (&[2, 3], 1, 5, 2), (&[2, 1, 2, 1], 3, 1, 4)] {
        for transpose in [(false, false), (true, false), (false, true), (true, true)].map(|(a, b)| Transpose { a, b }) {
            let shape = |rows, columns, swapped| match swapped {
                false => [leading, &[rows, columns]].concat(),
                true => [leading, &[columns, rows]].concat(),
            };
            let a = normal("a", &shape(m, k, transpose.a)[..]);
            let b = normal("b", &shape(k, n, transpose.b)[..]);
            let name = format!("matmul {leading:?} {m}·{k}·{n} {transpose:?}");
            assert_vjp(&name, &[a, b], |v| vjp::matmul(&v[0], &v[1], transpose));
        }
    }
}

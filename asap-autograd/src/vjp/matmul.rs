//! Matrix products: G·Bᵀ and Aᵀ·G, transposed once more where the operand is stored transposed.

use asap_tensor::ops::{self, Transpose};
use asap_tensor::{Backend, Result};

use super::when;
use crate::tape::Var;

/// Y = A·B: (…, M, K)·(…, K, N) → (…, M, N); with `transpose.a`, A is given as (…, K, M), with `transpose.b`, B as
/// (…, N, K).
///
/// # Errors
/// As [`ops::matmul`](fn@ops::matmul).
pub fn matmul<B: Backend>(a: &Var<B>, b: &Var<B>, transpose: Transpose) -> Result<Var<B>> {
    let y = ops::matmul(a.value(), b.value(), transpose)?;
    let (saved_a, saved_b) = (a.value().clone(), b.value().clone());
    Var::record(y, &[a, b], move |g, wants| {
        let Transpose { a: ta, b: tb } = transpose;
        let grad_a = || match ta {
            false => ops::matmul(g, &saved_b, Transpose { a: false, b: !tb }),
            true => ops::matmul(&saved_b, g, Transpose { a: tb, b: true }),
        };
        let grad_b = || match tb {
            false => ops::matmul(&saved_a, g, Transpose { a: !ta, b: false }),
            true => ops::matmul(g, &saved_a, Transpose { a: true, b: ta }),
        };
        Ok(vec![when(wants[0], grad_a)?, when(wants[1], grad_b)?])
    })
}

//! Matrix products: G·Bᵀ and Aᵀ·G, transposed once more where the operand is stored transposed.

use asap_tensor::ops::{self, Transpose};
use asap_tensor::{Backend, Result};

use crate::tape::Var;

/// Y = A·B: (…, M, K)·(…, K, N) → (…, M, N); with `transpose.a`, A is given as (…, K, M), with `transpose.b`, B as
/// (…, N, K).
///
/// # Errors
/// As [`ops::matmul`](fn@ops::matmul).
pub fn matmul<B: Backend>(a: &Var<B>, b: &Var<B>, transpose: Transpose) -> Result<Var<B>> {
    let y = ops::matmul(a.value(), b.value(), transpose)?;
    // Each gradient needs the other factor only.
    let saved_a = b.is_recorded().then(|| a.value().clone());
    let saved_b = a.is_recorded().then(|| b.value().clone());
    Var::record(y, &[a, b], move |g, _| {
        let Transpose { a: ta, b: tb } = transpose;
        let grad_a = |b| match ta {
            false => ops::matmul(g, b, Transpose { a: false, b: !tb }),
            true => ops::matmul(b, g, Transpose { a: tb, b: true }),
        };
        let grad_b = |a| match tb {
            false => ops::matmul(a, g, Transpose { a: !ta, b: false }),
            true => ops::matmul(g, a, Transpose { a: true, b: ta }),
        };
        Ok(vec![saved_b.as_ref().map(grad_a).transpose()?, saved_a.as_ref().map(grad_b).transpose()?])
    })
}

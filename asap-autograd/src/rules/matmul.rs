//! Matrix multiplication: G·Bᵀ and Aᵀ·G, transposed once more where the operand is stored transposed.

use asap_tensor::ops::{self, Transpose};
use asap_tensor::{Backend, Result};

use crate::tape::Var;

impl<B: Backend> Var<B> {
    /// A·B: (…, M, K)·(…, K, N) → (…, M, N). With `transpose.a`, A is stored as (…, K, M); with `transpose.b`, B as
    /// (…, N, K).
    pub fn matmul(&self, b: &Self, transpose: Transpose) -> Result<Self> {
        let y = ops::matmul(self.value(), b.value(), transpose)?;
        // Each gradient needs the other factor only.
        let saved_a = b.is_recorded().then(|| self.value().clone());
        let saved_b = self.is_recorded().then(|| b.value().clone());
        Var::record(y, [self, b], move |g, _| {
            let Transpose { a: ta, b: tb } = transpose;
            let grad_a = saved_b.map(|b| match ta {
                false => ops::matmul(g, &b, Transpose { a: false, b: !tb }),
                true => ops::matmul(&b, g, Transpose { a: tb, b: true }),
            });
            let grad_b = saved_a.map(|a| match tb {
                false => ops::matmul(&a, g, Transpose { a: !ta, b: false }),
                true => ops::matmul(g, &a, Transpose { a: true, b: ta }),
            });
            Ok([grad_a.transpose()?, grad_b.transpose()?])
        })
    }
}

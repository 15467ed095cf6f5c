//! Linear resampling: the gradient is the transposed resampling.

use asap_tensor::ops::{self, Taps};
use asap_tensor::{Backend, Result};

use crate::tape::Var;

impl<B: Backend> Var<B> {
    /// Images resampled: (N, C, H, W) → (N, C, `rows.outputs()`, `columns.outputs()`).
    pub fn resize(&self, rows: &Taps, columns: &Taps) -> Result<Self> {
        let y = ops::resize(self.value(), rows, columns)?;
        let (rows, columns) = (rows.clone(), columns.clone());
        Var::record(y, [self], move |g, _| Ok([Some(ops::resize_grad(g, &rows, &columns)?)]))
    }
}

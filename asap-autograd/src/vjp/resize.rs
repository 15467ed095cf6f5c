//! Linear resampling: by the transposed taps.

use asap_tensor::ops::{self, Taps};
use asap_tensor::{Backend, Result};

use super::when;
use crate::tape::Var;

/// Images resampled: (N, C, H, W) → (N, C, `rows.outputs()`, `columns.outputs()`).
///
/// # Errors
/// As [`ops::resize`](fn@ops::resize).
pub fn resize<B: Backend>(x: &Var<B>, rows: &Taps, columns: &Taps) -> Result<Var<B>> {
    let y = ops::resize(x.value(), rows, columns)?;
    let (rows, columns) = (rows.clone(), columns.clone());
    Var::record(y, &[x], move |g, wants| Ok(vec![when(wants[0], || ops::resize_grad(g, &rows, &columns))?]))
}

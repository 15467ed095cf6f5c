//! Convolutions by pixels' own kernels: gathered by the kernels around; the gradient times what each tap meets.

use asap_tensor::{Backend, Result, ops};

use crate::tape::Var;

/// The convolution of x, (N, C, H, W), by a 3×3 kernel for every number of it, (N, 9·C, H, W), zeros around x.
///
/// # Errors
/// As [`ops::pixel_conv`](fn@ops::pixel_conv).
pub fn pixel_conv<B: Backend>(x: &Var<B>, kernels: &Var<B>) -> Result<Var<B>> {
    let y = ops::pixel_conv(x.value(), kernels.value())?;
    // Each gradient needs the other factor only, and the kernels are nine times as large as x.
    let saved_x = kernels.is_recorded().then(|| x.value().clone());
    let saved_kernels = x.is_recorded().then(|| kernels.value().clone());
    Var::record(y, &[x, kernels], move |g, _| {
        Ok(vec![
            saved_kernels.as_ref().map(|kernels| ops::pixel_conv_grad_input(g, kernels)).transpose()?,
            saved_x.as_ref().map(|x| ops::pixel_conv_grad_kernels(x, g)).transpose()?,
        ])
    })
}

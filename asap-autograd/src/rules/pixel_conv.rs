//! Convolution with a kernel per pixel: x collects g through the neighbors' kernels; each tap's gradient is g times the
//! value the tap read.

use asap_tensor::{Backend, Result, ops};

use crate::tape::Var;

impl<B: Backend> Var<B> {
    /// The convolution of x, (N, C, H, W), with a 3×3 kernel for each of its elements, (N, 9·C, H, W), zero-padded.
    pub fn pixel_conv(&self, kernels: &Self) -> Result<Self> {
        let y = ops::pixel_conv(self.value(), kernels.value())?;
        // Each gradient needs the other factor only, and the kernels are nine times as large as x.
        let saved_x = kernels.is_recorded().then(|| self.value().clone());
        let saved_kernels = self.is_recorded().then(|| kernels.value().clone());
        Var::record(y, [self, kernels], move |g, _| {
            let grad_x = saved_kernels.map(|kernels| ops::pixel_conv_grad_input(g, &kernels));
            let grad_kernels = saved_x.map(|x| ops::pixel_conv_grad_kernels(&x, g));
            Ok([grad_x.transpose()?, grad_kernels.transpose()?])
        })
    }
}

//! Instance norm with its activation: one kernel returns all gradients.

use asap_tensor::ops::{self, Normalized};
use asap_tensor::{Backend, Result, Tensor};

use crate::tape::Var;

impl<B: Backend> Var<B> {
    /// Instance norm of x, (N, C, H, W), with an optional `affine` = (γ, β), each (C), followed by a leaky ReLU of that
    /// slope (1: no activation, 0: ReLU).
    pub fn instance_norm(&self, affine: Option<(&Self, &Self)>, eps: f64, slope: f64) -> Result<Self> {
        Ok(self.instance_norm_with_statistics(affine, eps, slope)?.0)
    }

    /// [`instance_norm`](Self::instance_norm), and the mean and 1/√(variance + eps) it normalizes by, each (N, C).
    pub fn instance_norm_with_statistics(
        &self,
        affine: Option<(&Self, &Self)>,
        eps: f64,
        slope: f64,
    ) -> Result<(Self, [Tensor<B>; 2])> {
        let (scale, shift) = affine.unzip();
        let values = affine.map(|(scale, shift)| (scale.value(), shift.value()));
        // y is not saved: the gradient needs only x and the statistics.
        let Normalized { y, mean, rstd } = ops::instance_norm(self.value(), values, eps, slope)?;
        let saved_x = self.value().clone();
        let saved_affine = values.map(|(scale, shift)| (scale.clone(), shift.clone()));
        let statistics = [mean.clone(), rstd.clone()];
        let y = Var::record(y, [Some(self), scale, shift], move |g, _| {
            let affine = saved_affine.as_ref().map(|(scale, shift)| (scale, shift));
            let (x, affine) = ops::instance_norm_grad(&saved_x, &mean, &rstd, affine, g, slope)?;
            let (scale, shift) = affine.unzip();
            Ok([Some(x), scale, shift])
        })?;
        Ok((y, statistics))
    }
}

//! Instance norm (Ulyanov et al. 2016), fused with the leaky ReLU after it.

use asap_autograd::Var;
use asap_tensor::Backend;

use super::context::ForwardContext;
use super::init::ParamRole;
use super::params::{Builder, ParamId};
use crate::Result;

/// ε (published code: PyTorch's default).
const EPS: f64 = 1e-5;

/// y = leaky_relu(γ·(x − μ)/√(σ² + ε) + β), with μ and σ² of each image's channel.
#[derive(Clone, Copy, Debug)]
pub struct InstanceNorm {
    /// γ and β, (C) each.
    affine: Option<[ParamId; 2]>,
    /// Slope of the leaky ReLU; 0: ReLU, 1: no activation.
    slope: f64,
}

impl InstanceNorm {
    /// A norm without scale and bias.
    pub fn new(slope: f64) -> Self {
        InstanceNorm { affine: None, slope }
    }

    /// A norm with scale and bias, with the keys `weight` and `bias`.
    pub fn affine<B: Backend>(mut b: Builder<'_, B>, channels: usize, slope: f64) -> Result<Self> {
        let affine =
            [b.param("weight", &[channels], ParamRole::Scale)?, b.param("bias", &[channels], ParamRole::Bias)?];
        Ok(InstanceNorm { affine: Some(affine), slope })
    }

    /// (N, C, H, W) → the same shape.
    pub fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: &Var<B>) -> Result<Var<B>> {
        let affine = self.affine.map(|ids| ids.map(|id| ctx.var(id)));
        let affine = affine.as_ref().map(|[scale, bias]| (scale, bias));
        Ok(x.instance_norm(affine, EPS, self.slope)?)
    }
}

//! Spectral normalization (Miyato et al. 2018): a weight divided by its largest singular value.
//!
//! Power iteration tracks the singular value, with one iteration per forward pass: with W the weight as (O, I·R·S),
//! v ← Wᵀu/‖Wᵀu‖, u ← Wv/‖Wv‖, σ = uᵀWv. The gradient treats the vectors as constants: ∂σ/∂W = u vᵀ.

use asap_autograd::Var;
use asap_tensor::ops::{Transpose, Unary, div, matmul, mul, sum, unary};
use asap_tensor::{Backend, Tensor};

use super::context::ForwardContext;
use super::init::ParamRole;
use super::params::{Builder, ParamId};
use crate::Result;

/// Lower bound on a norm, against division by zero (published code: PyTorch's value).
const EPS: f64 = 1e-12;

/// A spectrally normalized weight.
#[derive(Clone, Copy, Debug)]
pub struct SpectralNorm {
    weight: ParamId,
    /// (O).
    u: ParamId,
    /// (I·R·S).
    v: ParamId,
}

impl SpectralNorm {
    /// A weight (O, I, R, S) with the keys `weight_orig`, `weight_u` and `weight_v`.
    pub fn new<B: Backend>(mut b: Builder<'_, B>, shape: [usize; 4]) -> Result<Self> {
        Ok(SpectralNorm {
            weight: b.param("weight_orig", &shape, ParamRole::Weight)?,
            u: b.param("weight_u", &[shape[0]], ParamRole::SpectralVector)?,
            v: b.param("weight_v", &[shape[1..].iter().product()], ParamRole::SpectralVector)?,
        })
    }

    /// W/σ. In training it first makes one power iteration, however often the weight is used in a pass.
    pub fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>) -> Result<Var<B>> {
        ctx.normalized(self.weight, || {
            let weight = ctx.var(self.weight);
            if ctx.is_training() {
                let (u, v) = iterate(weight.value(), &ctx.buffer(self.u))?;
                ctx.update_buffer(self.u, u);
                ctx.update_buffer(self.v, v);
            }
            normalize(&weight, &ctx.buffer(self.u), &ctx.buffer(self.v))
        })
    }
}

/// The next u, (O), and v, (I·R·S).
fn iterate<B: Backend>(weight: &Tensor<B>, u: &Tensor<B>) -> Result<(Tensor<B>, Tensor<B>)> {
    let outputs = u.count();
    let patch = weight.count() / outputs.max(1);
    let matrix = weight.reshape([outputs, patch])?;
    let v = unit(&matmul(&matrix, &u.reshape([outputs, 1])?, Transpose { a: true, b: false })?)?;
    let u = unit(&matmul(&matrix, &v, Transpose::default())?)?;
    Ok((u.reshape([outputs])?, v.reshape([patch])?))
}

/// W/(uᵀWv) for W (O, I, R, S), u (O) and v (I·R·S).
fn normalize<B: Backend>(weight: &Var<B>, u: &Tensor<B>, v: &Tensor<B>) -> Result<Var<B>> {
    let (outputs, patch) = (u.count(), v.count());
    let [u, v] = [u.reshape([outputs, 1])?, v.reshape([patch, 1])?].map(Var::constant);
    let product = weight.reshape([outputs, patch])?.matmul(&v, Transpose::default())?;
    let sigma = product.mul(&u)?.sum()?;
    Ok(weight.div(&sigma)?)
}

/// x / max(‖x‖, [`EPS`]).
fn unit<B: Backend>(x: &Tensor<B>) -> Result<Tensor<B>> {
    let norm = unary(Unary::Sqrt, &sum(&mul(x, x)?)?)?;
    let above = unary(Unary::RELU, &unary(Unary::Affine { scale: 1.0, shift: -EPS }, &norm)?)?;
    let norm = unary(Unary::Affine { scale: 1.0, shift: EPS }, &above)?;
    Ok(div(x, &norm)?)
}

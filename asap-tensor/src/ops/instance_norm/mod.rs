//! Instance norm with the activation that follows it: y = φ(γ·(x − μ)/√(σ² + ε) + β).
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod reference;

use crate::error::{Result, require, require_argument};
use crate::op::{Kernel, Op, op};
use crate::profile::Cost;
use crate::shape::Shape;
use crate::storage::Storage;
use crate::tensor::Tensor;

/// γ and β as kernels get them, each (C), if there are any.
pub type ScaleShift<'a, Buffer> = Option<(&'a Buffer, &'a Buffer)>;

op! {
    /// The norm of x, (N, C, H, W), followed by φ of that slope for negative values. Returns y, μ and 1/√(σ² + ε).
    InstanceNorm { x: Shape, epsilon: f64, slope: f64 }
    "instance_norm", for<'a, B> (&'a B::Buffer, ScaleShift<'a, B::Buffer>) => (Shape, (Shape, Shape)):
        |op| (op.x, (statistics(op.x), statistics(op.x))),
    cost: Cost::elements(2 * op.x.count())
}

op! {
    /// The gradients of [`InstanceNorm`] in x, and in γ and β if it is `affine`.
    InstanceNormGrad { x: Shape, slope: f64, affine: bool }
    "instance_norm_grad", for<'a, B> InstanceNormGradInputs<'a, B::Buffer> => (Shape, Option<(Shape, Shape)>): |op| {
        let channels = Shape::from([op.x.dims()[1]]);
        (op.x, op.affine.then_some((channels, channels)))
    },
    cost: Cost::elements(3 * op.x.count())
}

/// The operands of [`InstanceNormGrad`].
#[derive(Clone, Copy, Debug)]
pub struct InstanceNormGradInputs<'a, Buffer> {
    /// (N, C, H, W).
    pub x: &'a Buffer,
    /// μ, (N, C).
    pub mean: &'a Buffer,
    /// 1/√(σ² + ε), (N, C).
    pub rstd: &'a Buffer,
    /// γ and β.
    pub affine: ScaleShift<'a, Buffer>,
    /// The gradient in y, (N, C, H, W).
    pub grad_output: &'a Buffer,
}

/// (N, C), the shape of μ and 1/√(σ² + ε).
fn statistics(x: Shape) -> Shape {
    Shape::from(&x.dims()[..2])
}

/// What [`instance_norm`] returns; the gradient needs all of it but y.
#[derive(Clone, Debug)]
pub struct Normalized<B: Storage> {
    /// φ(γ·(x − μ)/√(σ² + ε) + β), (N, C, H, W).
    pub y: Tensor<B>,
    /// μ, (N, C).
    pub mean: Tensor<B>,
    /// 1/√(σ² + ε), (N, C).
    pub rstd: Tensor<B>,
}

fn check<B: Storage>(op: &'static str, x: &Tensor<B>, affine: Option<(&Tensor<B>, &Tensor<B>)>) -> Result<()> {
    let [_, channels, h, w] = x.nchw(op)?;
    require_argument(h * w > 0, op, || format!("an image of {h}×{w} has no pixels to take a mean of"))?;
    for part in affine.iter().flat_map(|(scale, shift)| [scale, shift]) {
        require(part.dims() == [channels], op, x.shape(), part.shape(), || {
            format!("scale and shift must be ({channels}), one value per channel")
        })?;
    }
    Ok(())
}

/// Instance norm of x, (N, C, H, W), with `affine` = (γ, β), each (C), followed by a leaky ReLU of that slope
/// (1: no activation, 0: ReLU). Paper, supplementary 1.1; ε and the biased variance are the published code's.
pub fn instance_norm<B: Kernel<InstanceNorm>>(
    x: &Tensor<B>,
    affine: Option<(&Tensor<B>, &Tensor<B>)>,
    epsilon: f64,
    slope: f64,
) -> Result<Normalized<B>> {
    check("instance_norm", x, affine)?;
    let affine = affine.map(|(scale, shift)| (scale.buffer(), shift.buffer()));
    let op = InstanceNorm { x: x.shape(), epsilon, slope };
    let (y, (mean, rstd)) = op.run(x.backend(), (x.buffer(), affine))?;
    Ok(Normalized { y, mean, rstd })
}

/// The gradients in x, and in γ and β if there are any.
pub type InstanceNormGrads<B> = (Tensor<B>, Option<(Tensor<B>, Tensor<B>)>);

/// The gradients of [`instance_norm`] in x, and in γ and β if there are any, given its input, the statistics it
/// returned and the gradient in y.
pub fn instance_norm_grad<B: Kernel<InstanceNormGrad>>(
    x: &Tensor<B>,
    mean: &Tensor<B>,
    rstd: &Tensor<B>,
    affine: Option<(&Tensor<B>, &Tensor<B>)>,
    grad_output: &Tensor<B>,
    slope: f64,
) -> Result<InstanceNormGrads<B>> {
    let name = "instance_norm_grad";
    check(name, x, affine)?;
    require(x.shape() == grad_output.shape(), name, x.shape(), grad_output.shape(), || {
        "the gradient must have the input's shape, the first".into()
    })?;
    for statistic in [mean, rstd] {
        require(statistic.shape() == statistics(x.shape()), name, x.shape(), statistic.shape(), || {
            "mean and rstd must be (N, C), one value per plane".into()
        })?;
    }
    let (op, backend) = (InstanceNormGrad { x: x.shape(), slope, affine: affine.is_some() }, x.backend());
    let [x, mean, rstd, grad_output] = [x, mean, rstd, grad_output].map(Tensor::buffer);
    let affine = affine.map(|(scale, shift)| (scale.buffer(), shift.buffer()));
    op.run(backend, InstanceNormGradInputs { x, mean, rstd, affine, grad_output })
}

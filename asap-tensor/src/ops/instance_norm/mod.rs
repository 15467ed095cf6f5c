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

/// The sizes and constants of a norm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InstanceNormSize {
    /// The shape of x, (N, C, H, W).
    pub x: Shape,
    /// N.
    pub batch: usize,
    /// C.
    pub channels: usize,
    /// H·W.
    pub plane: usize,
    /// ε.
    pub epsilon: f64,
    /// Slope of φ for negative values: 1 for none, 0 for ReLU.
    pub slope: f64,
    /// Whether there are γ and β.
    pub affine: bool,
}

impl InstanceNormSize {
    fn new<B: Storage>(
        op: &'static str,
        x: &Tensor<B>,
        affine: Option<(&Tensor<B>, &Tensor<B>)>,
        epsilon: f64,
        slope: f64,
    ) -> Result<Self> {
        let [batch, channels, h, w] = x.nchw(op)?;
        require_argument(h * w > 0, op, || format!("an image of {h}×{w} has no pixels to take a mean of"))?;
        for part in affine.iter().flat_map(|(scale, shift)| [scale, shift]) {
            require(part.dims() == [channels], op, x.shape(), part.shape(), || {
                format!("scale and shift must be ({channels}), one value per channel")
            })?;
        }
        let affine = affine.is_some();
        Ok(InstanceNormSize { x: x.shape(), batch, channels, plane: h * w, epsilon, slope, affine })
    }

    /// The shape of μ and 1/√(σ² + ε), (N, C).
    fn statistics(&self) -> Shape {
        Shape::from([self.batch, self.channels])
    }

    /// The shape of γ and β, (C).
    fn of_channels(&self) -> Shape {
        Shape::from([self.channels])
    }
}

/// γ and β as kernels get them, each (C).
pub type Affine<'a, Buffer> = Option<(&'a Buffer, &'a Buffer)>;

op! {
    /// The norm of x; y, μ and 1/√(σ² + ε) are its results.
    InstanceNorm { size: InstanceNormSize }
    "instance_norm", for<'a, B> (&'a B::Buffer, Affine<'a, B::Buffer>) => (Shape, Shape, Shape):
        |op| (op.size.x, op.size.statistics(), op.size.statistics()),
    cost: Cost::elements(2 * op.size.x.count())
}

op! {
    /// The gradients of [`InstanceNorm`] in x, and in γ and β if there are any.
    InstanceNormGrad { size: InstanceNormSize }
    "instance_norm_grad", for<'a, B> InstanceNormGradInputs<'a, B::Buffer> => (Shape, Option<(Shape, Shape)>):
        |op| (op.size.x, op.size.affine.then_some((op.size.of_channels(), op.size.of_channels()))),
    cost: Cost::elements(3 * op.size.x.count())
}

/// What the gradient's kernels get.
#[derive(Clone, Copy, Debug)]
pub struct InstanceNormGradInputs<'a, Buffer> {
    /// (N, C, H, W).
    pub x: &'a Buffer,
    /// μ, (N, C).
    pub mean: &'a Buffer,
    /// 1/√(σ² + ε), (N, C).
    pub rstd: &'a Buffer,
    /// γ and β.
    pub affine: Affine<'a, Buffer>,
    /// The gradient in y, (N, C, H, W).
    pub grad_output: &'a Buffer,
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

/// What [`instance_norm_grad`] returns.
#[derive(Clone, Debug)]
pub struct InstanceNormGrads<B: Storage> {
    /// The gradient in x, (N, C, H, W).
    pub x: Tensor<B>,
    /// The gradients in γ and β, each (C), if there are any.
    pub affine: Option<(Tensor<B>, Tensor<B>)>,
}

/// Instance norm of x, (N, C, H, W), with `affine` = (γ, β), each (C), followed by a leaky ReLU of that slope
/// (1: no activation, 0: ReLU). Paper, supplementary 1.1; ε and the biased variance are the published code's.
pub fn instance_norm<B: Kernel<InstanceNorm>>(
    x: &Tensor<B>,
    affine: Option<(&Tensor<B>, &Tensor<B>)>,
    epsilon: f64,
    slope: f64,
) -> Result<Normalized<B>> {
    let size = InstanceNormSize::new("instance_norm", x, affine, epsilon, slope)?;
    let affine = affine.map(|(scale, shift)| (scale.buffer(), shift.buffer()));
    let (y, mean, rstd) = InstanceNorm { size }.run(x.backend(), (x.buffer(), affine))?;
    Ok(Normalized { y, mean, rstd })
}

/// The gradient of [`instance_norm`], given its input, the statistics it returned and the gradient in y.
pub fn instance_norm_grad<B: Kernel<InstanceNormGrad>>(
    x: &Tensor<B>,
    mean: &Tensor<B>,
    rstd: &Tensor<B>,
    affine: Option<(&Tensor<B>, &Tensor<B>)>,
    grad_output: &Tensor<B>,
    epsilon: f64,
    slope: f64,
) -> Result<InstanceNormGrads<B>> {
    let op = "instance_norm_grad";
    let size = InstanceNormSize::new(op, x, affine, epsilon, slope)?;
    require(x.shape() == grad_output.shape(), op, x.shape(), grad_output.shape(), || {
        "the gradient must have the input's shape, the first".into()
    })?;
    for statistic in [mean, rstd] {
        require(statistic.shape() == size.statistics(), op, x.shape(), statistic.shape(), || {
            "mean and rstd must be (N, C), one value per plane".into()
        })?;
    }
    let backend = x.backend();
    let [x, mean, rstd, grad_output] = [x, mean, rstd, grad_output].map(Tensor::buffer);
    let affine = affine.map(|(scale, shift)| (scale.buffer(), shift.buffer()));
    let inputs = InstanceNormGradInputs { x, mean, rstd, affine, grad_output };
    let (x, affine) = InstanceNormGrad { size }.run(backend, inputs)?;
    Ok(InstanceNormGrads { x, affine })
}

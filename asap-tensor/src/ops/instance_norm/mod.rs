//! Instance norm with the activation that follows it: y = φ(γ·(x − μ)/√(σ² + ε) + β).
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod plan;
mod reference;

use crate::error::{Result, require, require_argument};
use crate::profile::Cost;
use crate::shape::Shape;
use crate::storage::Storage;
use crate::tensor::Tensor;

/// What norm kernels get.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InstanceNormSize {
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
}

/// The gradients in x, and in γ and β where there are any, as kernels return them.
pub type InstanceNormGradBuffers<Buffer> = (Buffer, Option<(Buffer, Buffer)>);

/// Kernels of this family.
pub trait InstanceNormOps: Storage {
    /// y (N, C, plane), μ (N, C) and 1/√(σ² + ε) (N, C). `affine` holds γ and β, each (C).
    fn instance_norm(
        &self,
        x: &Self::Buffer,
        affine: Option<(&Self::Buffer, &Self::Buffer)>,
        size: &InstanceNormSize,
    ) -> Result<(Self::Buffer, Self::Buffer, Self::Buffer)>;
    /// The gradients in x, and in γ and β where there are any.
    fn instance_norm_grad(
        &self,
        x: &Self::Buffer,
        mean: &Self::Buffer,
        rstd: &Self::Buffer,
        affine: Option<(&Self::Buffer, &Self::Buffer)>,
        grad_output: &Self::Buffer,
        size: &InstanceNormSize,
    ) -> Result<InstanceNormGradBuffers<Self::Buffer>>;
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
    /// The gradients in γ and β, each (C), where there are any.
    pub affine: Option<(Tensor<B>, Tensor<B>)>,
}

fn norm_size<B: Storage>(
    op: &'static str,
    x: &Tensor<B>,
    affine: Option<(&Tensor<B>, &Tensor<B>)>,
    epsilon: f64,
    slope: f64,
) -> Result<InstanceNormSize> {
    let [batch, channels, h, w] = x.nchw(op)?;
    require_argument(h * w > 0, op, || format!("an image of {h}×{w} has no pixels to take a mean of"))?;
    for part in affine.iter().flat_map(|(scale, shift)| [scale, shift]) {
        require(part.dims() == [channels], op, x.shape(), part.shape(), || {
            format!("scale and shift must be ({channels}), one number for each channel")
        })?;
    }
    Ok(InstanceNormSize { batch, channels, plane: h * w, epsilon, slope })
}

/// Instance norm of x, (N, C, H, W), with `affine` = (γ, β), each (C), followed by a leaky ReLU of that slope
/// (1: no activation, 0: ReLU). Paper, supplementary 1.1; ε and the biased variance are the published code's.
pub fn instance_norm<B: InstanceNormOps>(
    x: &Tensor<B>,
    affine: Option<(&Tensor<B>, &Tensor<B>)>,
    epsilon: f64,
    slope: f64,
) -> Result<Normalized<B>> {
    let size = norm_size("instance_norm", x, affine, epsilon, slope)?;
    let backend = x.backend();
    let cost = Cost { macs: 0, elements: 2 * x.count() as u64 };
    let affine = affine.map(|(scale, shift)| (scale.buffer(), shift.buffer()));
    let (y, mean, rstd) =
        backend.measure("instance_norm", cost, || backend.instance_norm(x.buffer(), affine, &size))?;
    let statistics = Shape::from([size.batch, size.channels]);
    Ok(Normalized {
        y: Tensor::from_parts(backend, x.shape(), y),
        mean: Tensor::from_parts(backend, statistics, mean),
        rstd: Tensor::from_parts(backend, statistics, rstd),
    })
}

/// The gradient of [`instance_norm`], given its input, the statistics it returned and the gradient in y.
pub fn instance_norm_grad<B: InstanceNormOps>(
    x: &Tensor<B>,
    mean: &Tensor<B>,
    rstd: &Tensor<B>,
    affine: Option<(&Tensor<B>, &Tensor<B>)>,
    grad_output: &Tensor<B>,
    epsilon: f64,
    slope: f64,
) -> Result<InstanceNormGrads<B>> {
    let size = norm_size("instance_norm_grad", x, affine, epsilon, slope)?;
    require(x.shape() == grad_output.shape(), "instance_norm_grad", x.shape(), grad_output.shape(), || {
        "the gradient must have the input's shape, the first".into()
    })?;
    for statistic in [mean, rstd] {
        require(
            statistic.dims() == [size.batch, size.channels],
            "instance_norm_grad",
            x.shape(),
            statistic.shape(),
            || "mean and rstd must be (N, C), one number for each plane".into(),
        )?;
    }
    let backend = x.backend();
    let cost = Cost { macs: 0, elements: 3 * x.count() as u64 };
    let affine = affine.map(|(scale, shift)| (scale.buffer(), shift.buffer()));
    let (grad_x, grad_affine) = backend.measure("instance_norm_grad", cost, || {
        let (mean, rstd) = (mean.buffer(), rstd.buffer());
        backend.instance_norm_grad(x.buffer(), mean, rstd, affine, grad_output.buffer(), &size)
    })?;
    let channels = Shape::from([size.channels]);
    let tensor = |buffer| Tensor::from_parts(backend, channels, buffer);
    Ok(InstanceNormGrads {
        x: Tensor::from_parts(backend, x.shape(), grad_x),
        affine: grad_affine.map(|(scale, shift)| (tensor(scale), tensor(shift))),
    })
}

//! Convolution with bias, and its two gradients; also on label ids, whose one-hot form never exists.
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod plan;
mod reference;
mod size;

pub use size::{Conv2d, Conv2dSize};

use crate::error::{Result, require};
use crate::op::Kernel;
use crate::ops::binary::{Binary, BinaryOp, Broadcast};
use crate::ops::layout::Narrow;
use crate::profile::Cost;
use crate::shape::Shape;
use crate::storage::Storage;
use crate::tensor::{Ids, Tensor};

/// Kernels of this family.
pub trait Conv2dOps: Storage {
    /// The convolution, with an optional bias (O).
    fn conv2d(
        &self,
        x: &Self::Buffer,
        weight: &Self::Buffer,
        bias: Option<&Self::Buffer>,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer>;
    /// Its gradient in x.
    fn conv2d_grad_input(
        &self,
        grad_output: &Self::Buffer,
        weight: &Self::Buffer,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer>;
    /// Its gradient in the weight.
    fn conv2d_grad_weight(
        &self,
        x: &Self::Buffer,
        grad_output: &Self::Buffer,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer>;
    /// The convolution of the one-hot form of ids; ids outside the classes and outside the image count as zeros.
    fn conv2d_ids(
        &self,
        ids: &Self::IdBuffer,
        weight: &Self::Buffer,
        bias: Option<&Self::Buffer>,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer>;
    /// Its gradient in the weight.
    fn conv2d_ids_grad_weight(
        &self,
        ids: &Self::IdBuffer,
        grad_output: &Self::Buffer,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer>;
    /// The convolution of the one-hot form of ids, of `classes` channels, and of x, the other channels that the weight
    /// takes. Unless a backend has one kernel for both, the sum of the two.
    fn conv2d_stack(
        &self,
        ids: &Self::IdBuffer,
        x: &Self::Buffer,
        classes: usize,
        weight: &Self::Buffer,
        bias: Option<&Self::Buffer>,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer>
    where
        Self: Kernel<Narrow> + Kernel<BinaryOp>,
    {
        stack_apart(self, (ids, x), classes, weight, bias, size)
    }
}

/// [`Conv2dOps::conv2d_stack`] of ids and x as the sum of two convolutions.
fn stack_apart<B: Conv2dOps + Kernel<Narrow> + Kernel<BinaryOp>>(
    backend: &B,
    (ids, x): (&B::IdBuffer, &B::Buffer),
    classes: usize,
    weight: &B::Buffer,
    bias: Option<&B::Buffer>,
    size: &Conv2dSize,
) -> Result<B::Buffer> {
    let (outputs, channels, taps) = (size.out_channels, size.in_channels, size.kernel_height * size.kernel_width);
    let x_shape = Shape::from([outputs, channels, taps]);
    let of_ids = backend.compute(&Narrow { x: x_shape, axis: 1, start: 0, length: classes }, weight)?;
    let rest = Narrow { x: x_shape, axis: 1, start: classes, length: channels - classes };
    let of_x = backend.compute(&rest, weight)?;
    let from_ids = backend.conv2d_ids(ids, &of_ids, bias, &size.of_channels(classes))?;
    let from_x = backend.conv2d(x, &of_x, None, &size.of_channels(channels - classes))?;
    let sum = BinaryOp { f: Binary::Add, a: size.output(), b: Broadcast::Same };
    backend.compute(&sum, [&from_ids, &from_x])
}

pub(super) fn check_bias<B: Storage>(
    op: &'static str,
    bias: Option<&Tensor<B>>,
    outputs: usize,
    weight: Shape,
) -> Result<()> {
    match bias {
        Some(bias) => require(bias.dims() == [outputs], op, weight, bias.shape(), || {
            format!("the bias must be ({outputs}), one number for each output channel")
        }),
        None => Ok(()),
    }
}

fn check_output<B: Storage>(op: &'static str, grad_output: &Tensor<B>, size: &Conv2dSize) -> Result<()> {
    require(grad_output.shape() == size.output(), op, size.output(), grad_output.shape(), || {
        "the gradient must have the output's shape, the first".into()
    })
}

/// The convolution of x, (N, I, H, W), with a weight (O, I, R, S) and an optional bias (O), zeros around x.
pub fn conv2d<B: Conv2dOps>(
    x: &Tensor<B>,
    weight: &Tensor<B>,
    bias: Option<&Tensor<B>>,
    args: Conv2d,
) -> Result<Tensor<B>> {
    let size = Conv2dSize::new("conv2d", x.shape(), weight.shape(), args)?;
    check_bias("conv2d", bias, size.out_channels, size.weight())?;
    let backend = x.backend();
    let y = backend.measure("conv2d", size.cost(), || {
        backend.conv2d(x.buffer(), weight.buffer(), bias.map(Tensor::buffer), &size)
    })?;
    Ok(Tensor::from_parts(backend, size.output(), y))
}

/// The gradient of [`conv2d`] in x, which has shape `x`.
pub fn conv2d_grad_input<B: Conv2dOps>(
    grad_output: &Tensor<B>,
    weight: &Tensor<B>,
    x: Shape,
    args: Conv2d,
) -> Result<Tensor<B>> {
    let size = Conv2dSize::new("conv2d_grad_input", x, weight.shape(), args)?;
    check_output("conv2d_grad_input", grad_output, &size)?;
    let backend = grad_output.backend();
    let grad = backend.measure("conv2d_grad_input", size.cost(), || {
        backend.conv2d_grad_input(grad_output.buffer(), weight.buffer(), &size)
    })?;
    Ok(Tensor::from_parts(backend, x, grad))
}

/// The gradient of [`conv2d`] in the weight, which has shape `weight`.
pub fn conv2d_grad_weight<B: Conv2dOps>(
    x: &Tensor<B>,
    grad_output: &Tensor<B>,
    weight: Shape,
    args: Conv2d,
) -> Result<Tensor<B>> {
    let size = Conv2dSize::new("conv2d_grad_weight", x.shape(), weight, args)?;
    check_output("conv2d_grad_weight", grad_output, &size)?;
    let backend = x.backend();
    let grad = backend.measure("conv2d_grad_weight", size.cost(), || {
        backend.conv2d_grad_weight(x.buffer(), grad_output.buffer(), &size)
    })?;
    Ok(Tensor::from_parts(backend, weight, grad))
}

fn ids_size<B: Storage>(op: &'static str, ids: &Ids<B>, weight: Shape, args: Conv2d) -> Result<Conv2dSize> {
    let classes = weight.nchw().map_or(1, |[_, classes, _, _]| classes);
    Conv2dSize::new(op, ids.shape().with(1, classes), weight, args)
}

/// The cost of reading ids instead of their one-hot form: one weight for each pixel and tap.
fn ids_cost(size: &Conv2dSize) -> Cost {
    let taps = size.kernel_height * size.kernel_width;
    let elements = size.weight().count() + size.output().count();
    Cost { macs: (size.output().count() * taps) as u64, elements: elements as u64 }
}

/// [`conv2d`] of the one-hot form of ids (N, 1, H, W) with a weight (O, classes, R, S).
pub fn conv2d_ids<B: Conv2dOps>(
    ids: &Ids<B>,
    weight: &Tensor<B>,
    bias: Option<&Tensor<B>>,
    args: Conv2d,
) -> Result<Tensor<B>> {
    let size = ids_size("conv2d_ids", ids, weight.shape(), args)?;
    check_bias("conv2d_ids", bias, size.out_channels, size.weight())?;
    let backend = weight.backend();
    let y = backend.measure("conv2d_ids", ids_cost(&size), || {
        backend.conv2d_ids(ids.buffer(), weight.buffer(), bias.map(Tensor::buffer), &size)
    })?;
    Ok(Tensor::from_parts(backend, size.output(), y))
}

/// The gradient of [`conv2d_ids`] in the weight, which has shape `weight`.
pub fn conv2d_ids_grad_weight<B: Conv2dOps>(
    ids: &Ids<B>,
    grad_output: &Tensor<B>,
    weight: Shape,
    args: Conv2d,
) -> Result<Tensor<B>> {
    let size = ids_size("conv2d_ids_grad_weight", ids, weight, args)?;
    check_output("conv2d_ids_grad_weight", grad_output, &size)?;
    let backend = grad_output.backend();
    let grad = backend.measure("conv2d_ids_grad_weight", ids_cost(&size), || {
        backend.conv2d_ids_grad_weight(ids.buffer(), grad_output.buffer(), &size)
    })?;
    Ok(Tensor::from_parts(backend, weight, grad))
}

/// [`conv2d`] of the one-hot form of ids (N, 1, H, W) with the channels of x, (N, C, H, W), behind: the weight is
/// (O, classes + C, R, S). Its gradients are those of [`conv2d_ids`] and of [`conv2d`] in their own channels.
pub fn conv2d_stack<B: Conv2dOps + Kernel<Narrow> + Kernel<BinaryOp>>(
    ids: &Ids<B>,
    x: &Tensor<B>,
    weight: &Tensor<B>,
    bias: Option<&Tensor<B>>,
    args: Conv2d,
) -> Result<Tensor<B>> {
    let op = "conv2d_stack";
    let [n, channels, h, w] = x.nchw(op)?;
    require(ids.sizes() == [n, h, w], op, ids.shape(), x.shape(), || "they must differ in channels only".into())?;
    let size = ids_size(op, ids, weight.shape(), args)?;
    let classes = size.in_channels.checked_sub(channels);
    require(classes.is_some(), op, x.shape(), weight.shape(), || {
        format!("the image has {channels} channels, the weight takes {}", size.in_channels)
    })?;
    let classes = classes.unwrap_or_default();
    check_bias(op, bias, size.out_channels, size.weight())?;
    let backend = weight.backend();
    let (labels, dense) = (ids_cost(&size.of_channels(classes)), size.of_channels(channels).cost());
    let elements = x.count() + size.weight().count() + size.output().count();
    let cost = Cost { macs: labels.macs + dense.macs, elements: elements as u64 };
    let y = backend.measure(op, cost, || {
        backend.conv2d_stack(ids.buffer(), x.buffer(), classes, weight.buffer(), bias.map(Tensor::buffer), &size)
    })?;
    Ok(Tensor::from_parts(backend, size.output(), y))
}

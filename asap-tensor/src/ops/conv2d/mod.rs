//! Convolution with bias, and its two gradients; also of label ids, whose one-hot form is never created.
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod ops;
mod reference;
mod size;

pub use ops::{Conv2dForward, Conv2dGradInput, Conv2dGradWeight, Conv2dIds, Conv2dIdsGradWeight, Conv2dStack};
pub use size::{Conv2d, Conv2dSize};

use crate::error::{Error, Result, require};
use crate::op::{Kernel, Op};
use crate::shape::Shape;
use crate::storage::Storage;
use crate::tensor::{Ids, Tensor};

pub(super) fn check_bias<B: Storage>(
    op: &'static str,
    bias: Option<&Tensor<B>>,
    outputs: usize,
    weight: Shape,
) -> Result<()> {
    match bias {
        Some(bias) => require(bias.dims() == [outputs], op, weight, bias.shape(), || {
            format!("the bias must be ({outputs}), one value for each output channel")
        }),
        None => Ok(()),
    }
}

fn check_output<B: Storage>(op: &'static str, grad_output: &Tensor<B>, size: &Conv2dSize) -> Result<()> {
    require(grad_output.shape() == size.output(), op, size.output(), grad_output.shape(), || {
        "the gradient must have the output's shape, the first".into()
    })
}

/// The convolution of x, (N, I, H, W), with a weight (O, I, R, S) and an optional bias (O), with zeros around x.
pub fn conv2d<B: Kernel<Conv2dForward>>(
    x: &Tensor<B>,
    weight: &Tensor<B>,
    bias: Option<&Tensor<B>>,
    args: Conv2d,
) -> Result<Tensor<B>> {
    let size = Conv2dSize::new(Conv2dForward::NAME, x.shape(), weight.shape(), args)?;
    check_bias(Conv2dForward::NAME, bias, size.out_channels, size.weight())?;
    Conv2dForward { size }.run(x.backend(), (x.buffer(), weight.buffer(), bias.map(Tensor::buffer)))
}

/// The gradient of [`conv2d`] in x, which has shape `x`.
pub fn conv2d_grad_input<B: Kernel<Conv2dGradInput>>(
    grad_output: &Tensor<B>,
    weight: &Tensor<B>,
    x: Shape,
    args: Conv2d,
) -> Result<Tensor<B>> {
    let size = Conv2dSize::new(Conv2dGradInput::NAME, x, weight.shape(), args)?;
    check_output(Conv2dGradInput::NAME, grad_output, &size)?;
    Conv2dGradInput { size }.run(grad_output.backend(), [grad_output.buffer(), weight.buffer()])
}

/// The gradient of [`conv2d`] in the weight, which has shape `weight`.
pub fn conv2d_grad_weight<B: Kernel<Conv2dGradWeight>>(
    x: &Tensor<B>,
    grad_output: &Tensor<B>,
    weight: Shape,
    args: Conv2d,
) -> Result<Tensor<B>> {
    let size = Conv2dSize::new(Conv2dGradWeight::NAME, x.shape(), weight, args)?;
    check_output(Conv2dGradWeight::NAME, grad_output, &size)?;
    Conv2dGradWeight { size }.run(x.backend(), [x.buffer(), grad_output.buffer()])
}

fn ids_size<B: Storage>(op: &'static str, ids: &Ids<B>, weight: Shape, args: Conv2d) -> Result<Conv2dSize> {
    let classes = weight.nchw().map_or(1, |[_, classes, _, _]| classes);
    Conv2dSize::new(op, ids.shape().with(1, classes), weight, args)
}

/// [`conv2d`] of the one-hot form of ids (N, H, W) with a weight (O, classes, R, S).
pub fn conv2d_ids<B: Kernel<Conv2dIds>>(
    ids: &Ids<B>,
    weight: &Tensor<B>,
    bias: Option<&Tensor<B>>,
    args: Conv2d,
) -> Result<Tensor<B>> {
    let size = ids_size(Conv2dIds::NAME, ids, weight.shape(), args)?;
    check_bias(Conv2dIds::NAME, bias, size.out_channels, size.weight())?;
    Conv2dIds { size }.run(weight.backend(), (ids.buffer(), weight.buffer(), bias.map(Tensor::buffer)))
}

/// The column of `table`, (K, classes), that each pixel's id names: ids (N, H, W) → (N, K, H, W). Ids beyond it give zeros.
/// It is a 1×1 convolution of the one-hot form.
pub fn look_up<B: Kernel<Conv2dIds>>(ids: &Ids<B>, table: &Tensor<B>) -> Result<Tensor<B>> {
    let &[values, classes] = table.dims() else {
        let why = format!("a table of shape {} must be (values, classes)", table.shape());
        return Err(Error::Argument { op: "look_up", why });
    };
    conv2d_ids(ids, &table.reshape([values, classes, 1, 1])?, None, Conv2d::default())
}

/// The gradient of [`conv2d_ids`] in the weight, which has shape `weight`.
pub fn conv2d_ids_grad_weight<B: Kernel<Conv2dIdsGradWeight>>(
    ids: &Ids<B>,
    grad_output: &Tensor<B>,
    weight: Shape,
    args: Conv2d,
) -> Result<Tensor<B>> {
    let size = ids_size(Conv2dIdsGradWeight::NAME, ids, weight, args)?;
    check_output(Conv2dIdsGradWeight::NAME, grad_output, &size)?;
    Conv2dIdsGradWeight { size }.run(grad_output.backend(), (ids.buffer(), grad_output.buffer()))
}

/// [`conv2d`] of the one-hot form of ids (N, H, W) followed by the channels of x, (N, C, H, W): the weight is
/// (O, classes + C, R, S). Its gradients are those of [`conv2d_ids`] and of [`conv2d`] in their own channels.
pub fn conv2d_stack<B: Kernel<Conv2dStack>>(
    ids: &Ids<B>,
    x: &Tensor<B>,
    weight: &Tensor<B>,
    bias: Option<&Tensor<B>>,
    args: Conv2d,
) -> Result<Tensor<B>> {
    let op = Conv2dStack::NAME;
    let [n, channels, h, w] = x.nchw(op)?;
    require(ids.sizes() == [n, h, w], op, ids.shape(), x.shape(), || "they may differ in channels only".into())?;
    let size = ids_size(op, ids, weight.shape(), args)?;
    let classes = size.in_channels.checked_sub(channels);
    require(classes.is_some(), op, x.shape(), weight.shape(), || {
        format!("the image has {channels} channels, the weight takes {}", size.in_channels)
    })?;
    check_bias(op, bias, size.out_channels, size.weight())?;
    let op = Conv2dStack { size, classes: classes.unwrap_or_default() };
    op.run(weight.backend(), ((ids.buffer(), x.buffer()), weight.buffer(), bias.map(Tensor::buffer)))
}

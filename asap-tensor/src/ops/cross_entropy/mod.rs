//! The cross entropy of each pixel's class, from unnormalized scores (logits).
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
use crate::tensor::{Ids, Tensor};

op! {
    /// The cross entropy of each pixel and log Σ exp of its logits, from logits (N, C, H, W) and ids (N, H, W).
    CrossEntropy { logits: Shape }
    "cross_entropy", for<'a, B> (&'a B::Buffer, &'a B::IdBuffer) => (Shape, Shape):
        |op| (op.logits.with(1, 1), op.logits.with(1, 1)),
    cost: Cost::elements(op.logits.count() + 3 * op.logits.with(1, 1).count())
}

op! {
    /// The gradient of [`CrossEntropy`] in the logits.
    CrossEntropyGrad { logits: Shape }
    "cross_entropy_grad", for<'a, B> CrossEntropyGradInputs<'a, B::Buffer, B::IdBuffer> => Shape: |op| op.logits,
    cost: Cost::elements(2 * op.logits.count() + 3 * op.logits.with(1, 1).count())
}

/// The operands of [`CrossEntropyGrad`].
#[derive(Clone, Copy, Debug)]
pub struct CrossEntropyGradInputs<'a, Buffer, IdBuffer> {
    /// (N, C, H, W).
    pub logits: &'a Buffer,
    /// log Σ exp of each pixel's logits, (N, 1, H, W).
    pub log_sums: &'a Buffer,
    /// (N, H, W).
    pub ids: &'a IdBuffer,
    /// The gradient in the losses, (N, 1, H, W).
    pub grad_output: &'a Buffer,
}

/// What [`cross_entropy`] returns.
#[derive(Clone, Debug)]
pub struct CrossEntropies<B: Storage> {
    /// The cross entropy of each pixel, (N, 1, H, W).
    pub losses: Tensor<B>,
    /// log Σ exp of each pixel's logits, (N, 1, H, W), which the gradient needs.
    pub log_sums: Tensor<B>,
}

fn check<B: Storage>(op: &'static str, logits: &Tensor<B>, ids: &Ids<B>) -> Result<()> {
    let [n, classes, h, w] = logits.nchw(op)?;
    require_argument(classes > 0, op, || format!("logits of shape {} have no classes", logits.shape()))?;
    require(ids.sizes() == [n, h, w], op, logits.shape(), ids.shape(), || {
        "logits and ids may differ in channels only".into()
    })
}

/// −log softmax(logits) of the class that each pixel's id names: logits (N, C, H, W), ids (N, H, W) → (N, 1, H, W). It is 0
/// where an id is C or more: such pixels are ignored.
pub fn cross_entropy<B: Kernel<CrossEntropy>>(logits: &Tensor<B>, ids: &Ids<B>) -> Result<CrossEntropies<B>> {
    check("cross_entropy", logits, ids)?;
    let op = CrossEntropy { logits: logits.shape() };
    let (losses, log_sums) = op.run(logits.backend(), (logits.buffer(), ids.buffer()))?;
    Ok(CrossEntropies { losses, log_sums })
}

/// The gradient of [`cross_entropy`] in the logits, given what it returned and the gradient in the losses, (N, 1, H, W).
pub fn cross_entropy_grad<B: Kernel<CrossEntropyGrad>>(
    logits: &Tensor<B>,
    log_sums: &Tensor<B>,
    ids: &Ids<B>,
    grad_output: &Tensor<B>,
) -> Result<Tensor<B>> {
    let name = "cross_entropy_grad";
    check(name, logits, ids)?;
    for map in [log_sums, grad_output] {
        require(map.shape() == logits.shape().with(1, 1), name, logits.shape(), map.shape(), || {
            "log Σ exp and the gradient must be (N, 1, H, W), one value per pixel".into()
        })?;
    }
    let [log_sums, grad_output] = [log_sums, grad_output].map(Tensor::buffer);
    let inputs = CrossEntropyGradInputs { logits: logits.buffer(), log_sums, ids: ids.buffer(), grad_output };
    CrossEntropyGrad { logits: logits.shape() }.run(logits.backend(), inputs)
}

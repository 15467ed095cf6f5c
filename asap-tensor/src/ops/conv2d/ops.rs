//! Convolutions as ops: operands, results, cost and memory.

// The memory plan of an op is that of its kernel on `Cpu`.
use super::cpu::memory::{self, Shared};
use super::size::Conv2dSize;
use crate::error::Result;
use crate::op::{Buffers, Inputs, Kernel, Op, op};
use crate::ops::binary::{Binary, BinaryOp, Broadcast};
use crate::ops::layout::Narrow;
use crate::plan::Plan;
use crate::profile::Cost;
use crate::shape::Shape;
use crate::storage::Storage;

op! {
    /// y from x, the weight and an optional bias, (O).
    Conv2dForward { size: Conv2dSize }
    "conv2d", for<'a, B> (&'a B::Buffer, &'a B::Buffer, Option<&'a B::Buffer>) => Shape: |op| op.size.output(),
    cost: op.size.cost(),
    plan: |_inputs, plan| planned(op, memory::forward(&op.size, plan), plan)
}
op! {
    /// The gradient in x from that in y and the weight.
    Conv2dGradInput { size: Conv2dSize }
    "conv2d_grad_input", for<'a, B> [&'a B::Buffer; 2] => Shape: |op| op.size.input(),
    cost: op.size.cost(),
    plan: |_inputs, plan| planned(op, memory::grad_input(&op.size, plan), plan)
}
op! {
    /// The gradient in the weight from x and the gradient in y.
    Conv2dGradWeight { size: Conv2dSize }
    "conv2d_grad_weight", for<'a, B> [&'a B::Buffer; 2] => Shape: |op| op.size.weight(),
    cost: op.size.cost(),
    plan: |_inputs, plan| planned(op, memory::grad_weight(&op.size, plan), plan)
}
op! {
    /// [`Conv2dForward`] of the one-hot form of ids; ids outside the classes and pixels outside the image are zeros.
    Conv2dIds { size: Conv2dSize }
    "conv2d_ids", for<'a, B> (&'a B::IdBuffer, &'a B::Buffer, Option<&'a B::Buffer>) => Shape: |op| op.size.output(),
    cost: op.size.ids_cost(),
    plan: |_inputs, plan| planned(op, memory::ids(&op.size, plan), plan)
}
op! {
    /// The gradient in the weight of [`Conv2dIds`] from ids and the gradient in y.
    Conv2dIdsGradWeight { size: Conv2dSize }
    "conv2d_ids_grad_weight", for<'a, B> (&'a B::IdBuffer, &'a B::Buffer) => Shape: |op| op.size.weight(),
    cost: op.size.ids_cost(),
    plan: |_inputs, plan| planned(op, memory::ids_grad_weight(&op.size, plan), plan)
}
op! {
    /// [`Conv2dForward`] of the one-hot form of ids, of `classes` channels, followed by the channels of x: from (ids, x),
    /// the weight and an optional bias.
    Conv2dStack { size: Conv2dSize, classes: usize }
    "conv2d_stack",
    for<'a, B> ((&'a B::IdBuffer, &'a B::Buffer), &'a B::Buffer, Option<&'a B::Buffer>) => Shape: |op| op.size.output(),
    cost: {
        let (labels, image) = (op.labels(), op.image());
        let elements = image.input().count() + op.size.weight().count() + op.size.output().count();
        Cost { macs: labels.ids_cost().macs + image.cost().macs, elements: elements as u64 }
    },
    plan: |inputs, plan| match memory::stack_is_apart(op.image()) {
        true => op.apart(plan, inputs),
        false => planned(op, memory::ids(&op.size, plan), plan),
    }
}

/// The result of an op, allocated while `_shared` is in use.
fn planned<O: Op<Output = Shape>>(op: &O, _shared: Shared, plan: &Plan) -> Result<<Plan as Storage>::Buffer> {
    Ok(plan.block(op.output().count()))
}

impl Conv2dStack {
    /// The convolution of the ids.
    fn labels(&self) -> Conv2dSize {
        Conv2dSize { in_channels: self.classes, ..self.size }
    }

    /// The convolution of x.
    pub(super) fn image(&self) -> Conv2dSize {
        Conv2dSize { in_channels: self.size.in_channels - self.classes, ..self.size }
    }

    /// Computes the convolution as the sum of those of ids and of x.
    pub(super) fn apart<B>(
        &self,
        backend: &B,
        ((ids, x), weight, bias): Inputs<'_, Self, B>,
    ) -> Result<Buffers<Self, B>>
    where
        B: Kernel<Conv2dForward> + Kernel<Conv2dIds> + Kernel<Narrow> + Kernel<BinaryOp>,
    {
        let (labels, image) = (self.labels(), self.image());
        let (outputs, channels) = (self.size.out_channels, self.size.in_channels);
        let taps = self.size.kernel_height * self.size.kernel_width;
        let part = |start: usize, length: usize| {
            backend.compute(&Narrow { x: Shape::from([outputs, channels, taps]), axis: 1, start, length }, weight)
        };
        let (of_ids, of_x) = (part(0, self.classes)?, part(self.classes, image.in_channels)?);
        let from_ids = backend.compute(&Conv2dIds { size: labels }, (ids, &of_ids, bias))?;
        let from_x = backend.compute(&Conv2dForward { size: image }, (x, &of_x, None))?;
        let sum = BinaryOp { f: Binary::Add, a: self.size.output(), b: Broadcast::Same };
        backend.compute(&sum, [&from_ids, &from_x])
    }
}

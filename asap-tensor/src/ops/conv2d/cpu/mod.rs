//! Kernels of `Cpu`: a convolution is a matrix product with patches of x laid out as columns, a block at a time (`dense`);
//! or 36 smaller products (`winograd`). Few output channels need no matrices (`few`), label ids a table (`ids`).

mod columns;
mod convolution;
mod dense;
mod few;
mod ids;
pub(super) mod memory;
#[cfg(test)]
mod tests;
mod winograd;

use std::sync::Arc;

use super::ops::{Conv2dForward, Conv2dGradInput, Conv2dGradWeight, Conv2dIds, Conv2dIdsGradWeight, Conv2dStack};
use crate::cpu::Cpu;
use crate::error::Result;
use crate::op::{Inputs, Kernel};
use ids::Stack;
use memory::Algorithm;

impl Kernel<Conv2dForward> for Cpu {
    fn compute(
        &self,
        Conv2dForward { size }: &Conv2dForward,
        (x, weight, bias): Inputs<'_, Conv2dForward, Self>,
    ) -> Result<Self::Buffer> {
        let bias = bias.map(|bias| &bias[..]);
        Ok(Arc::new(self.run(|| match Algorithm::of(size) {
            Algorithm::Winograd => winograd::forward(self, x, weight, bias, size),
            Algorithm::Few => few::forward(self, x, weight, bias, size),
            Algorithm::Dense => dense::forward(self, x, weight, bias, size),
        })))
    }
}

impl Kernel<Conv2dGradInput> for Cpu {
    fn compute(&self, op: &Conv2dGradInput, [grad_output, weight]: [&Self::Buffer; 2]) -> Result<Self::Buffer> {
        let size = &op.size;
        Ok(Arc::new(self.run(|| match Algorithm::of(size) {
            Algorithm::Winograd => winograd::grad_input(self, grad_output, weight, size),
            Algorithm::Few => few::grad_input(self, grad_output, weight, size),
            Algorithm::Dense => dense::grad_input(self, grad_output, weight, size),
        })))
    }
}

impl Kernel<Conv2dGradWeight> for Cpu {
    fn compute(&self, op: &Conv2dGradWeight, [x, grad_output]: [&Self::Buffer; 2]) -> Result<Self::Buffer> {
        let size = &op.size;
        Ok(Arc::new(self.run(|| match Algorithm::of(size) {
            Algorithm::Winograd => winograd::grad_weight(self, x, grad_output, size),
            Algorithm::Few => few::grad_weight(self, x, grad_output, size),
            Algorithm::Dense => dense::grad_weight(self, x, grad_output, size),
        })))
    }
}

impl Kernel<Conv2dIds> for Cpu {
    fn compute(
        &self,
        Conv2dIds { size }: &Conv2dIds,
        (ids, weight, bias): Inputs<'_, Conv2dIds, Self>,
    ) -> Result<Self::Buffer> {
        let stack = Stack::of_ids(ids, size);
        Ok(Arc::new(self.run(|| ids::forward(self, stack, weight, bias.map(|bias| &bias[..]), size))))
    }
}

impl Kernel<Conv2dIdsGradWeight> for Cpu {
    fn compute(
        &self,
        op: &Conv2dIdsGradWeight,
        (ids, grad_output): Inputs<'_, Conv2dIdsGradWeight, Self>,
    ) -> Result<Self::Buffer> {
        Ok(Arc::new(self.run(|| ids::grad_weight(self, ids, grad_output, &op.size))))
    }
}

impl Kernel<Conv2dStack> for Cpu {
    fn compute(&self, op: &Conv2dStack, inputs: Inputs<'_, Conv2dStack, Self>) -> Result<Self::Buffer> {
        if memory::stack_is_apart(op.image()) {
            return op.apart(self, inputs);
        }
        let ((ids, x), weight, bias) = inputs;
        let stack = Stack { ids, classes: op.classes, x };
        Ok(Arc::new(self.run(|| ids::forward(self, stack, weight, bias.map(|bias| &bias[..]), &op.size))))
    }
}

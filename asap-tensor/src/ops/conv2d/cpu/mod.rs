//! Kernels of `Cpu`: a convolution is a matrix product with patches of x laid out as columns, a block at a time;
//! or, where it pays, 36 smaller ones: see `winograd`. Few channels need no matrices: see `few`.

mod columns;
pub(super) mod dense;
pub(super) mod few;
pub(super) mod ids;
#[cfg(test)]
mod tests;
pub(super) mod winograd;

use std::sync::Arc;

use super::{Conv2dOps, Conv2dSize, stack_apart};
use crate::cpu::Cpu;
use crate::error::Result;
use ids::Stack;

impl Conv2dOps for Cpu {
    fn conv2d(
        &self,
        x: &Self::Buffer,
        weight: &Self::Buffer,
        bias: Option<&Self::Buffer>,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        if winograd::pays(size) {
            return Ok(Arc::new(self.run(|| winograd::forward(self, x, weight, bias.map(|b| &b[..]), size))));
        }
        if few::pays(size) {
            return Ok(Arc::new(self.run(|| few::forward(self, x, weight, bias.map(|b| &b[..]), size))));
        }
        Ok(Arc::new(self.run(|| dense::forward(self, x, weight, bias.map(|b| &b[..]), size))))
    }
    fn conv2d_grad_input(
        &self,
        grad_output: &Self::Buffer,
        weight: &Self::Buffer,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        if winograd::pays(size) {
            return Ok(Arc::new(self.run(|| winograd::grad_input(self, grad_output, weight, size))));
        }
        if few::pays(size) {
            return Ok(Arc::new(self.run(|| few::grad_input(self, grad_output, weight, size))));
        }
        Ok(Arc::new(self.run(|| dense::grad_input(self, grad_output, weight, size))))
    }
    fn conv2d_grad_weight(
        &self,
        x: &Self::Buffer,
        grad_output: &Self::Buffer,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        if winograd::pays(size) {
            return Ok(Arc::new(self.run(|| winograd::grad_weight(self, x, grad_output, size))));
        }
        if few::pays(size) {
            return Ok(Arc::new(self.run(|| few::grad_weight(self, x, grad_output, size))));
        }
        Ok(Arc::new(self.run(|| dense::grad_weight(self, x, grad_output, size))))
    }
    fn conv2d_ids(
        &self,
        ids: &Self::IdBuffer,
        weight: &Self::Buffer,
        bias: Option<&Self::Buffer>,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        let stack = Stack::of_ids(ids, size);
        Ok(Arc::new(self.run(|| ids::forward(self, stack, weight, bias.map(|b| &b[..]), size))))
    }
    fn conv2d_ids_grad_weight(
        &self,
        ids: &Self::IdBuffer,
        grad_output: &Self::Buffer,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        Ok(Arc::new(self.run(|| ids::grad_weight(self, ids, grad_output, size))))
    }
    fn conv2d_stack(
        &self,
        ids: &Self::IdBuffer,
        x: &Self::Buffer,
        classes: usize,
        weight: &Self::Buffer,
        bias: Option<&Self::Buffer>,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        // Winograd's algorithm saves more than writing y once does.
        if winograd::pays(&size.of_channels(size.in_channels - classes)) {
            return stack_apart(self, (ids, x), classes, weight, bias, size);
        }
        let stack = Stack { ids, classes, x };
        Ok(Arc::new(self.run(|| ids::forward(self, stack, weight, bias.map(|b| &b[..]), size))))
    }
}

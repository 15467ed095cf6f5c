//! Kernels of `Cpu`. Each function gets a loop of its own, so that none decides inside it.

use super::{Unary, UnaryOps};
use crate::cpu::Cpu;
use crate::cpu::math::{sigmoid, tanh};
use crate::error::Result;

impl UnaryOps for Cpu {
    fn unary(&self, op: Unary, x: &Self::Buffer) -> Result<Self::Buffer> {
        Ok(match op {
            Unary::Abs => self.map(x, |x| Unary::Abs.apply(x)),
            Unary::Sqrt => self.map(x, |x| Unary::Sqrt.apply(x)),
            Unary::Tanh => self.map(x, tanh),
            Unary::Sigmoid => self.map(x, sigmoid),
            Unary::LeakyRelu { slope } => self.map(x, |x| Unary::LeakyRelu { slope }.apply(x)),
            Unary::Affine { scale, shift } => self.map(x, |x| Unary::Affine { scale, shift }.apply(x)),
        })
    }

    fn unary_grad(
        &self,
        op: Unary,
        x: &Self::Buffer,
        y: &Self::Buffer,
        grad_output: &Self::Buffer,
    ) -> Result<Self::Buffer> {
        // Each derivative needs either x or y.
        Ok(match op {
            Unary::Abs => self.map2(x, grad_output, |x, g| g * Unary::Abs.derivative(x, 0.0)),
            Unary::Sqrt => self.map2(y, grad_output, |y, g| g * Unary::Sqrt.derivative(0.0, y)),
            Unary::Tanh => self.map2(y, grad_output, |y, g| g * Unary::Tanh.derivative(0.0, y)),
            Unary::Sigmoid => self.map2(y, grad_output, |y, g| g * Unary::Sigmoid.derivative(0.0, y)),
            Unary::LeakyRelu { slope } => {
                self.map2(x, grad_output, |x, g| g * Unary::LeakyRelu { slope }.derivative(x, 0.0))
            }
            Unary::Affine { scale, .. } => self.map(grad_output, |g| g * scale as f32),
        })
    }
}

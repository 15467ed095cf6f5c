//! Kernels of `Cuda`.

use std::sync::Arc;

use super::{Unary, UnaryOps};
use crate::cuda::{Cuda, Source};
use crate::error::Result;

pub(crate) const SOURCE: Source = Source::new("unary.cu", include_str!("unary.cu"), &[]);

/// A function as the kernels take it: its number and its two constants.
fn code(op: Unary) -> (i32, f32, f32) {
    match op {
        Unary::Abs => (0, 0.0, 0.0),
        Unary::Sqrt => (1, 0.0, 0.0),
        Unary::Tanh => (2, 0.0, 0.0),
        Unary::Sigmoid => (3, 0.0, 0.0),
        Unary::LeakyRelu { slope } => (4, slope as f32, 0.0),
        Unary::Affine { scale, shift } => (5, scale as f32, shift as f32),
    }
}

impl UnaryOps for Cuda {
    // ANCHOR: launch
    fn unary(&self, op: Unary, x: &Self::Buffer) -> Result<Self::Buffer> {
        let (op, a, b) = code(op);
        let mut y = self.array(x.count())?;
        let launch = self.kernel(&SOURCE, "unary")?.output(&mut y).input(x).count(x.count());
        launch.value(op).value(a).value(b).for_each(x.count())?;
        Ok(Arc::new(y))
    }
    // ANCHOR_END: launch

    fn unary_grad(
        &self,
        op: Unary,
        x: &Self::Buffer,
        y: &Self::Buffer,
        grad_output: &Self::Buffer,
    ) -> Result<Self::Buffer> {
        let (op, a, _) = code(op);
        let mut grad = self.array(x.count())?;
        let launch = self.kernel(&SOURCE, "unary_grad")?.output(&mut grad).input(x).input(y).input(grad_output);
        launch.count(x.count()).value(op).value(a).for_each(x.count())?;
        Ok(Arc::new(grad))
    }
}

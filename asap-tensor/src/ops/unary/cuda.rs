//! Kernels of `Cuda`.

use super::{Unary, UnaryGrad, UnaryOp};
use crate::cuda::{Cuda, Source};
use crate::error::Result;
use crate::op::Kernel;

pub(crate) const SOURCE: Source = Source::new("unary.cu", include_str!("unary.cu"), &[("unary table", Unary::CASES)]);

// ANCHOR: launch
impl Kernel<UnaryOp> for Cuda {
    fn compute(&self, op: &UnaryOp, x: &Self::Buffer) -> Result<Self::Buffer> {
        let (f, [a, b]) = op.f.code();
        self.build(x.count(), |y| {
            let launch = self.kernel(&SOURCE, "unary")?.output(y).input(x).count(x.count());
            launch.value(f).value(a).value(b).for_each(x.count())
        })
    }
}
// ANCHOR_END: launch

impl Kernel<UnaryGrad> for Cuda {
    fn compute(&self, op: &UnaryGrad, [x, y, grad_output]: [&Self::Buffer; 3]) -> Result<Self::Buffer> {
        let (f, [a, b]) = op.f.code();
        self.build(x.count(), |grad| {
            let launch = self.kernel(&SOURCE, "unary_grad")?.output(grad).input(x).input(y).input(grad_output);
            launch.count(x.count()).value(f).value(a).value(b).for_each(x.count())
        })
    }
}

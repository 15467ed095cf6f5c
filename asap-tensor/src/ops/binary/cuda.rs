//! Kernels of `Cuda`.

use super::{BinaryOp, Broadcast};
use crate::cuda::{Cuda, Source};
use crate::error::Result;
use crate::op::Kernel;

pub(crate) const SOURCE: Source = Source::new("binary.cu", include_str!("binary.cu"), &[]);

impl Kernel<BinaryOp> for Cuda {
    fn compute(&self, op: &BinaryOp, [a, b]: [&Self::Buffer; 2]) -> Result<Self::Buffer> {
        let count = a.count();
        self.build(count, |y| match op.b {
            Broadcast::Same | Broadcast::Scalar => {
                let spread = i32::from(op.b == Broadcast::Scalar);
                let launch = self.kernel(&SOURCE, "binary")?.output(y).input(a).input(b).count(count);
                launch.value(op.f as i32).value(spread).for_each(count)
            }
            Broadcast::Channel { channels, plane } => {
                let planes = count / plane.max(1);
                let launch = self.kernel(&SOURCE, "binary_channel")?.output(y).input(a).input(b).count(planes);
                launch.size(channels).size(plane).value(op.f as i32).for_each_plane(planes, plane)
            }
        })
    }
}

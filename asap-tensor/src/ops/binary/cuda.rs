//! Kernels of `Cuda`.

use std::sync::Arc;

use super::{Binary, BinaryOps, Broadcast};
use crate::cuda::{Cuda, Source};
use crate::error::Result;

pub(crate) const SOURCE: Source = Source::new("binary.cu", include_str!("binary.cu"), &[]);

impl BinaryOps for Cuda {
    fn binary(&self, op: Binary, a: &Self::Buffer, b: &Self::Buffer, broadcast: Broadcast) -> Result<Self::Buffer> {
        let count = a.count();
        let mut y = self.array(count)?;
        match broadcast {
            Broadcast::Same | Broadcast::Scalar => {
                let spread = i32::from(broadcast == Broadcast::Scalar);
                let launch = self.kernel(&SOURCE, "binary")?.output(&mut y).input(a).input(b).count(count);
                launch.value(op as i32).value(spread).for_each(count)?;
            }
            Broadcast::Channel { channels, plane } => {
                let planes = count / plane.max(1);
                let launch = self.kernel(&SOURCE, "binary_channel")?.output(&mut y).input(a).input(b).count(planes);
                launch.size(channels).size(plane).value(op as i32).for_each_plane(planes, plane)?;
            }
        }
        Ok(Arc::new(y))
    }
}

//! The memory of `Cpu`'s kernels.

use super::ReduceOps;
use crate::error::Result;
use crate::plan::Plan;

impl ReduceOps for Plan {
    fn sum(&self, _x: &Self::Buffer) -> Result<Self::Buffer> {
        Ok(self.block(1))
    }

    fn sum_channels(&self, _x: &Self::Buffer, _batch: usize, channels: usize, _plane: usize) -> Result<Self::Buffer> {
        Ok(self.block(channels))
    }
}

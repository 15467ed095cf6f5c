//! The memory of `Cpu`'s kernels.

use super::{Binary, BinaryOps, Broadcast};
use crate::error::Result;
use crate::plan::Plan;

impl BinaryOps for Plan {
    fn binary(&self, _op: Binary, a: &Self::Buffer, _b: &Self::Buffer, _broadcast: Broadcast) -> Result<Self::Buffer> {
        Ok(self.block(a.count()))
    }
}

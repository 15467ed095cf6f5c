//! The memory of `Cpu`'s kernels.

use super::{MatmulOps, MatmulSize};
use crate::cpu::gemm;
use crate::error::Result;
use crate::plan::Plan;

impl MatmulOps for Plan {
    fn matmul(&self, _a: &Self::Buffer, _b: &Self::Buffer, size: &MatmulSize) -> Result<Self::Buffer> {
        self.scratch(gemm::scratch(size.m.min(super::cpu::BLOCK_ROWS)));
        Ok(self.block(size.batch * size.m * size.n))
    }
}

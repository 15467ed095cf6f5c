//! Kernels of `Cpu`.

use super::{MatmulOps, MatmulSize};
use crate::cpu::Cpu;
use crate::error::Result;

impl MatmulOps for Cpu {
    fn matmul(&self, a: &Self::Buffer, b: &Self::Buffer, size: &MatmulSize) -> Result<Self::Buffer> {
        unimplemented!()
    }
}

//! Kernels of `Cpu`.

use super::{Binary, BinaryOps, Broadcast};
use crate::cpu::Cpu;
use crate::error::Result;

impl BinaryOps for Cpu {
    fn binary(&self, op: Binary, a: &Self::Buffer, b: &Self::Buffer, broadcast: Broadcast) -> Result<Self::Buffer> {
        unimplemented!()
    }
}

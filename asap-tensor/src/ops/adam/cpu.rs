//! Kernels of `Cpu`.

use super::{AdamOps, AdamStep};
use crate::cpu::Cpu;
use crate::error::Result;

impl AdamOps for Cpu {
    fn adam(
        &self,
        weight: &mut Self::Buffer,
        first_moment: &mut Self::Buffer,
        second_moment: &mut Self::Buffer,
        grad: &Self::Buffer,
        step: &AdamStep,
    ) -> Result<()> {
        unimplemented!()
    }
}

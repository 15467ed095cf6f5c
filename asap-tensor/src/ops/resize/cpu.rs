//! Kernels of `Cpu`.

use super::{ResizeOps, ResizeSize};
use crate::cpu::Cpu;
use crate::error::Result;

impl ResizeOps for Cpu {
    fn resize(&self, x: &Self::Buffer, size: &ResizeSize<'_>) -> Result<Self::Buffer> {
        unimplemented!()
    }
    fn resize_ids(&self, ids: &Self::IdBuffer, classes: usize, size: &ResizeSize<'_>) -> Result<Self::Buffer> {
        unimplemented!()
    }
}

//! Kernels of `Cpu`.

use super::{InstanceNormOps, NormSize};
use crate::cpu::Cpu;
use crate::error::Result;

impl InstanceNormOps for Cpu {
    fn instance_norm(
        &self,
        x: &Self::Buffer,
        affine: Option<(&Self::Buffer, &Self::Buffer)>,
        size: &NormSize,
    ) -> Result<(Self::Buffer, Self::Buffer, Self::Buffer)> {
        unimplemented!()
    }
    fn instance_norm_grad(
        &self,
        x: &Self::Buffer,
        mean: &Self::Buffer,
        inverse_deviation: &Self::Buffer,
        affine: Option<(&Self::Buffer, &Self::Buffer)>,
        grad_output: &Self::Buffer,
        size: &NormSize,
    ) -> Result<(Self::Buffer, Option<(Self::Buffer, Self::Buffer)>)> {
        unimplemented!()
    }
}

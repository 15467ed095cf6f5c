//! The memory of `Cpu`'s kernels.

use super::{InstanceNormGradBuffers, InstanceNormOps, InstanceNormSize};
use crate::error::Result;
use crate::plan::Plan;

impl InstanceNormOps for Plan {
    fn instance_norm(
        &self,
        x: &Self::Buffer,
        _affine: Option<(&Self::Buffer, &Self::Buffer)>,
        size: &InstanceNormSize,
    ) -> Result<(Self::Buffer, Self::Buffer, Self::Buffer)> {
        let statistic = || self.block(size.batch * size.channels);
        Ok((self.block(x.count()), statistic(), statistic()))
    }

    fn instance_norm_grad(
        &self,
        x: &Self::Buffer,
        _mean: &Self::Buffer,
        _inverse_deviation: &Self::Buffer,
        affine: Option<(&Self::Buffer, &Self::Buffer)>,
        _grad_output: &Self::Buffer,
        size: &InstanceNormSize,
    ) -> Result<InstanceNormGradBuffers<Self::Buffer>> {
        let channels = || self.block(size.channels);
        Ok((self.block(x.count()), affine.map(|_| (channels(), channels()))))
    }
}

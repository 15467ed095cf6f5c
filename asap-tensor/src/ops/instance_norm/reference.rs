//! Kernels of `Reference`.

use super::{InstanceNormOps, NormSize};
use crate::backend::Element;
use crate::error::Result;
use crate::reference::Reference;

impl<E: Element> InstanceNormOps for Reference<E> {
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

//! Kernels of `Reference`.

use super::{Conv2dOps, Conv2dSize};
use crate::backend::Element;
use crate::error::Result;
use crate::reference::Reference;

impl<E: Element> Conv2dOps for Reference<E> {
    fn conv2d(
        &self,
        x: &Self::Buffer,
        weight: &Self::Buffer,
        bias: Option<&Self::Buffer>,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        unimplemented!()
    }
    fn conv2d_grad_input(
        &self,
        grad_output: &Self::Buffer,
        weight: &Self::Buffer,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        unimplemented!()
    }
    fn conv2d_grad_weight(
        &self,
        x: &Self::Buffer,
        grad_output: &Self::Buffer,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        unimplemented!()
    }
    fn conv2d_ids(
        &self,
        ids: &Self::IdBuffer,
        weight: &Self::Buffer,
        bias: Option<&Self::Buffer>,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        unimplemented!()
    }
    fn conv2d_ids_grad_weight(
        &self,
        ids: &Self::IdBuffer,
        grad_output: &Self::Buffer,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        unimplemented!()
    }
}

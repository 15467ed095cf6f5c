//! Kernels of `Reference`.

use super::{AdamOps, AdamStep};
use crate::backend::Element;
use crate::error::Result;
use crate::reference::Reference;

impl<E: Element> AdamOps for Reference<E> {
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

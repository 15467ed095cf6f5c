//! Kernels of `Reference`.

use super::{MatmulOps, MatmulSize};
use crate::backend::Element;
use crate::error::Result;
use crate::reference::Reference;

impl<E: Element> MatmulOps for Reference<E> {
    fn matmul(&self, a: &Self::Buffer, b: &Self::Buffer, size: &MatmulSize) -> Result<Self::Buffer> {
        unimplemented!()
    }
}

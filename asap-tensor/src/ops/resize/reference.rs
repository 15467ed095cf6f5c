//! Kernels of `Reference`.

use super::{ResizeOps, ResizeSize};
use crate::backend::Element;
use crate::error::Result;
use crate::reference::Reference;

impl<E: Element> ResizeOps for Reference<E> {
    fn resize(&self, x: &Self::Buffer, size: &ResizeSize<'_>) -> Result<Self::Buffer> {
        unimplemented!()
    }
    fn resize_ids(&self, ids: &Self::IdBuffer, classes: usize, size: &ResizeSize<'_>) -> Result<Self::Buffer> {
        unimplemented!()
    }
}

//! Kernels of `Reference`.

use super::{Binary, BinaryOps, Broadcast};
use crate::backend::Element;
use crate::error::Result;
use crate::reference::Reference;

impl<E: Element> BinaryOps for Reference<E> {
    fn binary(&self, op: Binary, a: &Self::Buffer, b: &Self::Buffer, broadcast: Broadcast) -> Result<Self::Buffer> {
        unimplemented!()
    }
}

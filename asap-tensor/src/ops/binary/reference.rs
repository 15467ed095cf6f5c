//! Kernels of `Reference`.

use std::sync::Arc;

use super::{Binary, BinaryOps, Broadcast};
use crate::backend::Element;
use crate::error::Result;
use crate::reference::Reference;

impl<E: Element> BinaryOps for Reference<E> {
    fn binary(&self, op: Binary, a: &Self::Buffer, b: &Self::Buffer, broadcast: Broadcast) -> Result<Self::Buffer> {
        Ok(Arc::new((0..a.len()).map(|i| op.apply(a[i], b[broadcast.index(i)])).collect()))
    }
}

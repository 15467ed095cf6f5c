//! Kernels of `Reference`.

use std::sync::Arc;

use ndarray::s;

use super::ReduceOps;
use crate::backend::Element;
use crate::error::Result;
use crate::reference::{self, Reference, view};

impl<E: Element> ReduceOps for Reference<E> {
    fn sum(&self, x: &Self::Buffer) -> Result<Self::Buffer> {
        Ok(Arc::new(vec![reference::sum(x.iter().copied())]))
    }

    fn sum_channels(&self, x: &Self::Buffer, batch: usize, channels: usize, plane: usize) -> Result<Self::Buffer> {
        let x = view(x, (batch, channels, plane));
        Ok(Arc::new((0..channels).map(|c| reference::sum(x.slice(s![.., c, ..]).iter().copied())).collect()))
    }
}

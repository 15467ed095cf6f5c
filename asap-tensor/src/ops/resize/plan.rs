//! The memory of `Cpu`'s kernels.

use std::sync::Arc;

use super::cpu::copies;
use super::{ResizeOps, ResizeSize};
use crate::error::Result;
use crate::plan::Plan;

impl ResizeOps for Plan {
    fn resize(&self, x: &Self::Buffer, size: &ResizeSize<'_>) -> Result<Self::Buffer> {
        if copies(size.rows) && copies(size.columns) {
            return Ok(Arc::clone(x));
        }
        Ok(self.block(size.planes * size.rows.outputs() * size.columns.outputs()))
    }

    fn resize_ids(&self, _ids: &Self::IdBuffer, classes: usize, size: &ResizeSize<'_>) -> Result<Self::Buffer> {
        let count = size.planes * classes * size.rows.outputs() * size.columns.outputs();
        let y = self.block(count);
        if !(copies(size.rows) && copies(size.columns)) {
            // The votes, before they are put in order.
            self.briefly(count);
        }
        Ok(y)
    }
}

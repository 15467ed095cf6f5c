//! Kernels of `Cuda`.

use std::sync::Arc;

use super::{Sum, SumChannels};
use crate::cuda::{Cuda, Source, blocks};
use crate::error::Result;
use crate::op::Kernel;
use crate::shape::Shape;

pub(crate) const SOURCE: Source = Source::new("reduce.cu", include_str!("reduce.cu"), &[]);

/// Values that one block sums: 64 for each thread.
const CHUNK: usize = 1 << 14;
const THREADS: u32 = 256;

impl Kernel<Sum> for Cuda {
    fn compute(&self, op: &Sum, x: &Self::Buffer) -> Result<Self::Buffer> {
        self.compute(&SumChannels { x: Shape::from([1, 1, op.x.count()]) }, x)
    }
}

impl Kernel<SumChannels> for Cuda {
    fn compute(&self, op: &SumChannels, x: &Self::Buffer) -> Result<Self::Buffer> {
        let [batch, channels, plane] = op.x.around(1);
        let (rows, chunks) = (batch * channels, plane.div_ceil(CHUNK));
        let mut partial = self.array::<f32>(rows * chunks)?;
        let launch = self.kernel(&SOURCE, "chunk_sums")?.output(&mut partial).input(x).count(rows).count(plane);
        let grid = [blocks(chunks, 1), blocks(rows, 1).min(65_535), 1];
        launch.count(CHUNK).size(chunks).launch(grid, [THREADS.min(blocks(plane, 32) * 32), 1, 1])?;
        let mut y = self.array(channels)?;
        let launch = self.kernel(&SOURCE, "channel_totals")?.output(&mut y).input(&partial).count(batch);
        let threads = THREADS.min(blocks(batch * chunks, 32).max(1) * 32);
        launch.size(channels).size(chunks).launch([blocks(channels, 1), 1, 1], [threads, 1, 1])?;
        Ok(Arc::new(y))
    }
}

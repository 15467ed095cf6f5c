//! Kernels of `Cuda`.

use std::sync::Arc;

use super::{InstanceNorm, InstanceNormGrad, InstanceNormGradInputs, ScaleShift};
use crate::cuda::{Array, Cuda, Launch, Parameters, Source, blocks};
use crate::error::Result;
use crate::op::{Buffers, Inputs, Kernel};
use crate::shape::Shape;

pub(crate) const SOURCE: Source = Source::new("instance_norm.cu", include_str!("instance_norm.cu"), &[]);

/// Values that a block keeps in shared memory: every card has room for four such blocks at once.
const KEPT: usize = 6144;
/// The minimum number of values in a chunk of a larger plane, 16 for each thread, and the maximum number of chunks:
/// every block combines their statistics again.
const CHUNK: usize = 4096;
const MAX_CHUNKS: usize = 64;
const THREADS: usize = 256;
/// The maximum number of blocks along the second and third axis of a grid.
const MAX_BLOCKS: usize = 65_535;

/// The kernels' `Norm`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Norm {
    /// Channels, plane, chunks, chunk.
    sizes: [i32; 4],
    /// ε and slope.
    constants: [f32; 2],
}

// SAFETY: as in instance_norm.cu, and without padding.
unsafe impl Parameters for Norm {}

/// How the planes are divided among blocks.
struct Split {
    batch: usize,
    channels: usize,
    planes: usize,
    plane: usize,
    chunks: usize,
    norm: Norm,
}

impl Split {
    /// The gradient does not use `epsilon`.
    fn new(x: Shape, epsilon: f64, slope: f64) -> Self {
        let [batch, channels, plane] = x.around(1);
        let chunk = CHUNK.max(plane.div_ceil(MAX_CHUNKS));
        let chunks = plane.div_ceil(chunk);
        let norm = Norm {
            sizes: [channels, plane, chunks, chunk].map(|v| v as i32),
            constants: [epsilon as f32, slope as f32],
        };
        Split { batch, channels, planes: batch * channels, plane, chunks, norm }
    }

    /// A block for each plane, with shared memory for `kept` values of each of its pixels.
    fn by_plane(&self, launch: Launch<'_>, kept: usize) -> Result<()> {
        let threads = self.plane.div_ceil(4).next_multiple_of(32).min(1024);
        let launch = launch.structure(&self.norm).shared(kept * self.plane * size_of::<f32>());
        launch.launch([blocks(self.planes, 1), 1, 1], [threads as u32, 1, 1])
    }

    /// A block for each chunk of each plane.
    fn by_chunk(&self, launch: Launch<'_>) -> Result<()> {
        // The planes fill y and z exactly.
        let rows = (1..=MAX_BLOCKS.min(self.planes)).rev().find(|rows| self.planes.is_multiple_of(*rows)).unwrap_or(1);
        let grid = [blocks(self.chunks, 1), rows as u32, blocks(self.planes, rows)];
        launch.structure(&self.norm).launch(grid, [THREADS as u32, 1, 1])
    }
}

/// γ and β as kernels take them.
fn with_affine<'a>(launch: Launch<'a>, affine: ScaleShift<'_, Arc<Array<f32>>>) -> Launch<'a> {
    launch.optional(affine.map(|(scale, _)| &**scale)).optional(affine.map(|(_, shift)| &**shift))
}

impl Kernel<InstanceNorm> for Cuda {
    fn compute(
        &self,
        op: &InstanceNorm,
        (x, affine): Inputs<'_, InstanceNorm, Self>,
    ) -> Result<Buffers<InstanceNorm, Self>> {
        let split = Split::new(op.x, op.epsilon, op.slope);
        let mut y = self.array::<f32>(x.count())?;
        let (mut mean, mut rstd) = (self.array::<f32>(split.planes)?, self.array::<f32>(split.planes)?);
        if split.plane <= KEPT {
            let launch = self.kernel(&SOURCE, "norm_plane")?.output(&mut y).output(&mut mean).output(&mut rstd);
            split.by_plane(with_affine(launch.input(x), affine), 1)?;
        } else {
            let mut partial = self.array::<f32>(3 * split.planes * split.chunks)?;
            split.by_chunk(self.kernel(&SOURCE, "norm_chunks")?.output(&mut partial).input(x))?;
            let launch = self.kernel(&SOURCE, "norm_apply")?.output(&mut y).output(&mut mean).output(&mut rstd);
            split.by_chunk(with_affine(launch.input(x).input(&partial), affine))?;
        }
        Ok((Arc::new(y), (Arc::new(mean), Arc::new(rstd))))
    }
}

impl Kernel<InstanceNormGrad> for Cuda {
    fn compute(
        &self,
        op: &InstanceNormGrad,
        inputs: Inputs<'_, InstanceNormGrad, Self>,
    ) -> Result<Buffers<InstanceNormGrad, Self>> {
        let split = Split::new(op.x, 0.0, op.slope);
        let mut grad = self.array::<f32>(inputs.x.count())?;
        let (mut sum_d, mut sum_dx) =
            (self.array::<f32>(split.planes * split.chunks)?, self.array::<f32>(split.planes * split.chunks)?);
        let read = |launch| {
            let InstanceNormGradInputs { x, mean, rstd, affine, grad_output } = inputs;
            with_affine(Launch::input(launch, x).input(mean).input(rstd), affine).input(grad_output)
        };
        if 2 * split.plane <= KEPT {
            let launch = self.kernel(&SOURCE, "norm_grad_plane")?.output(&mut grad);
            split.by_plane(read(launch.output(&mut sum_d).output(&mut sum_dx)), 2)?;
        } else {
            let launch = self.kernel(&SOURCE, "norm_grad_chunks")?.output(&mut sum_d).output(&mut sum_dx);
            split.by_chunk(read(launch))?;
            let launch = self.kernel(&SOURCE, "norm_grad_apply")?.output(&mut grad).input(&sum_d).input(&sum_dx);
            split.by_chunk(read(launch))?;
        }
        if !op.affine {
            return Ok((Arc::new(grad), None));
        }
        let (mut grad_scale, mut grad_shift) = (self.array(split.channels)?, self.array(split.channels)?);
        let launch = self.kernel(&SOURCE, "norm_grad_affine")?.output(&mut grad_scale).output(&mut grad_shift);
        let launch = launch.input(&sum_dx).input(&sum_d).size(split.batch).size(split.channels).size(split.chunks);
        launch.for_each(split.channels)?;
        Ok((Arc::new(grad), Some((Arc::new(grad_scale), Arc::new(grad_shift)))))
    }
}

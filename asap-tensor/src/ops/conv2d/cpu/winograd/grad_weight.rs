//! The gradient in the weight, tile by tile: dW = Gᵀ·(Σ (A·g·Aᵀ) ⊙ (Bᵀ·x·B))·G, a sum over all tiles of all images.
//!
//! For each of the 36 elements of a tile the sum is a matrix product, output channels by tiles times tiles by input
//! channels. Both are transformed once, channels last: the lanes of a register are channels throughout.

use rayon::prelude::*;

use super::plan::GAP;
use super::transform::{Input, Lines, OutputGrad, POINTS, Steps, WeightGrad, both_sides};
use crate::cpu::matrix::MatrixMut;
use crate::cpu::panel::{Columns, Panel, Rows, multiply};
use crate::cpu::scratch::{aligned, with_scratch};
use crate::cpu::simd::{Routine, Simd};
use crate::cpu::transpose::transpose;
use crate::cpu::{Array, Cpu};
use crate::ops::conv2d::Conv2dSize;

/// Channels of a block of transformed tiles: whole registers at every level.
const CHANNELS: usize = 64;
/// Output channels of a block of sums.
const OUTPUTS: usize = 32;
/// Maximum number of tiles of a block: 36 times as many values of its channels stay in the L2 cache.
const TILES: usize = 32;
/// From one point of a block of sums to the next.
const SUMS: usize = OUTPUTS * CHANNELS + GAP;

/// The tiles of a batch.
struct Tiling {
    /// Rows of tiles of an image, and tiles of such a row.
    rows: usize,
    columns: usize,
    /// Tiles of all images.
    tiles: usize,
    /// Tiles of a block; the last one may have fewer.
    block: usize,
}

impl Tiling {
    fn of(size: &Conv2dSize) -> Self {
        let out = 7 - size.kernel_height;
        let (rows, columns) = (size.out_height.div_ceil(out), size.out_width.div_ceil(out));
        let tiles = size.batch * rows * columns;
        Tiling { rows, columns, tiles, block: tiles.div_ceil(tiles.div_ceil(TILES).max(1)).max(1) }
    }

    /// Blocks of tiles.
    fn blocks(&self) -> usize {
        self.tiles.div_ceil(self.block)
    }

    /// From one point of a block of transformed tiles of so many channels to the next, in values.
    fn step(&self, channels: usize) -> usize {
        self.block * channels + GAP
    }

    /// Values of the transformed tiles of so many channels, in blocks of `block` channels.
    fn count(&self, channels: usize, block: usize) -> usize {
        channels.div_ceil(block) * self.blocks() * POINTS * self.step(block)
    }
}

/// A batch of images, channels last, with zeros around them as far as tiles reach.
#[derive(Clone, Copy)]
struct Frame {
    channels: usize,
    /// Size of the images, and their offset in both directions.
    height: usize,
    width: usize,
    padding: usize,
    /// Rows and columns including the zeros.
    rows: usize,
    columns: usize,
}

impl Frame {
    /// x: tiles reach 6 pixels from each multiple of a tile's outputs.
    fn of_input(size: &Conv2dSize) -> Self {
        let (tiling, out) = (Tiling::of(size), 7 - size.kernel_height);
        Frame {
            channels: size.in_channels,
            height: size.in_height,
            width: size.in_width,
            padding: size.padding,
            rows: (tiling.rows * out + 6 - out).max(size.in_height + size.padding),
            columns: (tiling.columns * out + 6 - out).max(size.in_width + size.padding),
        }
    }

    /// The gradient of the output.
    fn of_output(size: &Conv2dSize) -> Self {
        let (tiling, out) = (Tiling::of(size), 7 - size.kernel_height);
        Frame {
            channels: size.out_channels,
            height: size.out_height,
            width: size.out_width,
            padding: 0,
            rows: tiling.rows * out,
            columns: tiling.columns * out,
        }
    }

    /// Channels, padded to whole registers.
    fn depth(&self) -> usize {
        self.channels.next_multiple_of(REGISTER)
    }

    fn count(&self) -> usize {
        self.rows * self.columns * self.depth()
    }

    /// Values of memory for a batch of images, aligned to a cache line.
    fn memory(&self, batch: usize) -> usize {
        batch * self.count() + REGISTER
    }

    fn fill(&self, images: &[f32], to: &mut [f32]) {
        let image = self.channels * self.height * self.width;
        let row = self.columns * self.depth();
        to.par_chunks_exact_mut(row).enumerate().for_each(|(at, to)| {
            let (n, y) = (at / self.rows, at % self.rows);
            to.fill(0.0);
            let Some(y) = y.checked_sub(self.padding).filter(|&y| y < self.height) else { return };
            let from = &images[n * image + y * self.width..(n + 1) * image];
            let to = &mut to[self.padding * self.depth()..];
            transpose(from, self.height * self.width, &mut MatrixMut::new(to, self.width, self.channels, self.depth()));
        });
    }
}

/// Channels are padded to a multiple of this, whole registers at every level.
const REGISTER: usize = 16;

/// Transforms the tiles of an image: `to[f][tile][channel]` of a block of channels and a block of tiles.
struct Transform<'a, const OUT: usize> {
    /// Whether these are tiles of the gradient of the output instead of x.
    outputs: bool,
    frame: Frame,
    tiling: &'a Tiling,
    framed: &'a [f32],
    /// The first tile of the batch, and how many.
    tile: usize,
    tiles: usize,
    /// The first channel, and the channels of a block.
    channel: usize,
    block: usize,
    to: &'a mut [f32],
}

impl<const OUT: usize> Routine for Transform<'_, OUT>
where
    OutputGrad: Lines<OUT, 6>,
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Transform { frame, tiling, tile, tiles, channel, block, .. } = self;
        let depth = frame.depth();
        let channels = block.min(depth - channel);
        let steps = Steps { row: (frame.columns * depth) as isize, column: depth as isize };
        let step = tiling.step(block);
        assert!(self.to.len() >= POINTS * step && tiles <= tiling.block && channels.is_multiple_of(S::LANES));
        for t in 0..tiles {
            let (n, at) = ((tile + t) / (tiling.rows * tiling.columns), (tile + t) % (tiling.rows * tiling.columns));
            let (ty, tx) = (at / tiling.columns, at % tiling.columns);
            let from = n * frame.count() + (OUT * ty * frame.columns + OUT * tx) * depth + channel;
            let reach = if self.outputs { OUT } else { 6 } - 1;
            assert!(from + reach * (frame.columns + 1) * depth + channels <= self.framed.len());
            for c in (0..channels).step_by(S::LANES) {
                // SAFETY: asserted above; a block of transformed tiles has 36 times so many rows of `block` values.
                unsafe {
                    let from = self.framed.as_ptr().add(from + c);
                    let to = self.to.as_mut_ptr().add(t * block + c);
                    if self.outputs {
                        both_sides::<S, OutputGrad, OUT, 6>(s, from, steps, to, step);
                    } else {
                        both_sides::<S, Input, 6, 6>(s, from, steps, to, step);
                    }
                }
            }
            for f in (0..POINTS).filter(|_| channels < block) {
                self.to[f * step + t * block + channels..f * step + (t + 1) * block].fill(0.0);
            }
        }
    }
}

/// Adds the products of a block of tiles to a block of sums, `sums[f][o][i]`.
struct Multiply<'a> {
    tiling: &'a Tiling,
    grad: &'a [f32],
    x: &'a [f32],
    tiles: usize,
    first: bool,
    sums: &'a mut [f32],
}

impl Routine for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        const V: usize = 2;
        let Multiply { tiling, grad, x, tiles, first, sums } = self;
        let [grad_step, x_step] = [OUTPUTS, CHANNELS].map(|channels| tiling.step(channels));
        assert!(grad.len() >= POINTS * grad_step && x.len() >= POINTS * x_step && tiles <= tiling.block);
        assert!(sums.len() >= POINTS * SUMS);
        for f in 0..POINTS {
            for at in (0..CHANNELS).step_by(V * S::LANES) {
                // SAFETY: asserted above; V registers divide a block's channels.
                unsafe {
                    let rows = Rows { start: grad.as_ptr().add(f * grad_step), row: 1, step: OUTPUTS };
                    let panel = Panel { start: x.as_ptr().add(f * x_step + at), step: CHANNELS };
                    let start = sums.as_mut_ptr().add(f * SUMS + at);
                    let mut sums = Columns { start, row: CHANNELS, width: V * S::LANES, add: !first };
                    multiply::<S, V>(s, OUTPUTS, tiles, rows, panel, &mut sums);
                }
            }
        }
    }
}

/// Gᵀ·sums·G of a block, written to the gradient: a row for each output channel, of the weights of its input channels.
struct Finish<'a, 'g, const TAPS: usize> {
    sums: &'a [f32],
    stage: &'a mut [f32],
    grad: &'a mut MatrixMut<'g>,
}

impl<const TAPS: usize> Routine for Finish<'_, '_, TAPS>
where
    WeightGrad: Lines<6, TAPS>,
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let taps = TAPS * TAPS;
        assert!(self.sums.len() >= POINTS * SUMS && self.stage.len() >= taps * CHANNELS);
        assert!(self.grad.height() <= OUTPUTS && self.grad.width() <= taps * CHANNELS);
        for o in 0..self.grad.height() {
            for at in (0..CHANNELS).step_by(S::LANES) {
                // SAFETY: asserted above.
                unsafe {
                    let from = self.sums.as_ptr().add(o * CHANNELS + at);
                    let to = self.stage.as_mut_ptr().add(at);
                    let steps = Steps::dense(6, SUMS);
                    both_sides::<S, WeightGrad, 6, TAPS>(s, from, steps, to, CHANNELS);
                }
            }
            let row = self.grad.row(o);
            let channels = row.len() / taps;
            transpose(self.stage, CHANNELS, &mut MatrixMut::new(row, channels, taps, taps));
        }
    }
}

/// Memory of [`grad_weight`], in values: scratch of a thread; and for x and for the gradient of the output, shared memory
/// during the transform and until the end.
pub(crate) fn memory(size: &Conv2dSize) -> (usize, [(usize, usize); 2]) {
    let sides = [(Frame::of_input(size), CHANNELS), (Frame::of_output(size), OUTPUTS)];
    let tiling = Tiling::of(size);
    (scratch(size), sides.map(|(frame, block)| (frame.memory(size.batch), tiling.count(frame.channels, block))))
}

fn scratch(size: &Conv2dSize) -> usize {
    POINTS * SUMS + size.kernel_height * size.kernel_width * CHANNELS + REGISTER
}

/// The gradient in the weight, (O, I, R, S).
pub(crate) fn grad_weight(cpu: &Cpu, x: &[f32], grad_output: &[f32], size: &Conv2dSize) -> Array {
    match size.kernel_height {
        4 => grad_weight_as::<4, 3>(cpu, x, grad_output, size),
        _ => grad_weight_as::<3, 4>(cpu, x, grad_output, size),
    }
}

fn grad_weight_as<const TAPS: usize, const OUT: usize>(
    cpu: &Cpu,
    x: &[f32],
    grad_output: &[f32],
    size: &Conv2dSize,
) -> Array
where
    OutputGrad: Lines<OUT, 6>,
    WeightGrad: Lines<6, TAPS>,
{
    let tiling = &Tiling::of(size);
    let transformed = |images: &[f32], frame: Frame, outputs: bool, block: usize| {
        let mut framed = cpu.array(frame.memory(size.batch));
        let framed = &mut aligned(&mut framed)[..size.batch * frame.count()];
        frame.fill(images, framed);
        let framed = &*framed;
        let mut tiles = cpu.array(tiling.count(frame.channels, block));
        // Blocks of channels, each of blocks of tiles.
        tiles.par_chunks_exact_mut(POINTS * tiling.step(block)).enumerate().for_each(|(at, to)| {
            let (channel, tile) = (at / tiling.blocks() * block, at % tiling.blocks() * tiling.block);
            let tiles = tiling.block.min(tiling.tiles - tile);
            cpu.vectorize(Transform::<OUT> { outputs, frame, tiling, framed, tile, tiles, channel, block, to });
        });
        tiles
    };
    let x = transformed(x, Frame::of_input(size), false, CHANNELS);
    let grad_output = transformed(grad_output, Frame::of_output(size), true, OUTPUTS);

    let taps = TAPS * TAPS;
    let mut grad = cpu.array(size.weight().count());
    let row = taps * size.in_channels;
    let mut blocks = MatrixMut::new(&mut grad, size.out_channels, row, row).blocks(OUTPUTS, taps * CHANNELS);
    // Neighboring tasks share the tiles of x, which are the larger part.
    blocks.sort_by_key(|&(o, i, _)| (i, o));
    blocks.into_par_iter().for_each(|(o, i, mut grad)| {
        with_scratch(scratch(size), |scratch| {
            let (sums, stage) = aligned(scratch).split_at_mut(POINTS * SUMS);
            // A block of tiles of a block of channels.
            let block = |which: usize, channels: usize, block: usize| {
                let count = POINTS * tiling.step(channels);
                let start = (which * tiling.blocks() + block) * count;
                start..start + count
            };
            for at in 0..tiling.blocks() {
                let tiles = tiling.block.min(tiling.tiles - at * tiling.block);
                let grad = &grad_output[block(o / OUTPUTS, OUTPUTS, at)];
                let x = &x[block(i / (taps * CHANNELS), CHANNELS, at)];
                cpu.vectorize(Multiply { tiling, grad, x, tiles, first: at == 0, sums });
            }
            cpu.vectorize(Finish::<TAPS> { sums, stage, grad: &mut grad });
        });
    });
    grad
}

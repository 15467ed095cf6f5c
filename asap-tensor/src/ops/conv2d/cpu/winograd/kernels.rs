//! The four steps of a block: transform tiles of x, transform weights, multiply, transform back.

use super::super::convolution::Convolution;
use super::plan::{Blocks, INPUTS};
use super::transform::{Input, Lines, Output, POINTS, Steps, Weight, both_sides};
use crate::cpu::matrix::MatrixMut;
use crate::cpu::panel::{Columns, Panel, Rows, multiply};
use crate::cpu::simd::{Routine, Simd};

/// Bᵀ·x·B of the tiles of a block, for input channels from `first` on: `to[f][i][tile]`.
pub(super) struct TransformInput<'a, const OUT: usize> {
    pub(super) conv: &'a Convolution,
    pub(super) blocks: &'a Blocks,
    /// One image.
    pub(super) x: &'a [f32],
    pub(super) first: usize,
    pub(super) channels: usize,
    /// The first tile, counted along the rows of the image, and how many.
    pub(super) tile: usize,
    pub(super) tiles: usize,
    pub(super) stage: &'a mut [f32],
    pub(super) to: &'a mut [f32],
}

impl<const OUT: usize> Routine for TransformInput<'_, OUT> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Blocks { width, inputs, .. } = *self.blocks;
        let step = self.blocks.tiles_step();
        let plane = self.conv.input[1] * self.conv.input[2];
        let (stage, line) = self.stage.split_at_mut(POINTS * width);
        assert!(self.to.len() >= POINTS * step && self.channels <= inputs && width.is_multiple_of(S::LANES));
        for i in 0..self.channels {
            let x = &self.x[(self.first + i) * plane..][..plane];
            let tiles = self.tile..self.tile + self.tiles;
            read_tiles::<OUT>(self.conv, self.blocks.tiles_x, x, tiles, width, line, stage);
            for at in (0..width).step_by(S::LANES) {
                // SAFETY: the stage has 36 rows of `width` values, whole registers; `to` as many for each channel.
                unsafe {
                    let to = self.to.as_mut_ptr().add(i * width + at);
                    both_sides::<S, Input, 6, 6>(s, stage.as_ptr().add(at), Steps::dense(6, width), to, step);
                }
            }
        }
    }
}

/// Lays out the 36 values of each tile of one channel as rows of `width` values, one for each tile, padded with zeros.
/// Tiles are `OUT` pixels apart.
#[inline(always)]
fn read_tiles<const OUT: usize>(
    conv: &Convolution,
    tiles_x: usize,
    x: &[f32],
    tiles: std::ops::Range<usize>,
    width: usize,
    line: &mut [f32],
    stage: &mut [f32],
) {
    let mut at = 0;
    let mut tile = tiles.start;
    while tile < tiles.end {
        let (ty, tx) = (tile / tiles_x, tile % tiles_x);
        let count = (tiles_x - tx).min(tiles.end - tile);
        let line = &mut line[..OUT * count + 6 - OUT];
        for r in 0..6 {
            let row = (OUT * ty + r).checked_sub(conv.padding[0]).filter(|&y| y < conv.input[1]);
            match row {
                Some(y) => read_line(conv, &x[y * conv.input[2]..][..conv.input[2]], OUT * tx, line),
                None => line.fill(0.0),
            }
            let (own, shared) = stage[6 * r * width..][..6 * width].split_at_mut(OUT * width);
            spread::<OUT>(line, own, width, at, count);
            // Neighbors share the other columns.
            for (c, phase) in shared.chunks_exact_mut(width).enumerate() {
                phase[at..at + count - 1].copy_from_slice(&own[c * width + at + 1..][..count - 1]);
                phase[at + count - 1] = line[OUT * count + c];
            }
        }
        at += count;
        tile += count;
    }
    for row in stage.chunks_exact_mut(width) {
        row[at..].fill(0.0);
    }
}

/// Writes element c of each chunk of `OUT` of a line to row c, from `at` on.
#[inline(always)]
fn spread<const OUT: usize>(line: &[f32], rows: &mut [f32], width: usize, at: usize, count: usize) {
    let (first, rest) = rows.split_at_mut(width);
    let (second, rest) = rest.split_at_mut(width);
    let (third, fourth) = rest.split_at_mut(width);
    let phases = first[at..at + count].iter_mut().zip(&mut second[at..at + count]).zip(&mut third[at..at + count]);
    let lines = line.as_chunks::<OUT>().0;
    if OUT == 4 {
        for ((((first, second), third), fourth), four) in phases.zip(&mut fourth[at..at + count]).zip(lines) {
            (*first, *second, *third, *fourth) = (four[0], four[1], four[2], four[OUT - 1]);
        }
    } else {
        for (((first, second), third), three) in phases.zip(lines) {
            (*first, *second, *third) = (three[0], three[1], three[2]);
        }
    }
}

/// Row `x` of the padded image, from column `start` on.
#[inline(always)]
fn read_line(conv: &Convolution, x: &[f32], start: usize, line: &mut [f32]) {
    let before = conv.padding[0].saturating_sub(start).min(line.len());
    let from = (start + before - conv.padding[0]).min(x.len());
    let count = (line.len() - before).min(x.len() - from);
    line[..before].fill(0.0);
    line[before..before + count].copy_from_slice(&x[from..from + count]);
    line[before + count..].fill(0.0);
}

/// G·w·Gᵀ of a block of weights: `to[f][o][i]`.
pub(super) struct TransformWeight<'a, const TAPS: usize> {
    pub(super) conv: &'a Convolution,
    pub(super) blocks: &'a Blocks,
    pub(super) weight: &'a [f32],
    /// The first output channel, and how many.
    pub(super) output: usize,
    pub(super) outputs: usize,
    /// The first input channel, and how many.
    pub(super) input: usize,
    pub(super) channels: usize,
    pub(super) stage: &'a mut [f32],
    pub(super) to: &'a mut [f32],
}

impl<const TAPS: usize> Routine for TransformWeight<'_, TAPS>
where
    Weight: Lines<TAPS, 6>,
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Blocks { inputs, outputs, .. } = *self.blocks;
        let &Convolution { input, output, flipped, .. } = self.conv;
        let taps = TAPS * TAPS;
        // From one channel's weights to the next.
        let (output_step, input_step) = if flipped { (taps, taps * output[0]) } else { (taps * input[0], taps) };
        let stage = &mut self.stage[..16 * inputs];
        let step = self.blocks.weights_step();
        assert!(self.to.len() >= POINTS * step && self.channels <= inputs && self.outputs <= outputs);
        assert!(inputs.is_multiple_of(S::LANES));
        stage.fill(0.0);
        for o in 0..self.outputs {
            let weight = &self.weight[(self.output + o) * output_step + self.input * input_step..];
            for i in 0..self.channels {
                prefetch(weight.as_ptr().wrapping_add(AHEAD * output_step + i * input_step));
            }
            match TAPS {
                4 => read_weights::<S, 16>(s, weight, input_step, self.channels, inputs, stage),
                _ => read_weights::<S, 9>(s, weight, input_step, self.channels, inputs, stage),
            }
            for at in (0..self.channels).step_by(S::LANES) {
                // SAFETY: the stage has a row of `inputs` values for each tap, whole registers; `to` 36 for each
                // output channel.
                unsafe {
                    let from = stage.as_ptr().add(at);
                    let to = self.to.as_mut_ptr().add(o * inputs + at);
                    let steps = Steps::dense(TAPS, inputs);
                    let (from, steps) = match flipped {
                        true => (from.add((taps - 1) * inputs), Steps { row: -steps.row, column: -steps.column }),
                        false => (from, steps),
                    };
                    both_sides::<S, Weight, TAPS, 6>(s, from, steps, to, step);
                }
            }
        }
    }
}

/// Lays out the weights of some input channels as rows of `width` values, one for each channel. The stage has 16 such
/// rows; those after the last tap have undefined values.
#[inline(always)]
fn read_weights<S: Simd, const TAPS: usize>(
    s: S,
    weight: &[f32],
    step: usize,
    channels: usize,
    width: usize,
    stage: &mut [f32],
) {
    // Whole squares of channels by taps, as far as their last row ends inside the weight.
    let last = TAPS.next_multiple_of(S::LANES);
    let reachable = weight.len().saturating_sub(last).div_ceil(step).min(channels);
    let whole = reachable - reachable % S::LANES;
    assert!(stage.len() >= 16 * width && channels <= width && last <= 16);
    for i in (0..whole).step_by(S::LANES) {
        for tap in (0..TAPS).step_by(S::LANES) {
            // SAFETY: the last channel of the square has `last` values from its first weight on; the stage has 16 rows.
            unsafe {
                let to = stage.as_mut_ptr().add(tap * width + i);
                s.transpose(weight.as_ptr().add(i * step + tap), step, to, width);
            }
        }
    }
    for i in whole..channels {
        let all: &[f32; TAPS] = weight[i * step..].first_chunk().expect("a channel's weights");
        all.iter().enumerate().for_each(|(tap, &w)| stage[tap * width + i] = w);
    }
}

/// How many output channels ahead weights are prefetched: the rows of a weight are too far apart for the processor's own
/// prefetching.
const AHEAD: usize = 3;

/// Prefetches the cache line at an address, which need not be readable.
#[inline(always)]
fn prefetch(at: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch has no effect that the program could observe.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// The 36 products of a block of weights with a block of tiles: `sums[f][o][tile]`.
pub(super) struct Multiply<'a> {
    pub(super) blocks: &'a Blocks,
    pub(super) weight: &'a [f32],
    pub(super) x: &'a [f32],
    pub(super) outputs: usize,
    pub(super) channels: usize,
    /// Whether these are the first channels: the sums start from 0.
    pub(super) first: bool,
    pub(super) sums: &'a mut [f32],
}

impl Multiply<'_> {
    /// V registers of tiles from `at` on.
    #[inline(always)]
    fn panel<S: Simd, const V: usize>(&mut self, s: S, f: usize, at: usize) {
        let blocks = self.blocks;
        // SAFETY: `run` has checked that all 36 of each lie inside their values, and `at` leaves V registers.
        unsafe {
            // A constant distance between rows needs no register for each row.
            let rows = Rows { start: self.weight.as_ptr().add(f * blocks.weights_step()), row: INPUTS, step: 1 };
            let panel = Panel { start: self.x.as_ptr().add(f * blocks.tiles_step() + at), step: blocks.width };
            let start = self.sums.as_mut_ptr().add(f * blocks.sums_step() + at);
            let mut sums = Columns { start, row: blocks.width, width: V * S::LANES, add: !self.first };
            multiply::<S, V>(s, self.outputs, self.channels, rows, panel, &mut sums);
        }
    }
}

impl Routine for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let blocks = self.blocks;
        let Blocks { width, inputs, outputs, .. } = *blocks;
        assert!(self.weight.len() >= blocks.weights_count() && self.x.len() >= blocks.tiles_count());
        assert!(self.sums.len() >= POINTS * blocks.sums_step() && width.is_multiple_of(S::LANES));
        assert!(self.outputs <= outputs && self.channels <= inputs && inputs == INPUTS);
        let pairs = width / S::LANES / 2;
        for f in 0..POINTS {
            for pair in 0..pairs {
                self.panel::<S, 2>(s, f, pair * 2 * S::LANES);
            }
            if pairs * 2 * S::LANES < width {
                self.panel::<S, 1>(s, f, pairs * 2 * S::LANES);
            }
        }
    }
}

/// Aᵀ·M·A + bias of a block of tiles for some output channels, written to y.
pub(super) struct TransformOutput<'a, 'y, const OUT: usize> {
    pub(super) conv: &'a Convolution,
    pub(super) blocks: &'a Blocks,
    pub(super) sums: &'a [f32],
    /// One value for each row of y.
    pub(super) bias: Option<&'a [f32]>,
    /// The first tile, counted along the rows of y's band, and how many.
    pub(super) tile: usize,
    pub(super) tiles: usize,
    pub(super) stage: &'a mut [f32],
    /// A row for each output channel, of the pixels of a band.
    pub(super) y: &'a mut MatrixMut<'y>,
}

impl<const OUT: usize> Routine for TransformOutput<'_, '_, OUT>
where
    Output: Lines<6, OUT>,
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Blocks { width, outputs, tiles_x, .. } = *self.blocks;
        let rows = self.y.height();
        let step = self.blocks.sums_step();
        assert!(self.sums.len() >= rows.div_ceil(outputs) * POINTS * step && width.is_multiple_of(S::LANES));
        let stage = &mut self.stage[..OUT * OUT * width];
        for o in 0..rows {
            for at in (0..width).step_by(S::LANES) {
                // SAFETY: the sums of every block of outputs are 36 times `outputs` rows of `width` values; the stage
                // has one such row for each output of a tile.
                unsafe {
                    let from = o / outputs * POINTS * step + o % outputs * width + at;
                    let from = self.sums.as_ptr().add(from);
                    let steps = Steps::dense(6, step);
                    both_sides::<S, Output, 6, OUT>(s, from, steps, stage.as_mut_ptr().add(at), width);
                }
            }
            let bias = self.bias.map_or(0.0, |bias| bias[o]);
            let tiles = self.tile..self.tile + self.tiles;
            let y = self.y.row(o);
            write_tiles::<OUT>(self.conv.output[2], tiles_x, tiles, width, stage, bias, y);
        }
    }
}

/// Writes the outputs of tiles to y, without those beyond its edges.
#[inline(always)]
fn write_tiles<const OUT: usize>(
    out_width: usize,
    tiles_x: usize,
    tiles: std::ops::Range<usize>,
    width: usize,
    stage: &[f32],
    bias: f32,
    y: &mut [f32],
) {
    let mut at = 0;
    let mut tile = tiles.start;
    while tile < tiles.end {
        let (ty, tx) = (tile / tiles_x, tile % tiles_x);
        let count = (tiles_x - tx).min(tiles.end - tile);
        for (r, phases) in stage.chunks_exact(OUT * width).enumerate() {
            let Some(row) = y.get_mut((OUT * ty + r) * out_width..) else { break };
            let Some(row) = row.get_mut(..out_width) else { break };
            let row = &mut row[OUT * tx..out_width.min(OUT * (tx + count))];
            let (first, rest) = phases.split_at(width);
            let (second, rest) = rest.split_at(width);
            let (third, fourth) = rest.split_at(width);
            let (tiles, rest) = row.as_chunks_mut::<OUT>();
            let whole = tiles.len();
            let phases = first[at..].iter().zip(&second[at..]).zip(&third[at..]);
            if OUT == 4 {
                for (four, (((a, b), c), d)) in tiles.iter_mut().zip(phases.zip(&fourth[at..])) {
                    (four[0], four[1], four[2], four[OUT - 1]) = (a + bias, b + bias, c + bias, d + bias);
                }
            } else {
                for (three, ((a, b), c)) in tiles.iter_mut().zip(phases) {
                    (three[0], three[1], three[2]) = (a + bias, b + bias, c + bias);
                }
            }
            for (c, y) in rest.iter_mut().enumerate() {
                *y = stage[(OUT * r + c) * width + at + whole] + bias;
            }
        }
        at += count;
        tile += count;
    }
}

//! Winograd's algorithms F(4×4, 3×3) and F(3×3, 4×4): a quarter of the multiplications of a 3×3 or 4×4 convolution at
//! stride 1.

mod grad_weight;
mod kernels;
mod plan;
#[cfg(test)]
mod tests;
mod transform;

use rayon::prelude::*;

use super::convolution::Convolution;
use crate::cpu::matrix::MatrixMut;
use crate::cpu::scratch::{aligned, with_scratch};
use crate::cpu::{Array, Cpu};
use crate::ops::conv2d::Conv2dSize;
pub(super) use grad_weight::grad_weight;
pub(super) use grad_weight::memory as grad_weight_memory;
use kernels::{Multiply, TransformInput, TransformOutput, TransformWeight};
use plan::Blocks;
pub(super) use plan::pays;
use transform::{Lines, Output, POINTS, Weight};

/// Memory of a convolution, in values: scratch of a thread, and shared memory while it runs.
pub(super) fn memory(conv: &Convolution) -> (usize, usize) {
    let blocks = Blocks::of(conv);
    (blocks.scratch(conv), blocks.shared(conv))
}

/// y, (N, O, P, Q).
pub(super) fn forward(cpu: &Cpu, x: &[f32], weight: &[f32], bias: Option<&[f32]>, size: &Conv2dSize) -> Array {
    convolve(cpu, x, weight, bias, &Convolution::forward(size))
}

/// The gradient in x, (N, I, H, W).
pub(super) fn grad_input(cpu: &Cpu, grad_output: &[f32], weight: &[f32], size: &Conv2dSize) -> Array {
    convolve(cpu, grad_output, weight, None, &Convolution::grad_input(size))
}

fn convolve(cpu: &Cpu, x: &[f32], weight: &[f32], bias: Option<&[f32]>, conv: &Convolution) -> Array {
    match conv.kernel[0] {
        4 => convolve_as::<4, 3>(cpu, x, weight, bias, conv),
        _ => convolve_as::<3, 4>(cpu, x, weight, bias, conv),
    }
}

fn convolve_as<const TAPS: usize, const OUT: usize>(
    cpu: &Cpu,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    conv: &Convolution,
) -> Array
where
    Weight: Lines<TAPS, 6>,
    Output: Lines<6, OUT>,
{
    let blocks = &Blocks::of(conv);
    let image = conv.input[0] * conv.input[1] * conv.input[2];
    let pixels = conv.output[1] * conv.output[2];
    let transform_tiles =
        |n: usize, band: usize, block: usize, input_block: usize, stage: &mut [f32], to: &mut [f32]| {
            let (tile, tiles) = tiles_of(conv, blocks, band, block);
            let first = input_block * blocks.inputs;
            let channels = blocks.inputs.min(conv.input[0] - first);
            let x = &x[n * image..][..image];
            let tile = tile + band * blocks.band * blocks.tiles_x;
            cpu.vectorize(TransformInput::<OUT> { conv, blocks, x, first, channels, tile, tiles, stage, to });
        };
    let transform_weights = |output: usize, input_block: usize, stage: &mut [f32], to: &mut [f32]| {
        let input = input_block * blocks.inputs;
        let channels = blocks.inputs.min(conv.input[0] - input);
        let outputs = blocks.outputs.min(conv.output[0] - output);
        cpu.vectorize(TransformWeight::<TAPS> { conv, blocks, weight, output, outputs, input, channels, stage, to });
    };

    let mut shared = cpu.array(blocks.shared(conv));
    let shared = aligned(&mut shared);
    let (tiles_count, weights_count) = (blocks.tiles_count(), blocks.weights_count());
    if blocks.many {
        shared.par_chunks_exact_mut(weights_count).enumerate().for_each(|(which, to)| {
            let (output_block, input_block) = (which / blocks.input_blocks, which % blocks.input_blocks);
            with_scratch(blocks.scratch(conv), |stage| {
                transform_weights(output_block * blocks.outputs, input_block, stage, to);
            });
        });
    } else {
        shared.par_chunks_exact_mut(tiles_count).enumerate().for_each(|(which, to)| {
            let (block, input_block) = (which / blocks.input_blocks, which % blocks.input_blocks);
            let (band, block) = (block / blocks.tile_blocks, block % blocks.tile_blocks);
            let (n, band) = (band / blocks.bands, band % blocks.bands);
            with_scratch(blocks.scratch(conv), |stage| transform_tiles(n, band, block, input_block, stage, to));
        });
    }
    let shared = &*shared;

    let mut y = cpu.array(conv.batch * conv.output[0] * pixels);
    let at_once = if blocks.many { conv.output[0] } else { blocks.task_outputs };
    let band_pixels = OUT * blocks.band * conv.output[2];
    let tasks: Vec<_> = y
        .chunks_exact_mut(conv.output[0] * pixels)
        .enumerate()
        .flat_map(|(n, y)| {
            let tasks = MatrixMut::new(y, conv.output[0], pixels, pixels).blocks(at_once, band_pixels);
            tasks.into_iter().map(move |(o, start, y)| (n, o, start / band_pixels, y))
        })
        .collect();
    tasks.into_par_iter().with_max_len(1).for_each(|(n, output, band, y)| {
        with_scratch(blocks.scratch(conv), |scratch| {
            let scratch = aligned(scratch);
            let (sums, scratch) = scratch.split_at_mut(blocks.sums_count(conv));
            let own = if blocks.many { blocks.input_blocks * tiles_count } else { weights_count };
            let (own, stage) = scratch.split_at_mut(own);
            let height = y.height();
            let mut parts = y.blocks(blocks.task_outputs, band_pixels);
            for block in 0..blocks.tile_blocks {
                let (tile, tiles) = tiles_of(conv, blocks, band, block);
                if tiles == 0 {
                    continue;
                }
                if blocks.many {
                    for (input_block, to) in own.chunks_exact_mut(tiles_count).enumerate() {
                        transform_tiles(n, band, block, input_block, stage, to);
                    }
                }
                for (start, _, y) in &mut parts {
                    let (start, end) = (output + *start, (output + *start + blocks.task_outputs).min(output + height));
                    for input_block in 0..blocks.input_blocks {
                        let channels = blocks.inputs.min(conv.input[0] - input_block * blocks.inputs);
                        let sums = sums.chunks_exact_mut(POINTS * blocks.sums_step());
                        for (o, sums) in (start..end).step_by(blocks.outputs).zip(sums) {
                            let outputs = blocks.outputs.min(end - o);
                            let first = input_block == 0;
                            let (weight, x) = if blocks.many {
                                let which = o / blocks.outputs * blocks.input_blocks + input_block;
                                (&shared[which * weights_count..], &own[input_block * tiles_count..])
                            } else {
                                transform_weights(o, input_block, stage, own);
                                let which = (n * blocks.bands + band) * blocks.tile_blocks + block;
                                let which = which * blocks.input_blocks + input_block;
                                (&*own, &shared[which * tiles_count..])
                            };
                            cpu.vectorize(Multiply { blocks, weight, x, outputs, channels, first, sums });
                        }
                    }
                    let bias = bias.map(|bias| &bias[start..end]);
                    cpu.vectorize(TransformOutput::<OUT> { conv, blocks, sums, bias, tile, tiles, stage, y });
                }
            }
        });
    });
    y
}

/// The tiles of a block of a band: the first one, counted from the start of the band, and how many.
fn tiles_of(conv: &Convolution, blocks: &Blocks, band: usize, block: usize) -> (usize, usize) {
    let rows = blocks.band.min(conv.output[1].div_ceil(conv.out()) - band * blocks.band);
    let first = block * blocks.width;
    (first, blocks.width.min((rows * blocks.tiles_x).saturating_sub(first)))
}

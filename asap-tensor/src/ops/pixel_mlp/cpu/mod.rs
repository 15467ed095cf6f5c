//! Kernels of `Cpu`.
//!
//! A thread takes a tile at a time, and of the tile a few rows of pixels, so that a layer's weights and values stay
//! in its caches. It first brings the parameters of a few neighboring tiles into the order (tile, P), in memory that its
//! second cache holds: neighbors stand in one line of the caches. Values stand with a pixel's channels in one piece, (pixels, C). A whole tile is one kernel for the
//! processor's registers.

mod grad;
mod layers;
mod product;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rayon::prelude::*;

use super::{PixelMlpOps, PixelMlpSize, RawPixels};
use crate::cpu::Cpu;
use crate::cpu::level::Level;
use crate::cpu::matrix::MatrixMut;
use crate::cpu::scratch::with_scratch;
use crate::cpu::transpose::transpose;
use crate::error::Result;
use grad::Backward;
use layers::{Forward, Input, Network};

/// How many values of working memory a thread takes in `pixel_mlp`, for some tiles' parameters and for one tile.
pub(super) fn forward_scratch(size: &PixelMlpSize) -> [usize; 2] {
    let tiles = tiles_together(size).min(size.grid_height * size.grid_width);
    let network = Network::new(size, Input::Ids(&[]), &[], Level::best().lanes());
    [tiles * size.parameters(), pieces_count(network.forward_counts())]
}

/// How many values of working memory a thread takes in `pixel_mlp_grad`, for some tiles' parameters and their
/// gradients and for one tile.
pub(super) fn backward_scratch(size: &PixelMlpSize) -> [usize; 2] {
    let tiles = tiles_together(size).min(size.grid_height * size.grid_width);
    let network = Network::new(size, Input::Ids(&[]), &[], Level::best().lanes());
    [2 * tiles * size.parameters(), pieces_count(network.backward_counts())]
}

impl PixelMlpOps for Cpu {
    fn pixel_mlp(
        &self,
        params: &Self::Buffer,
        pixels: RawPixels<'_, Self>,
        positions: &Self::Buffer,
        size: &PixelMlpSize,
    ) -> Result<Self::Buffer> {
        let mut y = self.array(size.output().count());
        if y.is_empty() {
            return Ok(Arc::new(y));
        }
        let (count, tiles) = (size.parameters(), size.grid_height * size.grid_width);
        self.run(|| {
            let network = Network::new(size, Input::of(&pixels), positions, self.level().lanes());
            let mut outputs = tiles_of(&mut y, size.outputs(), size);
            let groups = groups_of(&mut outputs, size);
            groups.into_par_iter().for_each(|(image, first, outputs)| {
                with_scratch(outputs.len() * count, |by_tile| {
                    let params = &params[image * count + first..][..count * tiles - first];
                    transpose(params, tiles, &mut MatrixMut::new(by_tile, outputs.len(), count, count));
                    for (tile, (params, y)) in (image + first..).zip(by_tile.chunks_exact(count).zip(outputs)) {
                        with_pieces(network.forward_counts(), |scratch| {
                            self.vectorize(Forward { network: &network, tile, params, y, scratch });
                        });
                    }
                });
            });
        });
        Ok(Arc::new(y))
    }

    fn pixel_mlp_grad(
        &self,
        params: &Self::Buffer,
        pixels: RawPixels<'_, Self>,
        positions: &Self::Buffer,
        grad_output: &Self::Buffer,
        wants_pixels: bool,
        size: &PixelMlpSize,
    ) -> Result<(Self::Buffer, Option<Self::Buffer>)> {
        let pixel_count = size.batch * size.inputs * size.height() * size.width();
        if size.output().count() == 0 {
            let grad_pixels = wants_pixels.then(|| Arc::new(self.zeros(pixel_count)));
            return Ok((Arc::new(self.zeros(params.len())), grad_pixels));
        }
        let mut grad = self.array(params.len());
        let mut grad_pixels = wants_pixels.then(|| self.array(pixel_count));
        let (count, tiles, together) = (size.parameters(), size.grid_height * size.grid_width, tiles_together(size));
        self.run(|| {
            let network = Network::new(size, Input::of(&pixels), positions, self.level().lanes());
            let (numbers, channels) = match &mut grad_pixels {
                Some(grad_pixels) => (&mut grad_pixels[..], size.inputs),
                None => (&mut [][..], 0),
            };
            let mut tile_pixels = tiles_of(numbers, channels, size);
            let grads = grad.chunks_exact_mut(count * tiles).flat_map(|grad| {
                let groups = MatrixMut::new(grad, count, tiles, tiles).blocks(count, together);
                groups.into_iter().map(|(_, _, grad)| grad)
            });
            let groups: Vec<_> = groups_of(&mut tile_pixels, size).into_iter().zip(grads).collect();
            groups.into_par_iter().for_each(|((image, first, pixels), mut grad)| {
                with_scratch(2 * pixels.len() * count, |by_tile| {
                    let (by_tile, grad_by_tile) = by_tile.split_at_mut(pixels.len() * count);
                    let params = &params[image * count + first..][..count * tiles - first];
                    transpose(params, tiles, &mut MatrixMut::new(by_tile, pixels.len(), count, count));
                    let numbers = by_tile.chunks_exact(count).zip(grad_by_tile.chunks_exact_mut(count));
                    for (tile, ((params, grad), grad_pixels)) in (image + first..).zip(numbers.zip(pixels)) {
                        let network = &network;
                        with_pieces(network.backward_counts(), |scratch| {
                            self.vectorize(Backward { network, tile, params, grad_output, grad, grad_pixels, scratch });
                        });
                    }
                    transpose(grad_by_tile, count, &mut grad);
                });
            });
        });
        Ok((Arc::new(grad), grad_pixels.map(Arc::new)))
    }
}

/// Values in a line of the caches.
const LINE: usize = 16;
/// Parts, at least, that work is split into where the shape allows it, so that many threads find some.
const PARTS: usize = 32;

/// Neighboring tiles whose parameters a thread takes at a time: a cache line's, or fewer where threads would find too
/// few parts of the work.
fn tiles_together(size: &PixelMlpSize) -> usize {
    let parts = size.batch * size.grid_height * size.grid_width / PARTS;
    [LINE, LINE / 2].into_iter().find(|&tiles| tiles <= parts).unwrap_or(LINE / 4)
}

/// Something of every tile in groups of neighbors, each with the indices of its image's first tile and, counted from
/// that, of its own.
fn groups_of<'a, T>(tiles: &'a mut [T], size: &PixelMlpSize) -> Vec<(usize, usize, &'a mut [T])> {
    let (grid, together) = (size.grid_height * size.grid_width, tiles_together(size));
    let images = tiles.chunks_mut(grid).enumerate();
    images
        .flat_map(|(n, image)| {
            let groups = image.chunks_mut(together).enumerate();
            groups.map(move |(which, group)| (n * grid, which * together, group))
        })
        .collect()
}

/// What [`with_pieces`] takes.
fn pieces_count<const N: usize>(counts: [usize; N]) -> usize {
    counts.map(|count| count.next_multiple_of(LINE)).iter().sum::<usize>() + LINE - 1
}

/// Calls `work` with pieces of working memory, of unknown value, that begin where the caches' lines do: a register that
/// lay across two lines would be read twice.
fn with_pieces<const N: usize, T>(counts: [usize; N], work: impl FnOnce([&mut [f32]; N]) -> T) -> T {
    with_scratch(pieces_count(counts), |scratch| {
        let start = scratch.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE - 1);
        let mut rest = &mut scratch[start..];
        work(counts.map(|count| {
            let (piece, after) = std::mem::take(&mut rest).split_at_mut(count.next_multiple_of(LINE));
            rest = after;
            &mut piece[..count]
        }))
    })
}

/// An image, (N, C, H, W), cut into tiles: for each of them a matrix of every channel.
fn tiles_of<'a>(image: &'a mut [f32], channels: usize, size: &PixelMlpSize) -> Vec<Vec<MatrixMut<'a>>> {
    let (height, width, side, grid) = (size.height(), size.width(), size.tile, size.grid_height * size.grid_width);
    let mut tiles: Vec<Vec<_>> = (0..size.batch * grid).map(|_| Vec::with_capacity(channels)).collect();
    for (which, plane) in image.chunks_exact_mut(height * width).enumerate() {
        let blocks = MatrixMut::new(plane, height, width, width).blocks(side, side);
        for (tile, (_, _, block)) in tiles[which / channels * grid..].iter_mut().zip(blocks) {
            tile.push(block);
        }
    }
    tiles
}

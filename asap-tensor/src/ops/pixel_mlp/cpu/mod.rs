//! Kernels of `Cpu`.
//!
//! A thread takes a tile at a time, and of the tile a few rows of pixels, so that a layer's weights and numbers stay
//! in its caches. Numbers stand with a pixel's channels in one piece, (pixels, C). A whole tile is one kernel for the
//! processor's registers.

mod grad;
mod layers;
mod product;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rayon::prelude::*;

use super::{PixelMlpOps, PixelMlpSize, RawPixels};
use crate::cpu::gemm::MatrixMut;
use crate::cpu::scratch::with_scratch;
use crate::cpu::simd::{Kernel, Level, Simd};
use crate::cpu::transpose::transpose;
use crate::cpu::{Array, Cpu};
use crate::error::Result;
use grad::Backward;
use layers::{Forward, Network};

/// How many numbers of working memory a thread takes in `pixel_mlp`.
pub(super) fn forward_scratch(size: &PixelMlpSize) -> usize {
    pieces_count(Network::new(size, Input::Ids(&[]), &[], lanes(Level::best())).forward_counts())
}

/// How many numbers of working memory a thread takes in `pixel_mlp_grad`.
pub(super) fn backward_scratch(size: &PixelMlpSize) -> usize {
    pieces_count(Network::new(size, Input::Ids(&[]), &[], lanes(Level::best())).backward_counts())
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
        let mut by_tile = self.array(params.len());
        self.run(|| {
            to_tiles(params, size, &mut by_tile);
            let network = Network::new(size, Input::of(&pixels), positions, lanes(self.level()));
            let tile_params = by_tile.par_chunks_exact(size.parameters());
            let tile_outputs = tiles_of(&mut y, size.outputs(), size).into_par_iter();
            tile_params.zip(tile_outputs).enumerate().for_each(|(tile, (params, mut y))| {
                with_pieces(network.forward_counts(), |scratch| {
                    self.vectorize(Forward { network: &network, tile, params, y: &mut y, scratch });
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
        let [mut by_tile, mut grad_by_tile]: [Array; 2] = std::array::from_fn(|_| self.array(params.len()));
        self.run(|| {
            to_tiles(params, size, &mut by_tile);
            let network = Network::new(size, Input::of(&pixels), positions, lanes(self.level()));
            let (numbers, channels) = match &mut grad_pixels {
                Some(grad_pixels) => (&mut grad_pixels[..], size.inputs),
                None => (&mut [][..], 0),
            };
            let tile_params = by_tile.par_chunks_exact(size.parameters());
            let tile_grads = grad_by_tile.par_chunks_exact_mut(size.parameters());
            let tile_pixels = tiles_of(numbers, channels, size).into_par_iter();
            let tiles = tile_params.zip(tile_grads).zip(tile_pixels).enumerate();
            tiles.for_each(|(tile, ((params, grad), mut grad_pixels))| {
                let (network, grad_pixels) = (&network, &mut grad_pixels[..]);
                with_pieces(network.backward_counts(), |scratch| {
                    self.vectorize(Backward { network, tile, params, grad_output, grad, grad_pixels, scratch });
                });
            });
            from_tiles(&grad_by_tile, size, &mut grad);
        });
        Ok((Arc::new(grad), grad_pixels.map(Arc::new)))
    }
}

/// Numbers in a register.
fn lanes(level: Level) -> usize {
    struct Lanes;

    impl Kernel for Lanes {
        type Output = usize;

        #[inline(always)]
        fn run<S: Simd>(self, _simd: S) -> usize {
            S::LANES
        }
    }

    level.run(Lanes)
}

/// Numbers in a line of the caches.
const LINE: usize = 16;

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

/// [`RawPixels`] in this backend's memory.
#[derive(Clone, Copy)]
enum Input<'a> {
    Ids(&'a [u8]),
    Dense(&'a [f32]),
}

impl<'a> Input<'a> {
    fn of(pixels: &RawPixels<'a, Cpu>) -> Self {
        match pixels {
            RawPixels::Ids(ids) => Input::Ids(ids),
            RawPixels::Dense(x) => Input::Dense(x),
        }
    }
}

/// Channels and tiles that one thread moves at a time between (N, P, h, w) and (N, h, w, P). Both sides' rows lie far
/// apart: so many, and no more, that the processor remembers where their pages are.
const CHANNELS: usize = 256;
const TILES: usize = 64;

/// (N, P, h, w) → (N, h, w, P).
fn to_tiles(params: &[f32], size: &PixelMlpSize, by_tile: &mut [f32]) {
    let (count, tiles) = (size.parameters(), size.grid_height * size.grid_width);
    for (params, by_tile) in params.chunks_exact(count * tiles).zip(by_tile.chunks_exact_mut(count * tiles)) {
        let blocks = MatrixMut::new(by_tile, tiles, count, count).blocks(TILES, CHANNELS);
        blocks.into_par_iter().for_each(|(tile, channel, mut block)| {
            transpose(&params[channel * tiles + tile..], tiles, &mut block);
        });
    }
}

/// (N, h, w, P) → (N, P, h, w).
fn from_tiles(by_tile: &[f32], size: &PixelMlpSize, params: &mut [f32]) {
    let (count, tiles) = (size.parameters(), size.grid_height * size.grid_width);
    for (params, by_tile) in params.chunks_exact_mut(count * tiles).zip(by_tile.chunks_exact(count * tiles)) {
        let blocks = MatrixMut::new(params, count, tiles, tiles).blocks(CHANNELS, TILES);
        blocks.into_par_iter().for_each(|(channel, tile, mut block)| {
            transpose(&by_tile[tile * count + channel..], count, &mut block);
        });
    }
}

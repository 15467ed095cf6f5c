//! Kernels of `Cpu`.
//!
//! A thread takes a tile at a time, and of the tile a few rows of pixels, so that a layer's weights and numbers stay
//! in its caches. Numbers stand with a pixel's channels in one piece, (pixels, C).

mod grad;
mod layers;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rayon::prelude::*;

use super::{PixelMlpOps, PixelMlpSize, RawPixels};
use crate::cpu::Cpu;
use crate::cpu::gemm::MatrixMut;
use crate::cpu::transpose::transpose;
use crate::error::Result;
use layers::Network;

/// How many numbers of working memory a thread takes in `pixel_mlp`.
pub(super) fn forward_scratch(size: &PixelMlpSize) -> usize {
    Network::new(size, Input::Ids(&[]), &[]).forward_counts().iter().sum()
}

/// How many numbers of working memory a thread takes in `pixel_mlp_grad`.
pub(super) fn backward_scratch(size: &PixelMlpSize) -> usize {
    Network::new(size, Input::Ids(&[]), &[]).backward_counts().iter().sum()
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
        self.run(|| {
            let by_tile = to_tiles(params, size);
            let network = Network::new(size, Input::of(&pixels), positions);
            let mut tiles = vec![0.0; y.len()];
            let tile_params = by_tile.par_chunks_exact(size.parameters());
            let tile_outputs = tiles.par_chunks_exact_mut(size.outputs() * size.tile * size.tile);
            tile_params.zip(tile_outputs).enumerate().for_each(|(tile, (params, y))| network.forward(tile, params, y));
            join_tiles(&tiles, size.outputs(), size, &mut y);
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
        let mut grad = self.zeros(params.len());
        let pixel_count = size.batch * size.inputs * size.height() * size.width();
        let mut grad_pixels = wants_pixels.then(|| self.zeros(pixel_count));
        if size.output().count() > 0 {
            self.run(|| {
                let by_tile = to_tiles(params, size);
                let network = Network::new(size, Input::of(&pixels), positions);
                let mut grad_by_tile = vec![0.0; grad.len()];
                let tile_params = by_tile.par_chunks_exact(size.parameters());
                let tile_grads = grad_by_tile.par_chunks_exact_mut(size.parameters());
                let tiles = tile_params.zip(tile_grads).enumerate();
                match &mut grad_pixels {
                    Some(grad_pixels) if !grad_pixels.is_empty() => {
                        let mut by_tile = vec![0.0; pixel_count];
                        let tile_pixels = by_tile.par_chunks_exact_mut(size.inputs * size.tile * size.tile);
                        tiles.zip(tile_pixels).for_each(|((tile, (params, grad)), grad_pixels)| {
                            network.backward(tile, params, grad_output, grad, Some(grad_pixels));
                        });
                        join_tiles(&by_tile, size.inputs, size, grad_pixels);
                    }
                    _ => {
                        tiles
                            .for_each(|(tile, (params, grad))| network.backward(tile, params, grad_output, grad, None));
                    }
                }
                from_tiles(&grad_by_tile, size, &mut grad);
            });
        }
        Ok((Arc::new(grad), grad_pixels.map(Arc::new)))
    }
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

/// Channels that one thread moves at a time between (N, P, h, w) and (N, h, w, P).
const CHANNELS: usize = 256;

/// (N, P, h, w) → (N, h, w, P).
fn to_tiles(params: &[f32], size: &PixelMlpSize) -> Vec<f32> {
    let (count, tiles) = (size.parameters(), size.grid_height * size.grid_width);
    let mut by_tile = vec![0.0; params.len()];
    for (params, by_tile) in params.chunks_exact(count * tiles).zip(by_tile.chunks_exact_mut(count * tiles)) {
        let blocks = MatrixMut::new(by_tile, tiles, count, count).blocks(tiles, CHANNELS);
        blocks.into_par_iter().for_each(|(_, channel, mut block)| {
            transpose(&params[channel * tiles..], tiles, &mut block);
        });
    }
    by_tile
}

/// (N, h, w, P) → (N, P, h, w).
fn from_tiles(by_tile: &[f32], size: &PixelMlpSize, params: &mut [f32]) {
    let (count, tiles) = (size.parameters(), size.grid_height * size.grid_width);
    for (params, by_tile) in params.chunks_exact_mut(count * tiles).zip(by_tile.chunks_exact(count * tiles)) {
        params.par_chunks_mut(CHANNELS * tiles).enumerate().for_each(|(block, params)| {
            let channels = params.len() / tiles;
            transpose(&by_tile[block * CHANNELS..], count, &mut MatrixMut::new(params, channels, tiles, tiles));
        });
    }
}

/// (N, h, w, C, S, S) → (N, C, h·S, w·S).
fn join_tiles(tiles: &[f32], channels: usize, size: &PixelMlpSize, image: &mut [f32]) {
    let (side, grid) = (size.tile, size.grid_width);
    image.par_chunks_exact_mut((side * size.width()).max(1)).enumerate().for_each(|(band, image)| {
        let (plane, row) = (band / size.grid_height, band % size.grid_height);
        let (n, c) = (plane / channels, plane % channels);
        for column in 0..grid {
            let tile = ((n * size.grid_height + row) * grid + column) * channels + c;
            let from = tiles[tile * side * side..][..side * side].chunks_exact(side);
            image.chunks_exact_mut(size.width()).zip(from).for_each(|(line, from)| {
                line[column * side..][..side].copy_from_slice(from);
            });
        }
    });
}

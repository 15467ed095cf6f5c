//! Kernels of `Cpu`.
//!
//! A thread computes a tile at a time, in parts of a few rows of pixels, so that the weights and outputs of a layer stay in
//! its caches. It first transposes the parameters of a few neighboring tiles, which share cache lines, to (tile, P), in
//! memory that fits the L2 cache. Values are channels last, (pixels, C). A whole tile is one kernel for the registers.

mod grad;
mod layers;
pub(super) mod memory;
mod product;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rayon::prelude::*;

use super::ops::{PixelMlpForward, PixelMlpGrad};
use super::size::PixelMlpSize;
use crate::cpu::Cpu;
use crate::cpu::matrix::MatrixMut;
use crate::cpu::scratch::with_scratch;
use crate::cpu::transpose::transpose;
use crate::error::Result;
use crate::op::{Buffers, Inputs, Kernel};
use grad::Backward;
use layers::{Forward, Input, Network};
use memory::{tiles_together, with_pieces};

impl Kernel<PixelMlpForward> for Cpu {
    fn compute(
        &self,
        op: &PixelMlpForward,
        (params, pixels, positions): Inputs<'_, PixelMlpForward, Self>,
    ) -> Result<Self::Buffer> {
        let size = &op.size;
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
}

impl Kernel<PixelMlpGrad> for Cpu {
    fn compute(
        &self,
        PixelMlpGrad { forward: PixelMlpForward { size, .. }, wants_pixels }: &PixelMlpGrad,
        ((params, pixels, positions), grad_output): Inputs<'_, PixelMlpGrad, Self>,
    ) -> Result<Buffers<PixelMlpGrad, Self>> {
        let pixel_count = size.pixels().count();
        if size.output().count() == 0 {
            let grad_pixels = wants_pixels.then(|| Arc::new(self.zeros(pixel_count)));
            return Ok((Arc::new(self.zeros(params.len())), grad_pixels));
        }
        let mut grad = self.array(params.len());
        let mut grad_pixels = wants_pixels.then(|| self.array(pixel_count));
        let (count, tiles, together) = (size.parameters(), size.grid_height * size.grid_width, tiles_together(size));
        self.run(|| {
            let network = Network::new(size, Input::of(&pixels), positions, self.level().lanes());
            let (values, channels) = match &mut grad_pixels {
                Some(grad_pixels) => (&mut grad_pixels[..], size.inputs),
                None => (&mut [][..], 0),
            };
            let mut tile_pixels = tiles_of(values, channels, size);
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
                    let tiles = by_tile.chunks_exact(count).zip(grad_by_tile.chunks_exact_mut(count));
                    for (tile, ((params, grad), grad_pixels)) in (image + first..).zip(tiles.zip(pixels)) {
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

/// Groups of neighboring tiles: (first tile of the image, first tile of the group within the image, group).
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

/// An image, (N, C, H, W), cut into tiles: for each of them a matrix for every channel.
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

//! The network of one tile, forward.

use std::ops::Range;

use super::Input;
use crate::cpu::gemm::{Matrix, MatrixMut, product};
use crate::cpu::math::tanh;
use crate::cpu::scratch::with_scratch;
use crate::cpu::transpose::transpose;
use crate::ops::pixel_mlp::{PixelMlpSize, SLOPE};

/// Pixels, about, that run through the layers at a time.
const PIXELS: usize = 256;

/// What the tiles of a call share.
pub(super) struct Network<'a> {
    pub(super) size: &'a PixelMlpSize,
    pub(super) input: Input<'a>,
    /// (periods, 2, S).
    pub(super) positions: &'a [f32],
    /// Where each layer's biases and weights begin among a tile's parameters.
    pub(super) offsets: Vec<(usize, usize)>,
}

impl<'a> Network<'a> {
    pub(super) fn new(size: &'a PixelMlpSize, input: Input<'a>, positions: &'a [f32]) -> Self {
        Network { size, input, positions, offsets: size.offsets() }
    }

    /// The rows of a tile in the parts that run through the layers together.
    pub(super) fn row_parts(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let side = self.size.tile;
        let rows = (PIXELS / side).clamp(1, side);
        (0..side).step_by(rows).map(move |y| y..(y + rows).min(side))
    }

    /// The most pixels of a part.
    pub(super) fn part_pixels(&self) -> usize {
        (PIXELS / self.size.tile).clamp(1, self.size.tile) * self.size.tile
    }

    /// Layer n's biases and its weights, (C_{n−1}, C_n).
    pub(super) fn layer<'p>(&self, params: &'p [f32], n: usize) -> (&'p [f32], &'p [f32]) {
        let (bias, weight) = self.offsets[n];
        let outputs = self.size.widths[n + 1];
        (&params[bias..weight], &params[weight..][..self.size.widths[n] * outputs])
    }

    /// The image and the pixel where row `y` of tile `tile` begins.
    pub(super) fn place(&self, tile: usize, y: usize) -> (usize, usize) {
        let size = self.size;
        let (row, column) = (tile / size.grid_width, tile % size.grid_width);
        let (n, row) = (row / size.grid_height, row % size.grid_height);
        (n, (row * size.tile + y) * size.width() + column * size.tile)
    }

    /// What a pixel's position adds to the first layer: (2, S, C_1), by x and by y. The biases are in the latter.
    pub(super) fn position_terms(&self, params: &[f32], terms: &mut [f32]) {
        let (side, width) = (self.size.tile, self.size.widths[1]);
        let (bias, weight) = self.layer(params, 0);
        let (by_x, by_y) = terms.split_at_mut(side * width);
        by_x.fill(0.0);
        by_y.chunks_exact_mut(width).for_each(|term| term.copy_from_slice(bias));
        let weights = weight[self.size.inputs * width..].chunks_exact(4 * width);
        for (weight, table) in weights.zip(self.positions.chunks_exact(2 * side)) {
            let (cos, sin) = table.split_at(side);
            let (x_weight, y_weight) = weight.split_at(2 * width);
            for (terms, weight) in [(&mut *by_x, x_weight), (&mut *by_y, y_weight)] {
                let (cos_weight, sin_weight) = weight.split_at(width);
                for (r, term) in terms.chunks_exact_mut(width).enumerate() {
                    for c in 0..width {
                        term[c] += cos[r] * cos_weight[c] + sin[r] * sin_weight[c];
                    }
                }
            }
        }
    }

    /// The numbers of dense pixels of some rows of a tile, (pixels, inputs).
    pub(super) fn gather(&self, x: &[f32], tile: usize, rows: Range<usize>, features: &mut [f32]) {
        let (inputs, side) = (self.size.inputs, self.size.tile);
        let plane = self.size.height() * self.size.width();
        for (y, features) in rows.zip(features.chunks_exact_mut((side * inputs).max(1))) {
            let (n, start) = self.place(tile, y);
            let from = x.get(n * inputs * plane + start..).unwrap_or_default();
            transpose(from, plane, &mut MatrixMut::new(features, side, inputs, inputs));
        }
    }

    /// The first layer's z for some rows of a tile, (pixels, C_1); `features` are dense pixels' numbers.
    pub(super) fn first(
        &self,
        tile: usize,
        rows: Range<usize>,
        params: &[f32],
        terms: &[f32],
        features: &[f32],
        z: &mut [f32],
    ) {
        let (side, width) = (self.size.tile, self.size.widths[1]);
        let (_, weight) = self.layer(params, 0);
        let (by_x, by_y) = terms.split_at(side * width);
        let pixels = rows.len() * side;
        for (y, z) in rows.zip(z.chunks_exact_mut(side * width)) {
            let by_y = &by_y[y * width..][..width];
            let labels = match self.input {
                Input::Ids(ids) => {
                    let (n, start) = self.place(tile, y);
                    Some(&ids[n * self.size.height() * self.size.width() + start..][..side])
                }
                Input::Dense(_) => None,
            };
            for (x, z) in z.chunks_exact_mut(width).enumerate() {
                let by_x = &by_x[x * width..][..width];
                match labels.map(|labels| usize::from(labels[x])) {
                    Some(label) if label < self.size.inputs => {
                        let weight = &weight[label * width..][..width];
                        for c in 0..width {
                            z[c] = weight[c] + (by_x[c] + by_y[c]);
                        }
                    }
                    _ => {
                        for c in 0..width {
                            z[c] = by_x[c] + by_y[c];
                        }
                    }
                }
            }
        }
        if let Input::Dense(_) = self.input {
            let inputs = self.size.inputs;
            let features = Matrix::new(features, pixels, inputs, inputs);
            let weight = Matrix::new(weight, inputs, width, width);
            product(&mut MatrixMut::new(z, pixels, width, width), features, weight, true);
        }
    }

    /// z = b + Wᵀ·h of layer n for some pixels: (pixels, C_{n−1}) → (pixels, C_n).
    pub(super) fn next(&self, n: usize, params: &[f32], h: &[f32], z: &mut [f32]) {
        let (inputs, outputs) = (self.size.widths[n], self.size.widths[n + 1]);
        let (bias, weight) = self.layer(params, n);
        z.chunks_exact_mut(outputs).for_each(|z| z.copy_from_slice(bias));
        let pixels = z.len() / outputs;
        let (h, weight) = (Matrix::new(h, pixels, inputs, inputs), Matrix::new(weight, inputs, outputs, outputs));
        product(&mut MatrixMut::new(z, pixels, outputs, outputs), h, weight, true);
    }

    /// The layer's output from its z, in place.
    pub(super) fn activate(&self, n: usize, z: &mut [f32]) {
        if n + 1 == self.offsets.len() {
            z.iter_mut().for_each(|z| *z = tanh(*z));
        } else {
            z.iter_mut().for_each(|z| *z = if *z > 0.0 { *z } else { SLOPE as f32 * *z });
        }
    }

    /// The tile's output, (C_n, S, S).
    pub(super) fn forward(&self, tile: usize, params: &[f32], y: &mut [f32]) {
        let size = self.size;
        let (side, inputs) = (size.tile, size.inputs);
        let widest = size.widths[1..].iter().max().copied().unwrap_or_default();
        let part = self.part_pixels();
        let counts = [2 * side * size.widths[1], part * inputs, part * widest, part * widest];
        with_scratch(counts.iter().sum(), |scratch| {
            let (terms, scratch) = scratch.split_at_mut(counts[0]);
            let (features, scratch) = scratch.split_at_mut(counts[1]);
            let (mut z, mut h) = scratch.split_at_mut(counts[2]);
            self.position_terms(params, terms);
            for rows in self.row_parts() {
                let pixels = rows.len() * side;
                if let Input::Dense(x) = self.input {
                    self.gather(x, tile, rows.clone(), features);
                }
                let first = &mut z[..pixels * size.widths[1]];
                self.first(tile, rows.clone(), params, terms, &features[..pixels * inputs], first);
                self.activate(0, first);
                for n in 1..self.offsets.len() {
                    std::mem::swap(&mut z, &mut h);
                    let z = &mut z[..pixels * size.widths[n + 1]];
                    self.next(n, params, &h[..pixels * size.widths[n]], z);
                    self.activate(n, z);
                }
                let mut y = MatrixMut::new(&mut y[rows.start * side..], size.outputs(), pixels, side * side);
                transpose(z, size.outputs(), &mut y);
            }
        });
    }
}

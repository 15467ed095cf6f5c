//! The network of one tile, forward.

use std::ops::Range;

use super::Input;
use crate::cpu::gemm::MatrixMut;
use crate::cpu::math::tanh;
use crate::cpu::microkernel::{LANES, multiply};
use crate::cpu::scratch::with_scratch;
use crate::cpu::transpose::transpose;
use crate::ops::pixel_mlp::{PixelMlpSize, SLOPE};

/// Pixels, about, that run through the layers at a time.
const PIXELS: usize = 256;

/// What the tiles of a call share.
///
/// While a tile is worked on, every layer's outputs are padded with zeros to whole vector registers: its C_n numbers
/// a pixel, its biases and the rows of its weights take `padded[n]` numbers.
pub(super) struct Network<'a> {
    pub(super) size: &'a PixelMlpSize,
    pub(super) input: Input<'a>,
    /// (periods, 2, S).
    pub(super) positions: &'a [f32],
    /// The number of layers.
    pub(super) layers: usize,
    /// C_n of each layer n from 0, rounded up.
    pub(super) padded: Vec<usize>,
    /// Where each layer's biases and weights begin among a tile's padded parameters.
    pub(super) offsets: Vec<(usize, usize)>,
    /// How many padded parameters a tile has.
    pub(super) parameters: usize,
}

impl<'a> Network<'a> {
    pub(super) fn new(size: &'a PixelMlpSize, input: Input<'a>, positions: &'a [f32]) -> Self {
        let padded: Vec<usize> = size.widths[1..].iter().map(|width| width.next_multiple_of(LANES)).collect();
        let mut parameters = 0;
        let offsets = padded.iter().zip(&size.widths).map(|(outputs, inputs)| {
            let bias = parameters;
            parameters += outputs + inputs * outputs;
            (bias, bias + outputs)
        });
        let offsets = offsets.collect();
        Network { size, input, positions, layers: padded.len(), padded, offsets, parameters }
    }

    /// Copies a tile's parameters to their padded places; the padding becomes zeros.
    pub(super) fn pad(&self, params: &[f32], to: &mut [f32]) {
        let mut from = params;
        for (n, &padded) in self.padded.iter().enumerate() {
            let width = self.size.widths[n + 1];
            let rows = self.size.widths[n] + 1;
            let (layer, rest) = from.split_at(rows * width);
            for (to, from) in to[self.offsets[n].0..].chunks_exact_mut(padded).zip(layer.chunks_exact(width)) {
                to[..width].copy_from_slice(from);
                to[width..].fill(0.0);
            }
            from = rest;
        }
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

    /// Layer n's biases and its weights, (C_{n−1}, C_n), padded.
    pub(super) fn layer<'p>(&self, padded_params: &'p [f32], n: usize) -> (&'p [f32], &'p [f32]) {
        let (bias, weight) = self.offsets[n];
        (&padded_params[bias..weight], &padded_params[weight..][..self.size.widths[n] * self.padded[n]])
    }

    /// The image and the pixel where row `y` of tile `tile` begins.
    pub(super) fn place(&self, tile: usize, y: usize) -> (usize, usize) {
        let size = self.size;
        let (row, column) = (tile / size.grid_width, tile % size.grid_width);
        let (n, row) = (row / size.grid_height, row % size.grid_height);
        (n, (row * size.tile + y) * size.width() + column * size.tile)
    }

    /// The ids of row `y` of a tile, where pixels are ids.
    pub(super) fn labels(&self, tile: usize, y: usize) -> Option<&'a [u8]> {
        let Input::Ids(ids) = self.input else { return None };
        let (n, start) = self.place(tile, y);
        Some(&ids[n * self.size.height() * self.size.width() + start..][..self.size.tile])
    }

    // ANCHOR: position_terms
    /// What a pixel's position adds to the first layer: (2, S, C_1), by x and by y. The biases are in the latter.
    pub(super) fn position_terms(&self, params: &[f32], terms: &mut [f32]) {
        let (side, width) = (self.size.tile, self.padded[0]);
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
                    let weights = cos_weight.iter().zip(sin_weight);
                    term.iter_mut().zip(weights).for_each(|(term, (a, b))| *term += cos[r] * a + sin[r] * b);
                }
            }
        }
    }
    // ANCHOR_END: position_terms

    /// The numbers of dense pixels of some rows of a tile, (pixels, inputs).
    pub(super) fn gather(&self, tile: usize, rows: Range<usize>, features: &mut [f32]) {
        let Input::Dense(x) = self.input else { return };
        let (inputs, side) = (self.size.inputs, self.size.tile);
        let plane = self.size.height() * self.size.width();
        for (y, features) in rows.zip(features.chunks_exact_mut((side * inputs).max(1))) {
            let (n, start) = self.place(tile, y);
            transpose(&x[n * inputs * plane + start..], plane, &mut MatrixMut::new(features, side, inputs, inputs));
        }
    }

    /// The first layer's output for some rows of a tile, (pixels, C_1); `features` are dense pixels' numbers.
    pub(super) fn first(
        &self,
        tile: usize,
        rows: Range<usize>,
        params: &[f32],
        terms: &[f32],
        features: &[f32],
        h: &mut [f32],
    ) {
        let (side, width, inputs) = (self.size.tile, self.padded[0], self.size.inputs);
        let (_, weight) = self.layer(params, 0);
        let (by_x, by_y) = terms.split_at(side * width);
        if let Input::Dense(_) = self.input {
            multiply(features, inputs, inputs, weight, width, None, h, |_, _| ());
        }
        let slope = if self.layers > 1 { SLOPE as f32 } else { 1.0 };
        for (y, h) in rows.zip(h.chunks_exact_mut(side * width)) {
            let by_y = &by_y[y * width..][..width];
            let labels = self.labels(tile, y);
            for (x, h) in h.chunks_exact_mut(width).enumerate() {
                match labels.map(|labels| usize::from(labels[x])) {
                    None => {}
                    Some(label) if label < inputs => h.copy_from_slice(&weight[label * width..][..width]),
                    Some(_) => h.fill(0.0),
                }
                for (h, (x, y)) in h.iter_mut().zip(by_x[x * width..][..width].iter().zip(by_y)) {
                    let z = *h + (x + y);
                    *h = if z > 0.0 { z } else { slope * z };
                }
            }
        }
        if self.layers == 1 {
            h.iter_mut().for_each(|z| *z = tanh(*z));
        }
    }

    /// Layer n's output for some pixels, n > 0: (pixels, C_{n−1}) → (pixels, C_n).
    pub(super) fn next(&self, n: usize, params: &[f32], h: &[f32], output: &mut [f32]) {
        let (bias, weight) = self.layer(params, n);
        let (stride, inputs, outputs) = (self.padded[n - 1], self.size.widths[n], self.padded[n]);
        if n + 1 < self.layers {
            multiply(h, stride, inputs, weight, outputs, Some(bias), output, |_, z| {
                z.iter_mut().for_each(|z| *z = if *z > 0.0 { *z } else { SLOPE as f32 * *z });
            });
        } else {
            multiply(h, stride, inputs, weight, outputs, Some(bias), output, |_, z| {
                z.iter_mut().for_each(|z| *z = tanh(*z));
            });
        }
    }

    /// The working memory of [`Self::forward`]: parameters, position terms, features, two layers' outputs.
    pub(super) fn forward_counts(&self) -> [usize; 5] {
        let (side, inputs) = (self.size.tile, self.size.inputs);
        let widest = self.padded.iter().max().copied().unwrap_or_default();
        let part = self.part_pixels();
        [self.parameters, 2 * side * self.padded[0], part * inputs, part * widest, part * widest]
    }

    /// The tile's output, (C_n, S, S).
    pub(super) fn forward(&self, tile: usize, params: &[f32], y: &mut [f32]) {
        let (side, inputs) = (self.size.tile, self.size.inputs);
        let counts = self.forward_counts();
        with_scratch(counts.iter().sum(), |scratch| {
            let (padded, scratch) = scratch.split_at_mut(counts[0]);
            let (terms, scratch) = scratch.split_at_mut(counts[1]);
            let (features, scratch) = scratch.split_at_mut(counts[2]);
            let (mut output, mut h) = scratch.split_at_mut(counts[3]);
            self.pad(params, padded);
            self.position_terms(padded, terms);
            for rows in self.row_parts() {
                let pixels = rows.len() * side;
                let features = &mut features[..pixels * inputs];
                self.gather(tile, rows.clone(), features);
                self.first(tile, rows.clone(), padded, terms, features, &mut output[..pixels * self.padded[0]]);
                for n in 1..self.layers {
                    std::mem::swap(&mut output, &mut h);
                    self.next(n, padded, &h[..pixels * self.padded[n - 1]], &mut output[..pixels * self.padded[n]]);
                }
                let mut y = MatrixMut::new(&mut y[rows.start * side..], self.size.outputs(), pixels, side * side);
                transpose(output, self.padded[self.layers - 1], &mut y);
            }
        });
    }
}

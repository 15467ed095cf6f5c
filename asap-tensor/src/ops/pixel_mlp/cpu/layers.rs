//! The network of one tile, forward.

use std::ops::Range;
use std::sync::Arc;

use super::product::{Activated, Left, load, multiply, store};
use crate::cpu::Array;
use crate::cpu::math::tanh;
use crate::cpu::matrix::MatrixMut;
use crate::cpu::simd::{Routine, Simd};
use crate::ops::pixel_mlp::size::{PixelMlpSize, RawPixels, SLOPE};

/// [`RawPixels`] in this backend's memory.
#[derive(Clone, Copy)]
pub(super) enum Input<'a> {
    Ids(&'a [u8]),
    Dense(&'a [f32]),
}

impl<'a> Input<'a> {
    pub(super) fn of(pixels: &RawPixels<'a, Arc<Array>, Arc<Vec<u8>>>) -> Self {
        match pixels {
            RawPixels::Ids(ids) => Input::Ids(ids),
            RawPixels::Dense(x) => Input::Dense(x),
        }
    }
}

/// About how many pixels pass through the layers at a time: outputs of a layer are in the L1 cache when the next one reads
/// them.
const PIXELS: usize = 64;

/// What the tiles of a call share. Outputs of a layer are padded with zeros to whole registers: its C_n values of a pixel,
/// its biases and the rows of its weights have `padded[n]` values.
pub(super) struct Network<'a> {
    pub(super) size: &'a PixelMlpSize,
    pub(super) input: Input<'a>,
    /// (periods, 2, S).
    pub(super) positions: &'a [f32],
    pub(super) lanes: usize,
    pub(super) layers: usize,
    /// C_n of each layer n from 0, rounded up.
    pub(super) padded: Vec<usize>,
    /// Start of each layer's biases and weights in the padded parameters of a tile.
    pub(super) offsets: Vec<(usize, usize)>,
    /// Number of padded parameters of a tile.
    pub(super) parameters: usize,
}

impl<'a> Network<'a> {
    pub(super) fn new(size: &'a PixelMlpSize, input: Input<'a>, positions: &'a [f32], lanes: usize) -> Self {
        let padded: Vec<usize> = size.widths[1..].iter().map(|width| width.next_multiple_of(lanes)).collect();
        let mut parameters = 0;
        let offsets = padded.iter().zip(&size.widths).map(|(outputs, inputs)| {
            let bias = parameters;
            parameters += outputs + inputs * outputs;
            (bias, bias + outputs)
        });
        let offsets = offsets.collect();
        Network { size, input, positions, lanes, layers: padded.len(), padded, offsets, parameters }
    }

    /// Pads a tile's parameters with zeros.
    #[inline(always)]
    pub(super) fn pad(&self, params: &[f32], to: &mut [f32]) {
        let mut from = params;
        for (n, &padded) in self.padded.iter().enumerate() {
            let width = self.size.widths[n + 1];
            let rows = self.size.widths[n] + 1;
            let (layer, rest) = from.split_at(rows * width);
            let to = &mut to[self.offsets[n].0..];
            if width == padded {
                to[..layer.len()].copy_from_slice(layer);
            } else {
                for (to, from) in to.chunks_exact_mut(padded).zip(layer.chunks_exact(width)) {
                    to[..width].copy_from_slice(from);
                    to[width..].fill(0.0);
                }
            }
            from = rest;
        }
    }

    /// The rows of a tile in parts that pass through the layers together.
    pub(super) fn row_parts(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let side = self.size.tile;
        let rows = (PIXELS / side).clamp(1, side);
        (0..side).step_by(rows).map(move |y| y..(y + rows).min(side))
    }

    /// Maximum number of pixels of a part.
    pub(super) fn part_pixels(&self) -> usize {
        (PIXELS / self.size.tile).clamp(1, self.size.tile) * self.size.tile
    }

    /// Layer n's biases and its weights, (C_{n−1}, C_n), padded.
    pub(super) fn layer<'p>(&self, padded_params: &'p [f32], n: usize) -> (&'p [f32], &'p [f32]) {
        let (bias, weight) = self.offsets[n];
        (&padded_params[bias..weight], &padded_params[weight..][..self.size.widths[n] * self.padded[n]])
    }

    /// The image, and the first pixel of row `y` of tile `tile`.
    pub(super) fn place(&self, tile: usize, y: usize) -> (usize, usize) {
        let size = self.size;
        let (row, column) = (tile / size.grid_width, tile % size.grid_width);
        let (n, row) = (row / size.grid_height, row % size.grid_height);
        (n, (row * size.tile + y) * size.width() + column * size.tile)
    }

    /// The ids of row `y` of a tile, if pixels are ids.
    pub(super) fn labels(&self, tile: usize, y: usize) -> Option<&'a [u8]> {
        let Input::Ids(ids) = self.input else { return None };
        let (n, start) = self.place(tile, y);
        Some(&ids[n * self.size.height() * self.size.width() + start..][..self.size.tile])
    }

    // ANCHOR: position_terms
    /// The terms of a pixel's position in the first layer: (2, S, C_1), by x and by y. The latter include the biases.
    #[inline(always)]
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

    /// The values of dense pixels of some rows of a tile, (inputs, pixels).
    #[inline(always)]
    pub(super) fn gather(&self, tile: usize, rows: Range<usize>, features: &mut [f32]) {
        let Input::Dense(x) = self.input else { return };
        let (inputs, side, plane) = (self.size.inputs, self.size.tile, self.size.height() * self.size.width());
        for (c, features) in features.chunks_exact_mut(rows.len() * side).take(inputs).enumerate() {
            for (y, line) in rows.clone().zip(features.chunks_exact_mut(side)) {
                let (n, start) = self.place(tile, y);
                line.copy_from_slice(&x[(n * inputs + c) * plane + start..][..side]);
            }
        }
    }

    /// The slope below zero of layer n's activation; [`tanh_of_channel`] is applied after the last layer.
    pub(super) fn slope(&self, n: usize) -> f32 {
        if n + 1 < self.layers { SLOPE as f32 } else { 1.0 }
    }

    /// The first layer's output for some rows of a tile, (pixels, C_1); `features` are dense pixels' values.
    #[inline(always)]
    pub(super) fn first<S: Simd>(
        &self,
        simd: S,
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
        let slope = simd.splat(self.slope(0));
        let pixels = rows.len() * side;
        for (line, (y, h)) in rows.zip(h.chunks_exact_mut(side * width)).enumerate() {
            let by_y = &by_y[y * width..][..width];
            if let Some(labels) = self.labels(tile, y) {
                for x in 0..side {
                    let label = usize::from(labels[x]);
                    let (by_x, h) = (&by_x[x * width..][..width], &mut h[x * width..][..width]);
                    let row = if label < inputs { Some(&weight[label * width..][..width]) } else { None };
                    let mut j = 0;
                    while j < width {
                        let term = simd.add(load(simd, by_x, j), load(simd, by_y, j));
                        let z = match row {
                            Some(row) => simd.add(load(simd, row, j), term),
                            None => term,
                        };
                        store(simd, h, j, simd.where_positive(z, z, simd.mul(slope, z)));
                        j += S::LANES;
                    }
                }
            } else {
                let a = Left { values: &features[(line * side).min(features.len())..], row: 1, step: pixels };
                let ends = Activated { terms: Some(by_x), bias: by_y, slope: self.slope(0) };
                multiply(simd, [side, inputs, width], a, weight, h, ends);
            }
        }
    }

    /// Layer n's output for some pixels, n > 0: (pixels, C_{n−1}) → (pixels, C_n).
    #[inline(always)]
    pub(super) fn next<S: Simd>(
        &self,
        simd: S,
        n: usize,
        pixels: usize,
        params: &[f32],
        h: &[f32],
        output: &mut [f32],
    ) {
        let (bias, weight) = self.layer(params, n);
        let (inputs, outputs) = (self.size.widths[n], self.padded[n]);
        let h = Left { values: h, row: self.padded[n - 1], step: 1 };
        let ends = Activated { terms: None, bias, slope: self.slope(n) };
        multiply(simd, [pixels, inputs, outputs], h, weight, output, ends);
    }

    /// Scratch of [`Forward`]: parameters, position terms, features, outputs of two layers.
    pub(super) fn forward_counts(&self) -> [usize; 5] {
        let (side, inputs) = (self.size.tile, self.size.inputs);
        let widest = self.padded.iter().max().copied().unwrap_or_default();
        let part = self.part_pixels();
        [self.parameters, 2 * side * self.padded[0], part * inputs, part * widest, part * widest]
    }
}

/// The tanh of channel c of some pixels, of values (pixels, padded).
#[inline(always)]
pub(super) fn tanh_of_channel(c: usize, z: &[f32], padded: usize, y: &mut [f32]) {
    assert!(c < padded && z.len() >= y.len() * padded);
    for i in 0..y.len() {
        y[i] = z[i * padded + c];
    }
    // A separate loop, so that it is vectorized.
    for y in y {
        *y = tanh(*y);
    }
}

/// Writes a tile's output, one S×S matrix for each channel.
pub(super) struct Forward<'a, 'y> {
    pub(super) network: &'a Network<'a>,
    pub(super) tile: usize,
    pub(super) params: &'a [f32],
    pub(super) y: &'a mut [MatrixMut<'y>],
    /// Of the sizes of [`Network::forward_counts`].
    pub(super) scratch: [&'a mut [f32]; 5],
}

impl Routine for Forward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Forward { network, tile, params, y, scratch } = self;
        let [padded, terms, features, mut output, mut h] = scratch;
        let (side, last) = (network.size.tile, network.padded[network.layers - 1]);
        network.pad(params, padded);
        network.position_terms(padded, terms);
        for rows in network.row_parts() {
            let pixels = rows.len() * side;
            network.gather(tile, rows.clone(), features);
            network.first(simd, tile, rows.clone(), padded, terms, features, output);
            for n in 1..network.layers {
                std::mem::swap(&mut output, &mut h);
                network.next(simd, n, pixels, padded, h, output);
            }
            for (c, y) in y.iter_mut().enumerate() {
                for (line, row) in rows.clone().enumerate() {
                    tanh_of_channel(c, &output[line * side * last..], last, y.row(row));
                }
            }
        }
    }
}

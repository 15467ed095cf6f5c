//! The backward pass of the network of one tile: the outputs of the layers are recomputed and kept for some rows.

use std::ops::Range;

use super::layers::{Input, Network, tanh_of_channel};
use super::product::{Added, Derived, Left, Written, add, load, multiply};
use crate::cpu::matrix::MatrixMut;
use crate::cpu::simd::{Routine, Simd};
use crate::cpu::transpose::transpose;
use crate::ops::pixel_mlp::size::SLOPE;

/// Writes the gradients in a tile's parameters and, an S×S matrix for each channel, in its pixels.
pub(super) struct Backward<'a, 'y> {
    pub(super) network: &'a Network<'a>,
    pub(super) tile: usize,
    pub(super) params: &'a [f32],
    pub(super) grad_output: &'a [f32],
    pub(super) grad: &'a mut [f32],
    /// Empty if not wanted.
    pub(super) grad_pixels: &'a mut [MatrixMut<'y>],
    /// Of the sizes of [`Network::backward_counts`].
    pub(super) scratch: [&'a mut [f32]; 10],
}

impl Routine for Backward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Backward { network, tile, params, grad_output, grad, grad_pixels, scratch } = self;
        let [padded, sums, transposed, terms, grad_terms, features, kept, mut g, mut spare, line] = scratch;
        let size = network.size;
        let side = size.tile;
        network.pad(params, padded);
        network.transpose_weights(params, transposed);
        network.position_terms(padded, terms);
        sums.fill(0.0);
        grad_terms.fill(0.0);
        for rows in network.row_parts() {
            let pixels = rows.len() * side;
            network.gather(tile, rows.clone(), features);
            network.outputs(simd, tile, rows.clone(), padded, terms, features, kept);
            // The outputs of the layers in reverse, from the end of `kept`.
            let mut h = &kept[..pixels * network.padded.iter().sum::<usize>()];
            let mut weights = &*transposed;
            let (before, z) = h.split_at(h.len() - pixels * network.padded[network.layers - 1]);
            h = before;
            network.grad_of_tanh(tile, rows.clone(), grad_output, z, line, g);
            for n in (1..network.layers).rev() {
                let (outputs, inputs) = (size.widths[n + 1], network.padded[n - 1]);
                let (weight, after) = weights.split_at(outputs * inputs);
                weights = after;
                let (before, own) = h.split_at(h.len() - pixels * inputs);
                h = before;
                network.grad_layer(simd, n, pixels, own, g, sums);
                let size = [pixels, outputs, inputs];
                let ends = Derived { h: own, slope: SLOPE as f32 };
                multiply(simd, size, Left { values: g, row: network.padded[n], step: 1 }, weight, spare, ends);
                std::mem::swap(&mut g, &mut spare);
            }
            network.grad_first(simd, tile, rows.clone(), features, g, sums, grad_terms);
            if !grad_pixels.is_empty() {
                let inputs = size.inputs.next_multiple_of(S::LANES);
                let a = Left { values: g, row: network.padded[0], step: 1 };
                multiply(simd, [pixels, size.widths[1], inputs], a, weights, spare, Written);
                for (c, plane) in grad_pixels.iter_mut().enumerate() {
                    for (line, row) in rows.clone().enumerate() {
                        for (x, g) in plane.row(row).iter_mut().enumerate() {
                            *g = spare[(line * side + x) * inputs + c];
                        }
                    }
                }
            }
        }
        network.grad_of_positions(grad_terms, sums);
        network.unpad(sums, grad);
    }
}

impl Network<'_> {
    /// Scratch of [`Backward`]: parameters, their gradients and their transposes, position terms and their gradients,
    /// features, outputs of all layers, gradients of two layers, a channel.
    pub(super) fn backward_counts(&self) -> [usize; 10] {
        let (side, inputs, first) = (self.size.tile, self.size.inputs, self.padded[0]);
        let part = self.part_pixels();
        let padded_inputs = inputs.next_multiple_of(self.lanes);
        let wide = part * self.padded.iter().max().copied().unwrap_or_default().max(padded_inputs);
        let outputs: usize = self.padded.iter().sum();
        let terms = 2 * side * first;
        let transposed = self.transposed_count();
        [self.parameters, self.parameters, transposed, terms, terms, part * inputs, part * outputs, wide, wide, side]
    }

    /// Values that [`Self::transpose_weights`] writes.
    fn transposed_count(&self) -> usize {
        let widths = &self.size.widths;
        let rows = (0..self.layers).map(|n| if n == 0 { self.size.inputs } else { widths[n] });
        rows.zip(&widths[1..]).map(|(inputs, outputs)| inputs.next_multiple_of(self.lanes) * outputs).sum()
    }

    /// The transposed weights of every layer, (C_n, padded C_{n−1}), from the last to the first; of the first only the
    /// weights of labels or values.
    fn transpose_weights(&self, params: &[f32], transposed: &mut [f32]) {
        let offsets = self.size.offsets();
        let mut rest = transposed;
        for n in (0..self.layers).rev() {
            let inputs = if n == 0 { self.size.inputs } else { self.size.widths[n] };
            let (padded, outputs) = (inputs.next_multiple_of(self.lanes), self.size.widths[n + 1]);
            let (layer, after) = rest.split_at_mut(padded * outputs);
            if padded > inputs {
                layer.fill(0.0);
            }
            transpose(&params[offsets[n].1..], outputs, &mut MatrixMut::new(layer, outputs, inputs, padded));
            rest = after;
        }
    }

    /// Removes the padding of the gradients in a tile's parameters.
    #[inline(always)]
    fn unpad(&self, sums: &[f32], grad: &mut [f32]) {
        let mut rest = grad;
        for (n, &padded) in self.padded.iter().enumerate() {
            let width = self.size.widths[n + 1];
            let (layer, after) = rest.split_at_mut((self.size.widths[n] + 1) * width);
            let sums = &sums[self.offsets[n].0..];
            if width == padded {
                layer.copy_from_slice(&sums[..layer.len()]);
            } else {
                for (to, from) in layer.chunks_exact_mut(width).zip(sums.chunks_exact(padded)) {
                    to.copy_from_slice(&from[..width]);
                }
            }
            rest = after;
        }
    }

    /// The outputs of all layers for some rows of a tile, one after the other in `kept`; of the last layer the input of the
    /// tanh.
    #[inline(always)]
    fn outputs<S: Simd>(
        &self,
        simd: S,
        tile: usize,
        rows: Range<usize>,
        params: &[f32],
        terms: &[f32],
        features: &[f32],
        kept: &mut [f32],
    ) {
        let pixels = rows.len() * self.size.tile;
        let (mut h, mut rest) = kept.split_at_mut(pixels * self.padded[0]);
        self.first(simd, tile, rows, params, terms, features, h);
        for n in 1..self.layers {
            let (output, after) = rest.split_at_mut(pixels * self.padded[n]);
            self.next(simd, n, pixels, params, h, output);
            (h, rest) = (output, after);
        }
    }

    /// The gradient in the last layer's z, (pixels, C_n): g·(1 − y²).
    #[inline(always)]
    fn grad_of_tanh(
        &self,
        tile: usize,
        rows: Range<usize>,
        grad_output: &[f32],
        z: &[f32],
        y: &mut [f32],
        g: &mut [f32],
    ) {
        let (side, outputs, padded) = (self.size.tile, self.size.outputs(), self.padded[self.layers - 1]);
        let plane = self.size.height() * self.size.width();
        g[..z.len()].fill(0.0);
        let lines = g.chunks_exact_mut(side * padded).zip(z.chunks_exact(side * padded));
        for (row, (g, z)) in rows.zip(lines) {
            let (n, start) = self.place(tile, row);
            for c in 0..outputs {
                tanh_of_channel(c, z, padded, y);
                let grad = &grad_output[(n * outputs + c) * plane + start..][..side];
                for x in 0..side {
                    g[x * padded + c] = grad[x] * (1.0 - y[x] * y[x]);
                }
            }
        }
    }

    /// Adds layer n's part of the parameters' gradient: Σ g to the biases, hᵀ·g to the weights.
    #[inline(always)]
    fn grad_layer<S: Simd>(&self, simd: S, n: usize, pixels: usize, h: &[f32], g: &[f32], sums: &mut [f32]) {
        let outputs = self.padded[n];
        let (bias, weight) = self.offsets[n];
        // The biases' input is 1 in every pixel.
        let ones = Left { values: &[1.0], row: 0, step: 0 };
        let (biases, weights) = sums[bias..].split_at_mut(weight - bias);
        multiply(simd, [1, pixels, outputs], ones, g, biases, Added);
        let transposed = Left { values: h, row: 1, step: self.padded[n - 1] };
        multiply(simd, [self.size.widths[n], pixels, outputs], transposed, g, weights, Added);
    }

    /// Adds the first layer's part for some rows of a tile: to the gradient in the weights of labels or values, and
    /// to that in the position terms.
    #[inline(always)]
    fn grad_first<S: Simd>(
        &self,
        simd: S,
        tile: usize,
        rows: Range<usize>,
        features: &[f32],
        g: &[f32],
        sums: &mut [f32],
        grad_terms: &mut [f32],
    ) {
        let (side, inputs, width) = (self.size.tile, self.size.inputs, self.padded[0]);
        let pixels = rows.len() * side;
        let weight = &mut sums[self.offsets[0].1..][..inputs * width];
        let (by_x, by_y) = grad_terms.split_at_mut(side * width);
        for (y, g) in rows.zip(g.chunks_exact(side * width)) {
            let by_y = &mut by_y[y * width..][..width];
            let labels = self.labels(tile, y);
            for x in 0..side {
                let (by_x, g) = (&mut by_x[x * width..][..width], &g[x * width..][..width]);
                let label = labels.map(|labels| usize::from(labels[x])).filter(|label| *label < inputs);
                let mut row = label.map(|label| &mut weight[label * width..][..width]);
                let mut j = 0;
                while j < width {
                    let g = load(simd, g, j);
                    add(simd, by_x, j, g);
                    add(simd, by_y, j, g);
                    if let Some(row) = &mut row {
                        add(simd, row, j, g);
                    }
                    j += S::LANES;
                }
            }
        }
        if let Input::Dense(_) = self.input {
            let a = Left { values: features, row: pixels, step: 1 };
            multiply(simd, [inputs, pixels, width], a, g, weight, Added);
        }
    }

    // ANCHOR: grad_of_positions
    /// Adds the gradients in the first layer's biases and position weights, from that in the position terms.
    #[inline(always)]
    fn grad_of_positions(&self, grad_terms: &[f32], sums: &mut [f32]) {
        let (side, width) = (self.size.tile, self.padded[0]);
        let (by_x, by_y) = grad_terms.split_at(side * width);
        let (bias, weight) = self.offsets[0];
        for g in by_y.chunks_exact(width) {
            sums[bias..weight].iter_mut().zip(g).for_each(|(sum, g)| *sum += g);
        }
        let weights = sums[weight + self.size.inputs * width..].chunks_exact_mut(4 * width);
        for (weight, table) in weights.zip(self.positions.chunks_exact(2 * side)) {
            let (cos, sin) = table.split_at(side);
            let factors = [(by_x, cos), (by_x, sin), (by_y, cos), (by_y, sin)];
            for (weight, (terms, factors)) in weight.chunks_exact_mut(width).zip(factors) {
                for (g, factor) in terms.chunks_exact(width).zip(factors) {
                    weight.iter_mut().zip(g).for_each(|(sum, g)| *sum += factor * g);
                }
            }
        }
    }
    // ANCHOR_END: grad_of_positions
}

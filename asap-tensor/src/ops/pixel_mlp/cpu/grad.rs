//! The network of one tile, backward: the layers' outputs are computed again and kept for the rows at hand.

use std::ops::Range;

use super::Input;
use super::layers::Network;
use crate::cpu::gemm::MatrixMut;
use crate::cpu::microkernel::{LANES, add_transposed, multiply};
use crate::cpu::scratch::with_scratch;
use crate::cpu::transpose::transpose;
use crate::ops::pixel_mlp::SLOPE;

impl Network<'_> {
    /// The working memory of [`Self::backward`]: parameters, their gradients and their transposes, position terms and
    /// their gradients, features, all layers' outputs, two layers' gradients.
    pub(super) fn backward_counts(&self) -> [usize; 9] {
        let (side, inputs, first) = (self.size.tile, self.size.inputs, self.padded[0]);
        let part = self.part_pixels();
        let padded_inputs = inputs.next_multiple_of(LANES);
        let wide = part * self.padded.iter().max().copied().unwrap_or_default().max(padded_inputs);
        let outputs: usize = self.padded.iter().sum();
        let terms = 2 * side * first;
        let transposed = self.transposed_count();
        [self.parameters, self.parameters, transposed, terms, terms, part * inputs, part * outputs, wide, wide]
    }

    /// The gradients in the tile's parameters and, where wanted, in its pixels, (inputs, S, S).
    pub(super) fn backward(
        &self,
        tile: usize,
        params: &[f32],
        grad_output: &[f32],
        grad: &mut [f32],
        mut grad_pixels: Option<&mut [f32]>,
    ) {
        let size = self.size;
        let (side, inputs, first) = (size.tile, size.inputs, self.padded[0]);
        let padded_inputs = inputs.next_multiple_of(LANES);
        let counts = self.backward_counts();
        with_scratch(counts.iter().sum(), |scratch| {
            let mut rest = scratch;
            let [padded, sums, transposed, terms, grad_terms, features, kept, mut g, mut spare] = counts.map(|count| {
                let (piece, after) = std::mem::take(&mut rest).split_at_mut(count);
                rest = after;
                piece
            });
            self.pad(params, padded);
            self.transpose_weights(params, transposed);
            self.position_terms(padded, terms);
            sums.fill(0.0);
            grad_terms.fill(0.0);
            for rows in self.row_parts() {
                let pixels = rows.len() * side;
                let features = &mut features[..pixels * inputs];
                self.gather(tile, rows.clone(), features);
                let h = self.outputs(tile, rows.clone(), padded, terms, features, kept);

                self.grad_of_tanh(tile, rows.clone(), grad_output, h[self.layers - 1], g);
                let mut weights = &*transposed;
                for n in (1..self.layers).rev() {
                    let (narrow, wide) = (self.padded[n], self.padded[n - 1]);
                    let (weight, after) = weights.split_at(size.widths[n + 1] * wide);
                    weights = after;
                    let (grad_z, h) = (&g[..pixels * narrow], h[n - 1]);
                    self.grad_layer(n, h, wide, grad_z, sums);
                    let grad_h = &mut spare[..pixels * wide];
                    multiply(grad_z, narrow, size.widths[n + 1], weight, wide, None, grad_h, |at, g| {
                        for (g, h) in g.iter_mut().zip(&h[at..]) {
                            *g *= if *h > 0.0 { 1.0 } else { SLOPE as f32 };
                        }
                    });
                    std::mem::swap(&mut g, &mut spare);
                }

                let grad_z = &g[..pixels * first];
                self.grad_first(tile, rows.clone(), features, grad_z, sums, grad_terms);
                if let Some(grad_pixels) = &mut grad_pixels {
                    let grad_features = &mut spare[..pixels * padded_inputs];
                    multiply(grad_z, first, size.widths[1], weights, padded_inputs, None, grad_features, |_, _| ());
                    let planes = &mut grad_pixels[rows.start * side..];
                    transpose(grad_features, padded_inputs, &mut MatrixMut::new(planes, inputs, pixels, side * side));
                }
            }
            self.grad_of_positions(grad_terms, sums);
            self.unpad(sums, grad);
        });
    }

    /// How many numbers [`Self::transpose_weights`] writes.
    fn transposed_count(&self) -> usize {
        let widths = &self.size.widths;
        let rows = (0..self.layers).map(|n| if n == 0 { self.size.inputs } else { widths[n] });
        rows.zip(&widths[1..]).map(|(inputs, outputs)| inputs.next_multiple_of(LANES) * outputs).sum()
    }

    /// Every layer's transposed weights, (C_n, padded C_{n−1}), from the last layer to the first, of which only the
    /// weights of labels or numbers are taken.
    fn transpose_weights(&self, params: &[f32], transposed: &mut [f32]) {
        let offsets = self.size.offsets();
        let mut rest = transposed;
        for n in (0..self.layers).rev() {
            let inputs = if n == 0 { self.size.inputs } else { self.size.widths[n] };
            let (padded, outputs) = (inputs.next_multiple_of(LANES), self.size.widths[n + 1]);
            let (layer, after) = rest.split_at_mut(padded * outputs);
            layer.fill(0.0);
            transpose(&params[offsets[n].1..], outputs, &mut MatrixMut::new(layer, outputs, inputs, padded));
            rest = after;
        }
    }

    /// Copies padded gradients of a tile's parameters to where the parameters stand.
    fn unpad(&self, sums: &[f32], grad: &mut [f32]) {
        let mut rest = grad;
        for (n, &padded) in self.padded.iter().enumerate() {
            let width = self.size.widths[n + 1];
            let (layer, after) = rest.split_at_mut((self.size.widths[n] + 1) * width);
            for (to, from) in layer.chunks_exact_mut(width).zip(sums[self.offsets[n].0..].chunks_exact(padded)) {
                to.copy_from_slice(&from[..width]);
            }
            rest = after;
        }
    }

    /// Every layer's output for some rows of a tile, in `kept`.
    fn outputs<'k>(
        &self,
        tile: usize,
        rows: Range<usize>,
        params: &[f32],
        terms: &[f32],
        features: &[f32],
        kept: &'k mut [f32],
    ) -> Vec<&'k [f32]> {
        let pixels = rows.len() * self.size.tile;
        let mut outputs: Vec<&[f32]> = Vec::with_capacity(self.layers);
        let mut rest = kept;
        for n in 0..self.layers {
            let (output, after) = rest.split_at_mut(pixels * self.padded[n]);
            match outputs.last() {
                None => self.first(tile, rows.clone(), params, terms, features, output),
                Some(h) => self.next(n, params, h, output),
            }
            outputs.push(output);
            rest = after;
        }
        outputs
    }

    /// The gradient in the last layer's z, (pixels, C_n): g·(1 − y²).
    fn grad_of_tanh(&self, tile: usize, rows: Range<usize>, grad_output: &[f32], y: &[f32], g: &mut [f32]) {
        let (side, outputs, padded) = (self.size.tile, self.size.outputs(), self.padded[self.layers - 1]);
        let plane = self.size.height() * self.size.width();
        let lines = g.chunks_exact_mut(side * padded).zip(y.chunks_exact(side * padded));
        for (row, (g, y)) in rows.zip(lines) {
            let (n, start) = self.place(tile, row);
            g.fill(0.0);
            let from = &grad_output[n * outputs * plane + start..];
            transpose(from, plane, &mut MatrixMut::new(g, side, outputs, padded));
            g.iter_mut().zip(y).for_each(|(g, y)| *g *= 1.0 - y * y);
        }
    }

    /// Adds layer n's part of the parameters' gradient: Σ g to the biases, hᵀ·g to the weights.
    fn grad_layer(&self, n: usize, h: &[f32], stride: usize, g: &[f32], sums: &mut [f32]) {
        let outputs = self.padded[n];
        let (bias, weight) = self.offsets[n];
        for g in g.chunks_exact(outputs) {
            sums[bias..weight].iter_mut().zip(g).for_each(|(sum, g)| *sum += g);
        }
        add_transposed(h, stride, g, outputs, &mut sums[weight..][..self.size.widths[n] * outputs]);
    }

    /// Adds the first layer's part for some rows of a tile: to the gradient in the weights of labels or numbers, and
    /// to that in the position terms.
    fn grad_first(
        &self,
        tile: usize,
        rows: Range<usize>,
        features: &[f32],
        g: &[f32],
        sums: &mut [f32],
        grad_terms: &mut [f32],
    ) {
        let (side, inputs, width) = (self.size.tile, self.size.inputs, self.padded[0]);
        let weight = &mut sums[self.offsets[0].1..][..inputs * width];
        let (by_x, by_y) = grad_terms.split_at_mut(side * width);
        let add = |to: &mut [f32], g: &[f32]| to.iter_mut().zip(g).for_each(|(to, g)| *to += g);
        for (y, g) in rows.zip(g.chunks_exact(side * width)) {
            let labels = self.labels(tile, y);
            for (x, g) in g.chunks_exact(width).enumerate() {
                add(&mut by_x[x * width..][..width], g);
                add(&mut by_y[y * width..][..width], g);
                if let Some(label) = labels.map(|labels| usize::from(labels[x])).filter(|label| *label < inputs) {
                    add(&mut weight[label * width..][..width], g);
                }
            }
        }
        if let Input::Dense(_) = self.input {
            add_transposed(features, inputs.max(1), g, width, weight);
        }
    }

    // ANCHOR: grad_of_positions
    /// Adds what the gradient in the position terms says about the first layer's biases and position weights.
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

//! The network of one tile, backward: the layers' outputs are computed again and kept for the rows at hand.

use std::ops::Range;

use super::Input;
use super::layers::Network;
use crate::cpu::gemm::{Matrix, MatrixMut, product};
use crate::cpu::scratch::with_scratch;
use crate::cpu::transpose::transpose;
use crate::ops::pixel_mlp::SLOPE;

impl Network<'_> {
    /// The gradients in the tile's parameters and, where wanted, in its pixels, (inputs, S, S). Both come as zeros.
    pub(super) fn backward(
        &self,
        tile: usize,
        params: &[f32],
        grad_output: &[f32],
        grad: &mut [f32],
        mut grad_pixels: Option<&mut [f32]>,
    ) {
        let size = self.size;
        let (side, inputs, first) = (size.tile, size.inputs, size.widths[1]);
        let layers = self.offsets.len();
        let part = self.part_pixels();
        let widest = size.widths[1..].iter().max().copied().unwrap_or_default().max(inputs);
        let outputs: usize = size.widths[1..].iter().sum();
        let counts = [2 * side * first, 2 * side * first, part * inputs, part * outputs, part * widest, part * widest];
        with_scratch(counts.iter().sum(), |scratch| {
            let (terms, scratch) = scratch.split_at_mut(counts[0]);
            let (grad_terms, scratch) = scratch.split_at_mut(counts[1]);
            let (features, scratch) = scratch.split_at_mut(counts[2]);
            let (kept, scratch) = scratch.split_at_mut(counts[3]);
            let (mut g, mut spare) = scratch.split_at_mut(counts[4]);
            self.position_terms(params, terms);
            grad_terms.fill(0.0);
            for rows in self.row_parts() {
                let pixels = rows.len() * side;
                let features = &mut features[..pixels * inputs];
                if let Input::Dense(x) = self.input {
                    self.gather(x, tile, rows.clone(), features);
                }
                let h = self.outputs(tile, rows.clone(), params, terms, features, kept);

                self.grad_of_tanh(tile, rows.clone(), grad_output, h[layers - 1], g);
                for n in (1..layers).rev() {
                    let grad_z = &g[..pixels * size.widths[n + 1]];
                    let grad_h = &mut spare[..pixels * size.widths[n]];
                    self.grad_layer(n, h[n - 1], grad_z, grad);
                    self.grad_features(n, params, grad_z, grad_h);
                    for (g, h) in grad_h.iter_mut().zip(h[n - 1].iter()) {
                        *g *= if *h > 0.0 { 1.0 } else { SLOPE as f32 };
                    }
                    std::mem::swap(&mut g, &mut spare);
                }

                let grad_z = &g[..pixels * first];
                self.grad_first(tile, rows.clone(), features, grad_z, grad, grad_terms);
                if let Some(grad_pixels) = &mut grad_pixels {
                    let grad_features = &mut spare[..pixels * inputs];
                    self.grad_features(0, params, grad_z, grad_features);
                    let planes = &mut grad_pixels[rows.start * side..];
                    transpose(grad_features, inputs, &mut MatrixMut::new(planes, inputs, pixels, side * side));
                }
            }
            self.grad_of_positions(grad_terms, grad);
        });
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
        let mut outputs: Vec<&[f32]> = Vec::with_capacity(self.offsets.len());
        let mut rest = kept;
        for n in 0..self.offsets.len() {
            let (z, after) = rest.split_at_mut(pixels * self.size.widths[n + 1]);
            match outputs.last() {
                None => self.first(tile, rows.clone(), params, terms, features, z),
                Some(h) => self.next(n, params, h, z),
            }
            self.activate(n, z);
            outputs.push(z);
            rest = after;
        }
        outputs
    }

    /// The gradient in the last layer's z, (pixels, C_n): g·(1 − y²).
    fn grad_of_tanh(&self, tile: usize, rows: Range<usize>, grad_output: &[f32], y: &[f32], g: &mut [f32]) {
        let (side, outputs) = (self.size.tile, self.size.outputs());
        let plane = self.size.height() * self.size.width();
        let lines = g.chunks_exact_mut(side * outputs).zip(y.chunks_exact(side * outputs));
        for (row, (g, y)) in rows.zip(lines) {
            let (n, start) = self.place(tile, row);
            let from = &grad_output[n * outputs * plane + start..];
            transpose(from, plane, &mut MatrixMut::new(g, side, outputs, outputs));
            g.iter_mut().zip(y).for_each(|(g, y)| *g *= 1.0 - y * y);
        }
    }

    /// Adds layer n's part of the parameters' gradient: Σ g to the biases, hᵀ·g to the weights.
    fn grad_layer(&self, n: usize, h: &[f32], g: &[f32], grad: &mut [f32]) {
        let (inputs, outputs) = (self.size.widths[n], self.size.widths[n + 1]);
        let (bias, weight) = self.offsets[n];
        let pixels = g.len() / outputs;
        for g in g.chunks_exact(outputs) {
            grad[bias..weight].iter_mut().zip(g).for_each(|(sum, g)| *sum += g);
        }
        let weight = &mut grad[weight..][..inputs * outputs];
        let (h, g) = (Matrix::new(h, pixels, inputs, inputs), Matrix::new(g, pixels, outputs, outputs));
        product(&mut MatrixMut::new(weight, inputs, outputs, outputs), h.transposed(), g, true);
    }

    /// g·Wᵀ, the gradient in layer n's features; of the first layer's features, in those that are no positions.
    fn grad_features(&self, n: usize, params: &[f32], g: &[f32], grad: &mut [f32]) {
        let outputs = self.size.widths[n + 1];
        let inputs = if n == 0 { self.size.inputs } else { self.size.widths[n] };
        let pixels = g.len() / outputs;
        let (_, weight) = self.layer(params, n);
        let weight = Matrix::new(weight, inputs, outputs, outputs).transposed();
        let g = Matrix::new(g, pixels, outputs, outputs);
        product(&mut MatrixMut::new(grad, pixels, inputs, inputs), g, weight, false);
    }

    /// Adds the first layer's part for some rows of a tile: to the gradient in the weights of labels or numbers, and
    /// to that in the position terms.
    fn grad_first(
        &self,
        tile: usize,
        rows: Range<usize>,
        features: &[f32],
        g: &[f32],
        grad: &mut [f32],
        grad_terms: &mut [f32],
    ) {
        let size = self.size;
        let (side, inputs, width) = (size.tile, size.inputs, size.widths[1]);
        let weight = &mut grad[self.offsets[0].1..][..inputs * width];
        let (by_x, by_y) = grad_terms.split_at_mut(side * width);
        let add = |to: &mut [f32], g: &[f32]| to.iter_mut().zip(g).for_each(|(to, g)| *to += g);
        for (y, g) in rows.clone().zip(g.chunks_exact(side * width)) {
            let (n, start) = self.place(tile, y);
            for (x, g) in g.chunks_exact(width).enumerate() {
                add(&mut by_x[x * width..][..width], g);
                add(&mut by_y[y * width..][..width], g);
                if let Input::Ids(ids) = self.input {
                    let label = usize::from(ids[n * size.height() * size.width() + start + x]);
                    if label < inputs {
                        add(&mut weight[label * width..][..width], g);
                    }
                }
            }
        }
        if let Input::Dense(_) = self.input {
            let pixels = rows.len() * side;
            let features = Matrix::new(features, pixels, inputs, inputs).transposed();
            let g = Matrix::new(g, pixels, width, width);
            product(&mut MatrixMut::new(weight, inputs, width, width), features, g, true);
        }
    }

    /// Adds what the gradient in the position terms says about the first layer's biases and position weights.
    fn grad_of_positions(&self, grad_terms: &[f32], grad: &mut [f32]) {
        let (side, width) = (self.size.tile, self.size.widths[1]);
        let (by_x, by_y) = grad_terms.split_at(side * width);
        let (bias, weight) = self.offsets[0];
        for g in by_y.chunks_exact(width) {
            grad[bias..weight].iter_mut().zip(g).for_each(|(sum, g)| *sum += g);
        }
        let weights = grad[weight + self.size.inputs * width..].chunks_exact_mut(4 * width);
        for (weight, table) in weights.zip(self.positions.chunks_exact(2 * side)) {
            let factors =
                [(by_x, &table[..side]), (by_x, &table[side..]), (by_y, &table[..side]), (by_y, &table[side..])];
            for (weight, (terms, factors)) in weight.chunks_exact_mut(width).zip(factors) {
                for (g, factor) in terms.chunks_exact(width).zip(factors) {
                    weight.iter_mut().zip(g).for_each(|(sum, g)| *sum += factor * g);
                }
            }
        }
    }
}

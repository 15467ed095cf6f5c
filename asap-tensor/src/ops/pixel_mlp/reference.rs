//! Kernels of `Reference`: for each tile, the features of its pixels as the rows of a matrix, and a matrix product for each
//! layer.

use std::sync::Arc;

use ndarray::{Array1, Array2, Array4, ArrayView2, ArrayView3, ArrayView4, Axis, s};

use super::ops::{PixelMlpForward, PixelMlpGrad};
use super::size::{PixelMlpSize, RawPixels, SLOPE};
use crate::error::Result;
use crate::op::{Buffers, Inputs, Kernel};
use crate::ops::layout::OneHot;
use crate::ops::unary::Unary;
use crate::reference::{Reference, buffer, view};
use crate::storage::Element;

/// The activation after layer n of `layers`.
fn activation(n: usize, layers: usize) -> Unary {
    if n + 1 == layers { Unary::Tanh } else { Unary::LeakyRelu { slope: SLOPE } }
}

/// One layer of one tile's network: biases (C_n) and weights (C_{n−1}, C_n).
struct Layer<E> {
    bias: Array1<E>,
    weight: Array2<E>,
}

/// The layers of one tile's parameters.
fn layers<E: Element>(params: &[E], size: &PixelMlpSize) -> Vec<Layer<E>> {
    let sizes = size.widths.windows(2);
    size.offsets()
        .into_iter()
        .zip(sizes)
        .map(|((bias, weight), width)| Layer {
            bias: view(&params[bias..weight], width[1]).to_owned(),
            weight: view(&params[weight..weight + width[0] * width[1]], (width[0], width[1])).to_owned(),
        })
        .collect()
}

// ANCHOR: forward
/// The features of every layer, h_0 … h_n, each (S·S, C): those of the pixels, then the outputs of the layers.
fn forward<E: Element>(layers: &[Layer<E>], features: Array2<E>) -> Vec<Array2<E>> {
    let mut h = vec![features];
    for (n, layer) in layers.iter().enumerate() {
        let z = h[n].dot(&layer.weight) + &layer.bias;
        h.push(z.mapv(|z| activation(n, layers.len()).apply(z)));
    }
    h
}
// ANCHOR_END: forward

// ANCHOR: backward
/// The gradients in a tile's parameters, laid out as these are, and in its pixels' features.
fn backward<E: Element>(layers: &[Layer<E>], h: &[Array2<E>], grad_output: Array2<E>) -> (Vec<E>, Array2<E>) {
    let mut grad_h = grad_output;
    let mut grad_layers = Vec::new();
    for (n, layer) in layers.iter().enumerate().rev() {
        // The leaky ReLU keeps the sign and tanh′ needs the output alone, so the layer's output stands for its input.
        let mut grad_z = grad_h;
        grad_z.zip_mut_with(&h[n + 1], |g, &h| *g = *g * activation(n, layers.len()).derivative(h, h));
        grad_layers.push(Layer { bias: grad_z.sum_axis(Axis(0)), weight: h[n].t().dot(&grad_z) });
        grad_h = grad_z.dot(&layer.weight.t());
    }
    let grad_params = grad_layers.iter().rev().flat_map(|layer| layer.bias.iter().chain(layer.weight.iter())).copied();
    (grad_params.collect(), grad_h)
}
// ANCHOR_END: backward

// ANCHOR: features
/// The features of tile (n, i, j), (S·S, C_0): label or color, then cos x, sin x, cos y, sin y for each period, where
/// (x, y) is the pixel's place within the tile.
fn features<E: Element>(
    pixels: ArrayView4<'_, E>,
    positions: ArrayView3<'_, E>,
    [n, i, j]: [usize; 3],
    size: &PixelMlpSize,
) -> Array2<E> {
    let tile = size.tile;
    Array2::from_shape_fn((tile * tile, size.widths[0]), |(pixel, feature)| {
        let (y, x) = (pixel / tile, pixel % tile);
        match feature.checked_sub(size.inputs) {
            None => pixels[[n, feature, i * tile + y, j * tile + x]],
            Some(position) => {
                let (period, which) = (position / 4, position % 4);
                positions[[period, which % 2, if which < 2 { x } else { y }]]
            }
        }
    })
}
// ANCHOR_END: features

/// Calls `work` with every tile: (n, i, j) for the cell in row i and column j of image n's grid.
fn for_each_tile(size: &PixelMlpSize, mut work: impl FnMut([usize; 3])) {
    for n in 0..size.batch {
        for i in 0..size.grid_height {
            for j in 0..size.grid_width {
                work([n, i, j]);
            }
        }
    }
}

/// Writes a tile's rows (S·S, C) to its pixels of an image batch.
fn write_tile<E: Element>(image: &mut Array4<E>, [n, i, j]: [usize; 3], tile: usize, rows: ArrayView2<'_, E>) {
    let channels = image.dim().1;
    for c in 0..channels {
        for y in 0..tile {
            for x in 0..tile {
                image[[n, c, i * tile + y, j * tile + x]] = rows[[y * tile + x, c]];
            }
        }
    }
}

impl<E: Element> Reference<E> {
    /// The pixels as values (N, C, H, W), labels in their one-hot form.
    fn dense(&self, pixels: &RawPixels<'_, Arc<Vec<E>>, Arc<Vec<u8>>>, size: &PixelMlpSize) -> Result<Array4<E>> {
        let (height, width) = (size.height(), size.width());
        let x = match pixels {
            RawPixels::Ids(ids) => {
                &self.compute(&OneHot { ids: [size.batch, height, width], classes: size.inputs }, ids)?
            }
            RawPixels::Dense(x) => *x,
        };
        Ok(view(x, (size.batch, size.inputs, height, width)).to_owned())
    }
}

impl<E: Element> Kernel<PixelMlpForward> for Reference<E> {
    fn compute(
        &self,
        op: &PixelMlpForward,
        (params, pixels, positions): Inputs<'_, PixelMlpForward, Self>,
    ) -> Result<Self::Buffer> {
        let size = &op.size;
        let pixels = self.dense(&pixels, size)?;
        let params = view(params, (size.batch, size.parameters(), size.grid_height, size.grid_width));
        let positions = view(positions, (size.periods, 2, size.tile));
        let mut image = Array4::zeros((size.batch, size.outputs(), size.height(), size.width()));
        for_each_tile(size, |[n, i, j]| {
            let layers = layers(&params.slice(s![n, .., i, j]).to_vec(), size);
            let h = forward(&layers, features(pixels.view(), positions, [n, i, j], size));
            write_tile(&mut image, [n, i, j], size.tile, h[layers.len()].view());
        });
        Ok(buffer(&image))
    }
}

impl<E: Element> Kernel<PixelMlpGrad> for Reference<E> {
    fn compute(
        &self,
        PixelMlpGrad { forward: PixelMlpForward { size, .. }, wants_pixels }: &PixelMlpGrad,
        ((params, pixels, positions), grad_output): Inputs<'_, PixelMlpGrad, Self>,
    ) -> Result<Buffers<PixelMlpGrad, Self>> {
        let pixels = self.dense(&pixels, size)?;
        let params = view(params, (size.batch, size.parameters(), size.grid_height, size.grid_width));
        let positions = view(positions, (size.periods, 2, size.tile));
        let grad_output = view(grad_output, (size.batch, size.outputs(), size.height(), size.width()));
        let mut grad_params = Array4::zeros(params.raw_dim());
        let mut grad_pixels = Array4::zeros(pixels.raw_dim());
        let tile = size.tile;
        for_each_tile(size, |[n, i, j]| {
            let layers = layers(&params.slice(s![n, .., i, j]).to_vec(), size);
            let h = forward(&layers, features(pixels.view(), positions, [n, i, j], size));
            let grad_rows = Array2::from_shape_fn((tile * tile, size.outputs()), |(pixel, c)| {
                grad_output[[n, c, i * tile + pixel / tile, j * tile + pixel % tile]]
            });
            let (grad_tile, grad_features) = backward(&layers, &h, grad_rows);
            grad_params.slice_mut(s![n, .., i, j]).assign(&Array1::from(grad_tile));
            write_tile(&mut grad_pixels, [n, i, j], tile, grad_features.view());
        });
        Ok((buffer(&grad_params), wants_pixels.then(|| buffer(&grad_pixels))))
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::layout::one_hot;
    use crate::ops::pixel_mlp::{PixelMlp, Pixels, pixel_mlp, pixel_mlp_grad, position_table};
    use crate::random::uniform_by_name;
    use crate::{Ids, Reference, Tensor};

    fn tensor(shape: &[usize], data: &[f64]) -> Tensor<Reference<f64>> {
        Tensor::from_f64(&Reference::new(), shape, data).unwrap()
    }

    fn uniform(name: &str, shape: &[usize]) -> Tensor<Reference<f64>> {
        Tensor::from_f32(&Reference::new(), shape, &uniform_by_name(name, shape.iter().product())).unwrap()
    }

    fn positions(tile: usize) -> Tensor<Reference<f64>> {
        Tensor::from_f32(&Reference::new(), [tile.ilog2() as usize, 2, tile], &position_table(tile)).unwrap()
    }

    #[test]
    fn one_layer_matches_hand_computation() {
        // Features: color, cos x, sin x, cos y, sin y. At period 2, cos is 1, −1 and sin nearly 0.
        let params = tensor(&[1, 6, 1, 1], &[0.5, 1.0, 0.1, 3.0, 0.01, 7.0]);
        let color = tensor(&[1, 1, 2, 2], &[0.0, 0.2, 0.4, -0.6]);
        let mlp = PixelMlp { tile: 2, widths: vec![1] };
        let y = pixel_mlp(&mlp, &params, Pixels::Dense(&color), &positions(2)).unwrap().to_vec().unwrap();
        let z = [0.5 + 0.0 + 0.1 + 0.01, 0.5 + 0.2 - 0.1 + 0.01, 0.5 + 0.4 + 0.1 - 0.01, 0.5 - 0.6 - 0.1 - 0.01];
        for (y, z) in y.iter().zip(z) {
            assert!((y - f64::tanh(z)).abs() < 1e-6, "{y}, expected tanh {z}");
        }
    }

    // ANCHOR: by_hand
    #[test]
    fn two_layers_match_hand_computation() {
        // No positions. Layer 1: biases (1, −1), weights [in][out] ((2, −3)); layer 2: bias 0.25, weights ((1), (10)).
        let params = tensor(&[1, 7, 1, 1], &[1.0, -1.0, 2.0, -3.0, 0.25, 1.0, 10.0]);
        let none = Tensor::zeros(params.backend(), [0, 2, 1]).unwrap();
        let mlp = PixelMlp { tile: 1, widths: vec![2, 1] };
        let color = tensor(&[1, 1, 1, 1], &[-0.25]);
        // z = (1 − 0.5, −1 + 0.75), h = (0.5, −0.0025), y = tanh(0.25 + 0.5 − 0.025).
        let y = pixel_mlp(&mlp, &params, Pixels::Dense(&color), &none).unwrap();
        assert!((y.item().unwrap() - f64::tanh(0.725)).abs() < 1e-15);
        // Backward: δ₂ = 1 − y², δ₁ = δ₂·(1·1, 10·0.01); the pixel receives 2·δ₂ − 3·0.1·δ₂.
        let one = tensor(&[1, 1, 1, 1], &[1.0]);
        let (grad, grad_color) = pixel_mlp_grad(&mlp, &params, Pixels::Dense(&color), &none, &one, true).unwrap();
        let delta = 1.0 - f64::tanh(0.725).powi(2);
        let by_hand = [1.0, 0.1, -0.25, -0.025, 1.0, 0.5, -0.0025].map(|g| g * delta);
        for (g, expected) in grad.to_vec().unwrap().into_iter().zip(by_hand) {
            assert!((g - expected).abs() < 1e-15, "{g}, expected {expected}");
        }
        assert!((grad_color.unwrap().item().unwrap() - 1.7 * delta).abs() < 1e-15);
    }
    // ANCHOR_END: by_hand

    #[test]
    fn ids_match_their_one_hot_form() {
        let mlp = PixelMlp { tile: 4, widths: vec![5, 3] };
        // Two images of 1×2 tiles, 3 classes, 2 periods: C_0 = 3 + 8.
        let params = uniform("params", &[2, 5 + 11 * 5 + 3 + 5 * 3, 1, 2]);
        let ids = Ids::from_vec(params.backend(), [2, 4, 8], (0..64u32).map(|i| (i * i % 4) as u8).collect()).unwrap();
        let (x, positions) = (one_hot(&ids, 3).unwrap(), positions(4));
        let (labels, dense) = (Pixels::Ids { ids: &ids, classes: 3 }, Pixels::Dense(&x));
        let y = pixel_mlp(&mlp, &params, labels, &positions).unwrap();
        assert_eq!(y.to_vec().unwrap(), pixel_mlp(&mlp, &params, dense, &positions).unwrap().to_vec().unwrap());
        let grad_output = uniform("grad", y.dims());
        let (grad, none) = pixel_mlp_grad(&mlp, &params, labels, &positions, &grad_output, true).unwrap();
        let (same, some) = pixel_mlp_grad(&mlp, &params, dense, &positions, &grad_output, true).unwrap();
        assert_eq!(grad.to_vec().unwrap(), same.to_vec().unwrap());
        assert!(none.is_none() && some.is_some_and(|grad| grad.shape() == x.shape()));
    }

    #[test]
    fn tiles_depend_on_their_own_parameters_only() {
        let mlp = PixelMlp { tile: 2, widths: vec![1] };
        let params = uniform("params", &[1, 6, 2, 2]);
        let color = uniform("color", &[1, 1, 4, 4]);
        // Only the gradient of pixel (3, 1), in the tile of row 1, column 0, is not 0.
        let mut grad_output = vec![0.0; 16];
        grad_output[3 * 4 + 1] = 1.0;
        let grad_output = tensor(&[1, 1, 4, 4], &grad_output);
        let pixels = Pixels::Dense(&color);
        let (grad, _) = pixel_mlp_grad(&mlp, &params, pixels, &positions(2), &grad_output, false).unwrap();
        for (i, g) in grad.to_vec().unwrap().into_iter().enumerate() {
            assert_eq!(g != 0.0, i % 4 == 2, "parameter {} of tile {}", i / 4, i % 4);
        }
    }
}

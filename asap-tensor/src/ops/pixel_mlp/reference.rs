//! Kernels of `Reference`: for each tile, its pixels' features as the rows of a matrix, and a matrix product a layer.

use ndarray::{Array1, Array2, Array4, ArrayView2, Axis, s};

use super::{PixelMlpOps, PixelMlpSize, RawPixels, SLOPE};
use crate::backend::Element;
use crate::error::Result;
use crate::ops::layout::LayoutOps;
use crate::ops::unary::Unary;
use crate::reference::{Reference, buffer, view};

/// The activation behind layer n of `layers`.
fn activation(n: usize, layers: usize) -> Unary {
    if n + 1 == layers { Unary::Tanh } else { Unary::LeakyRelu { slope: SLOPE } }
}

/// One layer of one tile's network: biases (C_n) and weights (C_{n−1}, C_n).
struct Layer<E> {
    bias: Array1<E>,
    weight: Array2<E>,
}

/// One tile's parameters, taken apart.
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

/// The features of every layer, h_0 … h_n, each (S·S, C): those of the pixels, then what each layer makes of them.
fn forward<E: Element>(layers: &[Layer<E>], features: Array2<E>) -> Vec<Array2<E>> {
    let mut h = vec![features];
    for (n, layer) in layers.iter().enumerate() {
        let z = h[n].dot(&layer.weight) + &layer.bias;
        h.push(z.mapv(|z| activation(n, layers.len()).apply(z)));
    }
    h
}

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

/// The features of tile (n, i, j), (S·S, C_0): label or colour, then cos x, sin x, cos y, sin y for each period, where
/// (x, y) is the pixel's place within the tile.
fn features<E: Element>(
    pixels: ndarray::ArrayView4<'_, E>,
    positions: ndarray::ArrayView3<'_, E>,
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

/// Puts a tile's rows (S·S, C) at its place in the first C channels of an image batch.
fn paint<E: Element>(image: &mut Array4<E>, [n, i, j]: [usize; 3], tile: usize, rows: ArrayView2<'_, E>) {
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
    /// The pixels as numbers (N, C, H, W), labels in their one-hot form.
    fn dense(&self, pixels: &RawPixels<'_, Self>, size: &PixelMlpSize) -> Result<Array4<E>> {
        let (height, width) = (size.height(), size.width());
        let x = match pixels {
            RawPixels::Ids(ids) => &self.one_hot(ids, size.batch, size.inputs, height * width)?,
            RawPixels::Dense(x) => *x,
        };
        Ok(view(x, (size.batch, size.inputs, height, width)).to_owned())
    }
}

impl<E: Element> PixelMlpOps for Reference<E> {
    fn pixel_mlp(
        &self,
        params: &Self::Buffer,
        pixels: RawPixels<'_, Self>,
        positions: &Self::Buffer,
        size: &PixelMlpSize,
    ) -> Result<Self::Buffer> {
        let pixels = self.dense(&pixels, size)?;
        let params = view(params, (size.batch, size.parameters(), size.grid_height, size.grid_width));
        let positions = view(positions, (size.periods, 2, size.tile));
        let mut image = Array4::zeros((size.batch, size.outputs(), size.height(), size.width()));
        for_each_tile(size, |[n, i, j]| {
            let layers = layers(&params.slice(s![n, .., i, j]).to_vec(), size);
            let h = forward(&layers, features(pixels.view(), positions, [n, i, j], size));
            paint(&mut image, [n, i, j], size.tile, h[layers.len()].view());
        });
        Ok(buffer(&image))
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
            paint(&mut grad_pixels, [n, i, j], tile, grad_features.view());
        });
        Ok((buffer(&grad_params), wants_pixels.then(|| buffer(&grad_pixels))))
    }
}

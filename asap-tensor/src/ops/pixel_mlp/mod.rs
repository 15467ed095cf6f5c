//! The paper's op: every S×S tile of the image has its own small network, and each pixel of the tile runs through it.
#![doc = include_str!("README.md")]

#[cfg(test)]
mod cases;
mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod plan;
mod reference;

use crate::error::{Error, Result, require, require_argument};
use crate::profile::Cost;
use crate::shape::Shape;
use crate::storage::Storage;
use crate::tensor::{Ids, Tensor};

/// Slope of the leaky ReLU between layers (supplementary 1.2).
pub const SLOPE: f64 = 0.01;

/// What a pixel shows the network besides its position.
#[derive(Debug)]
pub enum Pixels<'a, B: Storage> {
    /// A label: its one-hot form, of `classes` channels, is a look-up in the first layer's weights.
    Ids {
        /// The label map, (N, 1, H, W).
        ids: &'a Ids<B>,
        /// How many labels there are.
        classes: usize,
    },
    /// Values, (N, C, H, W): a color, or a one-hot label.
    Dense(&'a Tensor<B>),
}

impl<B: Storage> Clone for Pixels<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B: Storage> Copy for Pixels<'_, B> {}

impl<B: Storage> Pixels<'_, B> {
    /// (N, C, H, W), C being the number of classes for ids.
    pub fn shape(&self) -> Shape {
        match self {
            Pixels::Ids { ids, classes } => ids.shape().with(1, *classes),
            Pixels::Dense(x) => x.shape(),
        }
    }

    fn raw(&self) -> RawPixels<'_, B> {
        match self {
            Pixels::Ids { ids, .. } => RawPixels::Ids(ids.buffer()),
            Pixels::Dense(x) => RawPixels::Dense(x.buffer()),
        }
    }
}

/// [`Pixels`] as kernels get them.
#[derive(Debug)]
pub enum RawPixels<'a, B: Storage> {
    /// (N, H, W) ids.
    Ids(&'a B::IdBuffer),
    /// (N, C, H, W) values.
    Dense(&'a B::Buffer),
}

/// The network of every tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PixelMlp {
    /// S: a tile is S×S pixels.
    pub tile: usize,
    /// C_1 … C_n: the outputs of each layer; the last is the image's channels.
    pub widths: Vec<usize>,
}

/// What pixel_mlp kernels get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PixelMlpSize {
    /// N.
    pub batch: usize,
    /// Rows of tiles.
    pub grid_height: usize,
    /// Columns of tiles.
    pub grid_width: usize,
    /// S.
    pub tile: usize,
    /// Label classes or color channels of a pixel.
    pub inputs: usize,
    /// Periods of the position features; each gives four.
    pub periods: usize,
    /// C_0 … C_n; C_0 = inputs + 4·periods.
    pub widths: Vec<usize>,
}

impl PixelMlpSize {
    /// C_total = Σ (C_n·C_{n−1} + C_n): parameters of one tile.
    pub fn parameters(&self) -> usize {
        self.widths.windows(2).map(|w| w[0] * w[1] + w[1]).sum()
    }

    // ANCHOR: offsets
    /// Where layer n's biases and then its weights begin among a tile's parameters, for n from 0.
    pub fn offsets(&self) -> Vec<(usize, usize)> {
        let mut start = 0;
        self.widths
            .windows(2)
            .map(|w| {
                let offsets = (start, start + w[1]);
                start += w[1] + w[0] * w[1];
                offsets
            })
            .collect()
    }
    // ANCHOR_END: offsets

    /// H of the image.
    pub fn height(&self) -> usize {
        self.grid_height * self.tile
    }

    /// W of the image.
    pub fn width(&self) -> usize {
        self.grid_width * self.tile
    }

    /// C_n, the image's channels.
    pub fn outputs(&self) -> usize {
        self.widths[self.widths.len() - 1]
    }

    /// (N, C_n, H, W).
    pub fn output(&self) -> Shape {
        Shape::from([self.batch, self.outputs(), self.height(), self.width()])
    }

    /// (N, P, h, w).
    pub fn params(&self) -> Shape {
        Shape::from([self.batch, self.parameters(), self.grid_height, self.grid_width])
    }

    /// Each MLP weight used once a pixel; a label is looked up, not multiplied.
    fn cost(&self, labels: bool) -> Cost {
        let pixels = self.batch * self.height() * self.width();
        let products: usize = self.widths.windows(2).map(|w| w[0] * w[1]).sum();
        let looked_up = if labels { (self.inputs - 1) * self.widths[1] } else { 0 };
        let elements = self.params().count() + pixels * (self.outputs() + if labels { 1 } else { self.inputs });
        Cost { macs: (pixels * (products - looked_up)) as u64, elements: elements as u64 }
    }
}

/// Kernels of this family. `params` is (N, P, h, w); `positions` is [`position_table`]'s (periods, 2, S).
pub trait PixelMlpOps: Storage {
    /// The image, (N, C_n, H, W).
    fn pixel_mlp(
        &self,
        params: &Self::Buffer,
        pixels: RawPixels<'_, Self>,
        positions: &Self::Buffer,
        size: &PixelMlpSize,
    ) -> Result<Self::Buffer>;
    /// The gradients in the parameters, and in the pixels where these are dense and `wants_pixels`.
    fn pixel_mlp_grad(
        &self,
        params: &Self::Buffer,
        pixels: RawPixels<'_, Self>,
        positions: &Self::Buffer,
        grad_output: &Self::Buffer,
        wants_pixels: bool,
        size: &PixelMlpSize,
    ) -> Result<(Self::Buffer, Option<Self::Buffer>)>;
}

// ANCHOR: position_table
/// cos and sin of 2π·r/f for r in 0..S and f = S, S/2, … 2: (log2 S, 2, S), made in single precision whatever the
/// backend computes in, so that sin π is −8.7422777e-8 everywhere (published code). The same table serves x and y.
pub fn position_table(tile: usize) -> Vec<f32> {
    let periods = tile.ilog2();
    let mut table = Vec::with_capacity(periods as usize * 2 * tile);
    for period in (0..periods).map(|k| tile >> k) {
        let angle = |r: usize| 2.0 * std::f32::consts::PI * (r % period) as f32 / period as f32;
        table.extend((0..tile).map(|r| angle(r).cos()));
        table.extend((0..tile).map(|r| angle(r).sin()));
    }
    table
}
// ANCHOR_END: position_table

fn mlp_size<B: Storage>(
    op: &'static str,
    mlp: &PixelMlp,
    params: &Tensor<B>,
    pixels: Shape,
    positions: &Tensor<B>,
) -> Result<PixelMlpSize> {
    let [batch, count, grid_height, grid_width] = params.nchw(op)?;
    require_argument(mlp.tile > 0 && !mlp.widths.is_empty(), op, || "a tile and a layer at least are needed".into())?;
    let &[periods, 2, tile] = positions.dims() else {
        let why = "positions, the second, must be (periods, 2, S)".into();
        return Err(Error::Shapes { op, left: params.shape().into(), right: positions.shape().into(), why });
    };
    require(tile == mlp.tile, op, params.shape(), positions.shape(), || {
        format!("positions, the second, must be made for tiles of {}", mlp.tile)
    })?;
    let [n, inputs, h, w] = pixels.nchw().unwrap_or_default();
    let fits = n == batch && h == grid_height * tile && w == grid_width * tile;
    require(fits, op, params.shape(), pixels, || {
        format!("the image must have {tile}×{tile} pixels for each cell of the parameters")
    })?;
    let widths = [&[inputs + 4 * periods], &mlp.widths[..]].concat();
    let size = PixelMlpSize { batch, grid_height, grid_width, tile, inputs, periods, widths };
    require(count == size.parameters(), op, params.shape(), pixels, || {
        format!("layers of widths {:?} have {} parameters a tile, not {count}", size.widths, size.parameters())
    })?;
    Ok(size)
}

/// Each cell's parameters (N, P, h, w) applied to the pixels of its S×S tile → (N, C_n, h·S, w·S) in (−1, 1).
/// `positions` is [`position_table`]`(S)` as (log2 S, 2, S), or empty, (0, 2, S), for networks without positions.
pub fn pixel_mlp<B: PixelMlpOps>(
    mlp: &PixelMlp,
    params: &Tensor<B>,
    pixels: Pixels<'_, B>,
    positions: &Tensor<B>,
) -> Result<Tensor<B>> {
    let size = mlp_size("pixel_mlp", mlp, params, pixels.shape(), positions)?;
    let backend = params.backend();
    let cost = size.cost(matches!(pixels, Pixels::Ids { .. }));
    let y = backend
        .measure("pixel_mlp", cost, || backend.pixel_mlp(params.buffer(), pixels.raw(), positions.buffer(), &size))?;
    Ok(Tensor::from_parts(backend, size.output(), y))
}

/// The gradients of [`pixel_mlp`] in the parameters and, where these are dense and `wants_pixels`, in the pixels.
/// The layers' outputs are computed again, tile by tile, rather than kept.
pub fn pixel_mlp_grad<B: PixelMlpOps>(
    mlp: &PixelMlp,
    params: &Tensor<B>,
    pixels: Pixels<'_, B>,
    positions: &Tensor<B>,
    grad_output: &Tensor<B>,
    wants_pixels: bool,
) -> Result<(Tensor<B>, Option<Tensor<B>>)> {
    let size = mlp_size("pixel_mlp_grad", mlp, params, pixels.shape(), positions)?;
    require(grad_output.shape() == size.output(), "pixel_mlp_grad", size.output(), grad_output.shape(), || {
        "the gradient must have the output's shape, the first".into()
    })?;
    let labels = matches!(pixels, Pixels::Ids { .. });
    let forward = size.cost(labels);
    let cost = Cost { macs: 3 * forward.macs, elements: 2 * forward.elements };
    let backend = params.backend();
    let (grad_params, grad_pixels) = backend.measure("pixel_mlp_grad", cost, || {
        let wants_pixels = wants_pixels && !labels;
        let grad_output = grad_output.buffer();
        backend.pixel_mlp_grad(params.buffer(), pixels.raw(), positions.buffer(), grad_output, wants_pixels, &size)
    })?;
    let pixels = pixels.shape();
    let grad_pixels = grad_pixels.map(|buffer| Tensor::from_parts(backend, pixels, buffer));
    Ok((Tensor::from_parts(backend, params.shape(), grad_params), grad_pixels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sine_of_pi_is_that_of_single_precision() {
        let table = position_table(4);
        assert_eq!(table[4 + 2], -8.742_278e-8);
        assert_eq!(table.len(), 2 * 2 * 4);
    }

    #[test]
    fn parameters_follow_the_papers_formula() {
        let size = PixelMlpSize {
            batch: 1,
            grid_height: 1,
            grid_width: 1,
            tile: 16,
            inputs: 12,
            periods: 4,
            widths: vec![28, 64, 64, 64, 64, 3],
        };
        assert_eq!(size.parameters(), 14_531);
        assert_eq!(size.offsets()[..2], [(0, 64), (64 + 28 * 64, 128 + 28 * 64)]);
    }
}

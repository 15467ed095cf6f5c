//! The paper's op: every S×S tile of the image has its own small network, and each pixel of the tile runs through it.
#![doc = include_str!("README.md")]

mod blend;
mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod ops;
mod reference;
mod size;
#[cfg(test)]
mod tests;

pub use blend::{Bands, blended_pixel_mlp, blended_pixel_mlp_grad};
pub use ops::{PixelMlpForward, PixelMlpGrad};
pub use size::{PixelMlpSize, RawPixels, SLOPE};

use crate::error::{Error, Result, require, require_argument};
use crate::op::{Kernel, Op};
use crate::shape::Shape;
use crate::storage::Storage;
use crate::tensor::{Ids, Tensor};

/// The features of a pixel besides its position.
#[derive(Debug)]
pub enum Pixels<'a, B: Storage> {
    /// A label: its one-hot form, of `classes` channels, is a lookup in the first layer's weights.
    Ids {
        /// The label map, (N, H, W).
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

    fn raw(&self) -> RawPixels<'_, B::Buffer, B::IdBuffer> {
        match self {
            Pixels::Ids { ids, .. } => RawPixels::Ids(ids.buffer()),
            Pixels::Dense(x) => RawPixels::Dense(x.buffer()),
        }
    }
}

/// The network of every tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PixelMlp {
    /// S: a tile is S×S pixels.
    pub tile: usize,
    /// C_1 … C_n: the outputs of each layer; the last is the image's channels.
    pub widths: Vec<usize>,
}

// ANCHOR: position_table
/// cos and sin of 2π·r/f for r in 0..S and f = S, S/2, … 2: (log2 S, 2, S), in single precision on every backend: sin π is
/// −8.7422777e-8, as in the published code. The same table is used for x and y.
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
    require_argument(mlp.tile > 0 && !mlp.widths.is_empty(), op, || "a tile and at least one layer are needed".into())?;
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
pub fn pixel_mlp<B: Kernel<PixelMlpForward>>(
    mlp: &PixelMlp,
    params: &Tensor<B>,
    pixels: Pixels<'_, B>,
    positions: &Tensor<B>,
) -> Result<Tensor<B>> {
    let size = mlp_size(PixelMlpForward::NAME, mlp, params, pixels.shape(), positions)?;
    let op = PixelMlpForward { size, labels: matches!(pixels, Pixels::Ids { .. }) };
    op.run(params.backend(), (params.buffer(), pixels.raw(), positions.buffer()))
}

/// The gradients of [`pixel_mlp`] in the parameters and, for dense pixels if `wants_pixels`, in the pixels. The outputs of
/// the layers are recomputed, tile by tile, rather than kept.
pub fn pixel_mlp_grad<B: Kernel<PixelMlpGrad>>(
    mlp: &PixelMlp,
    params: &Tensor<B>,
    pixels: Pixels<'_, B>,
    positions: &Tensor<B>,
    grad_output: &Tensor<B>,
    wants_pixels: bool,
) -> Result<(Tensor<B>, Option<Tensor<B>>)> {
    let op = PixelMlpGrad::NAME;
    let size = mlp_size(op, mlp, params, pixels.shape(), positions)?;
    require(grad_output.shape() == size.output(), op, size.output(), grad_output.shape(), || {
        "the gradient must have the output's shape, the first".into()
    })?;
    let labels = matches!(pixels, Pixels::Ids { .. });
    let op = PixelMlpGrad { forward: PixelMlpForward { size, labels }, wants_pixels: wants_pixels && !labels };
    op.run(params.backend(), ((params.buffer(), pixels.raw(), positions.buffer()), grad_output.buffer()))
}

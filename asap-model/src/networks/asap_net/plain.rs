//! The pixelwise MLPs as a composition of ordinary ops: readable, and the reference for the fused `pixel_mlp`.

use asap_autograd::Var;
use asap_tensor::ops::pixel_mlp::SLOPE;
use asap_tensor::ops::{PixelMlp, Transpose};
use asap_tensor::{Backend, Tensor};

use crate::Result;

/// `pixel_mlp` step by step: pixels are grouped by tile, and each tile's rows of features are multiplied by its own
/// matrices.
///
/// `params` (N, P, h, w), `x` (N, C, h·S, w·S), `positions` (periods, 2, S) → (N, C_n, h·S, w·S).
pub fn plain_pixel_mlp<B: Backend>(
    mlp: &PixelMlp,
    params: &Var<B>,
    x: &Var<B>,
    positions: &Tensor<B>,
) -> Result<Var<B>> {
    let s = mlp.tile;
    let [n, p, h, w] = params.value().nchw("plain_pixel_mlp")?;
    let [_, c, ..] = x.value().nchw("plain_pixel_mlp")?;
    let tiles = n * h * w;

    // Pixels by tile: (N, C, h, S, w, S) → (N, h, w, S, S, C).
    let pixels = x.reshape([n, c, h, s, w, s])?.permute(&[0, 2, 4, 3, 5, 1])?;
    let pixels = pixels.reshape([tiles, s * s, c])?;
    let positions = Var::constant(position_features(positions, tiles)?);
    let mut hidden = Var::cat(&[&pixels, &positions], 2)?;

    // Parameters by tile: (N, P, h, w) → (tiles, P).
    let params = params.permute(&[0, 2, 3, 1])?.reshape([tiles, p])?;
    // ANCHOR: layers
    let ones = Var::constant(Tensor::full(x.value().backend(), [tiles, s * s, 1], 1.0)?);
    let mut start = 0;
    for (layer, &width) in mlp.widths.iter().enumerate() {
        let inputs = hidden.shape().dims()[2];
        // The bias is the weight of a feature that is always 1; biases come first.
        let count = width + inputs * width;
        let matrix = params.narrow(1, start, count)?.reshape([tiles, 1 + inputs, width])?;
        start += count;
        let z = Var::cat(&[&ones, &hidden], 2)?.matmul(&matrix, Transpose::default())?;
        let last = layer + 1 == mlp.widths.len();
        hidden = if last { z.tanh()? } else { z.leaky_relu(SLOPE)? };
    }
    // ANCHOR_END: layers

    // Back to an image: (N, h, w, S, S, C_n) → (N, C_n, h, S, w, S).
    let outputs = hidden.shape().dims()[2];
    let image = hidden.reshape([n, h, w, s, s, outputs])?.permute(&[0, 5, 1, 3, 2, 4])?;
    Ok(image.reshape([n, outputs, h * s, w * s])?)
}

/// cos x, sin x, cos y, sin y of every pixel of a tile for each period: (tiles, S·S, 4·periods).
fn position_features<B: Backend>(positions: &Tensor<B>, tiles: usize) -> Result<Tensor<B>> {
    let (periods, s) = (positions.dims()[0], positions.dims()[2]);
    let table = positions.to_vec()?;
    let at = |period: usize, function: usize, r: usize| table[(period * 2 + function) * s + r];
    let mut features = Vec::with_capacity(s * s * 4 * periods);
    for y in 0..s {
        for x in 0..s {
            for period in 0..periods {
                features.extend([at(period, 0, x), at(period, 1, x), at(period, 0, y), at(period, 1, y)]);
            }
        }
    }
    Ok(Tensor::from_vec(positions.backend(), [tiles, s * s, 4 * periods], features.repeat(tiles))?)
}

//! The pixelwise MLPs as a composition of ordinary ops: readable, and the reference for the fused `pixel_mlp`.

use asap_autograd::Var;
use asap_tensor::ops::pixel_mlp::SLOPE;
use asap_tensor::ops::{Bands, PixelMlp, Transpose};
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

/// `blended_pixel_mlp` by its definition: [`plain_pixel_mlp`] of the whole image once with each tile's own parameters and
/// once with those of each of its eight neighbors, weighted by how near a pixel is to that neighbor.
///
/// Shapes as of [`plain_pixel_mlp`]; `positions` are those of S×S tiles, whichever network computes a pixel.
pub fn plain_blended_pixel_mlp<B: Backend>(
    mlp: &PixelMlp,
    band: usize,
    params: &Var<B>,
    x: &Var<B>,
    positions: &Tensor<B>,
) -> Result<Var<B>> {
    let [.., h, w] = params.value().nchw("plain_blended_pixel_mlp")?;
    let bands = Bands { tile: mlp.tile, width: band };
    let mut sum: Option<Var<B>> = None;
    for (dy, dx) in (0..9).map(|i| (i / 3, i % 3)) {
        let params = neighbors(&neighbors(params, 2, dy)?, 3, dx)?;
        let y = plain_pixel_mlp(mlp, &params, x, positions)?;
        let (rows, columns) = (weights(&bands, h, dy), weights(&bands, w, dx));
        let weights: Vec<f32> = rows.iter().flat_map(|row| columns.iter().map(move |column| row * column)).collect();
        let weights = weights.repeat(y.value().count() / weights.len().max(1));
        let weighted = y.mul(&Var::constant(Tensor::from_f32(x.value().backend(), y.shape(), &weights)?))?;
        sum = Some(match sum {
            Some(sum) => sum.add(&weighted)?,
            None => weighted,
        });
    }
    Ok(sum.unwrap_or_else(|| unreachable!("nine terms")))
}

/// Along an axis, for each tile the parameters of the one before it (0), its own (1) or those of the one behind it (2);
/// where there is none, its own.
fn neighbors<B: Backend>(params: &Var<B>, axis: usize, which: usize) -> Result<Var<B>> {
    let tiles = params.shape().dims()[axis];
    let part = |start, length| params.narrow(axis, start, length);
    Ok(match which {
        0 if tiles > 1 => Var::cat(&[&part(0, 1)?, &part(0, tiles - 1)?], axis)?,
        2 if tiles > 1 => Var::cat(&[&part(1, tiles - 1)?, &part(tiles - 1, 1)?], axis)?,
        _ => params.clone(),
    })
}

/// The weight of the tile before, the own or the one behind for each pixel of an axis: linear in the distance of the
/// pixel's center from the border, from 1/2 there to 0 or 1 half a band away.
fn weights(bands: &Bands, tiles: usize, which: usize) -> Vec<f32> {
    let (tile, width) = (bands.tile as f32, bands.width as f32);
    let of_neighbor = |distance: f32| (0.5 - distance / width).max(0.0);
    let weight = |pixel: usize| {
        let at = (pixel % bands.tile) as f32 + 0.5;
        let before = if pixel < bands.tile { 0.0 } else { of_neighbor(at) };
        let behind = if pixel / bands.tile + 1 == tiles { 0.0 } else { of_neighbor(tile - at) };
        [before, 1.0 - before - behind, behind][which]
    };
    (0..tiles * bands.tile).map(weight).collect()
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

#[cfg(test)]
mod tests {
    use asap_autograd::{Tape, VarPixels};
    use asap_tensor::ops::{one_hot, position_table};
    use asap_tensor::random::uniform_by_name;
    use asap_tensor::{Ids, Reference};

    use super::*;

    /// An image and the gradients in parameters and pixels.
    type Results = [Vec<f64>; 3];

    /// The largest distances of the fused op's results from the composition's, for dense pixels.
    fn distances(tile: usize, band: usize, [n, h, w]: [usize; 3], widths: &[usize]) -> [f64; 3] {
        let backend = Reference::<f64>::new();
        let uniform = |name, shape: [usize; 4]| {
            Tensor::from_f32(&backend, shape, &uniform_by_name(name, shape.iter().product())).unwrap()
        };
        let (mlp, periods, inputs) = (PixelMlp { tile, widths: widths.to_vec() }, tile.ilog2() as usize, 3);
        let all = [&[inputs + 4 * periods], widths].concat();
        let count = all.windows(2).map(|w| w[0] * w[1] + w[1]).sum();
        let ids = (0..n * h * w * tile * tile).map(|i| (i * i % 5 % inputs) as u8).collect();
        let ids = Ids::from_vec(&backend, [n, h * tile, w * tile], ids).unwrap();
        let run = |fused: bool, labels: bool| -> Results {
            let tape = Tape::new();
            let params = tape.leaf(uniform("params", [n, count, h, w]));
            let x = tape.leaf(match labels {
                true => one_hot(&ids, inputs).unwrap(),
                false => uniform("x", [n, inputs, h * tile, w * tile]),
            });
            let bands = Bands { tile, width: band };
            let table = |table: Vec<f32>, side| Tensor::from_f32(&backend, [periods, 2, side], &table).unwrap();
            let y = if fused {
                let pixels = match labels {
                    true => VarPixels::Ids { ids: ids.clone(), classes: inputs },
                    false => VarPixels::Dense(x.clone()),
                };
                Var::blended_pixel_mlp(&mlp, band, &params, pixels, &table(bands.position_table(), bands.side()))
                    .unwrap()
            } else {
                plain_blended_pixel_mlp(&mlp, band, &params, &x, &table(position_table(tile), tile)).unwrap()
            };
            let gradients = tape.backward_from(&[(&y, uniform("g", y.shape().nchw().unwrap()))]).unwrap();
            let grad_x = gradients.of(&x).filter(|_| !labels).map(|g| g.to_vec().unwrap());
            let grad_params = gradients.of(&params).unwrap().to_vec().unwrap();
            [y.value().to_vec().unwrap(), grad_params, grad_x.unwrap_or_default()]
        };
        let mut largest = [0.0f64; 3];
        for labels in [false, true] {
            for ((a, b), largest) in run(true, labels).iter().zip(&run(false, labels)).zip(&mut largest) {
                assert_eq!(a.len(), b.len());
                *largest = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(*largest, f64::max);
            }
        }
        largest
    }

    #[test]
    fn blended_pixel_mlp_matches_composition() {
        for (tile, band, grid) in [
            (4, 2, [2, 2, 3]),
            (4, 4, [1, 3, 2]),
            (2, 2, [1, 2, 2]),
            (8, 4, [1, 1, 2]),
            (4, 2, [1, 1, 1]),
            (4, 0, [1, 2, 1]),
        ] {
            let found = distances(tile, band, grid, &[5, 2]);
            // Weights are single-precision values in the composition.
            assert!(found.iter().all(|&distance| distance < 1e-6), "tile {tile}, band {band}, {grid:?}: {found:?}");
        }
    }
}

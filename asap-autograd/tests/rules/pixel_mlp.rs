//! The paper's op, on labels and on dense channels.

use asap_autograd::check::{Double, Settings};
use asap_autograd::{Var, VarPixels};
use asap_tensor::ops::{self, Bands, PixelMlp, Pixels, Unary, position_table};
use asap_tensor::{Ids, Tensor};

use crate::harness::{assert_found, assert_rule_with, normal};

/// A smaller step: hidden layers have leaky ReLUs, and their inputs can't be kept away from the kinks.
const SETTINGS: Settings = Settings { directions: 3, step: 1e-6 };

/// Tile, pixel channels, widths, grid (N, h, w), with positions.
fn cases() -> Vec<(PixelMlp, usize, [usize; 3], bool)> {
    let mlp = |tile, widths: &[usize]| PixelMlp { tile, widths: widths.to_vec() };
    vec![
        (mlp(2, &[3]), 2, [1, 1, 1], true),
        (mlp(4, &[5, 3]), 3, [1, 2, 1], true),
        (mlp(4, &[6, 5, 4, 3]), 3, [2, 1, 2], true),
        (mlp(3, &[4, 2]), 2, [2, 2, 1], false),
        (mlp(1, &[4, 1]), 3, [1, 3, 2], false),
    ]
}

fn positions(tile: usize, with: bool) -> Tensor<Double> {
    let table = if with { position_table(tile) } else { Vec::new() };
    Tensor::from_f32(&Double::new(), [table.len() / (2 * tile), 2, tile], &table).unwrap()
}

/// Parameters of order 1/√(inputs), so that tanh is not flat.
fn params(mlp: &PixelMlp, channels: usize, [n, h, w]: [usize; 3], positions: &Tensor<Double>) -> Tensor<Double> {
    let widths = [&[channels + 4 * positions.dims()[0]], &mlp.widths[..]].concat();
    let count: usize = widths.windows(2).map(|w| w[0] * w[1] + w[1]).sum();
    let values: Vec<f64> = normal("params", [n, count, h, w]).to_f64().unwrap().iter().map(|p| 0.4 * p).collect();
    Tensor::from_f64(&Double::new(), [n, count, h, w], &values).unwrap()
}

#[test]
fn pixel_mlp_matches_differences() {
    for (mlp, channels, [n, h, w], with) in cases() {
        let table = positions(mlp.tile, with);
        let pixels = normal("pixels", [n, channels, h * mlp.tile, w * mlp.tile]);
        let inputs = [params(&mlp, channels, [n, h, w], &table), pixels];
        assert_rule_with(SETTINGS, &format!("pixel_mlp {mlp:?}"), &inputs, |v| {
            Var::pixel_mlp(&mlp, &v[0], VarPixels::Dense(v[1].clone()), &table)
        });
    }
}

#[test]
fn pixel_mlp_of_ids_matches_differences() {
    for (mlp, classes, [n, h, w], with) in cases() {
        let table = positions(mlp.tile, with);
        let sizes = [n, h * mlp.tile, w * mlp.tile];
        let ids = (0..sizes.iter().product()).map(|i: usize| (i * 5 % 7 % classes) as u8).collect();
        let ids = Ids::from_vec(&Double::new(), sizes, ids).unwrap();
        let inputs = [params(&mlp, classes, [n, h, w], &table)];
        assert_rule_with(SETTINGS, &format!("pixel_mlp of ids {mlp:?}"), &inputs, |v| {
            Var::pixel_mlp(&mlp, &v[0], VarPixels::Ids { ids: ids.clone(), classes }, &table)
        });
    }
}

/// Dense and as ids; bands narrower than the tile and as wide.
#[test]
fn blended_pixel_mlp_matches_differences() {
    for (tile, band, grid) in [(4, 2, [1, 2, 3]), (2, 2, [2, 2, 2]), (4, 4, [1, 3, 1])] {
        let mlp = PixelMlp { tile, widths: vec![4, 2] };
        let ([n, h, w], periods) = (grid, tile.ilog2() as usize);
        let table = Bands { tile, width: band }.position_table();
        let table = Tensor::from_f32(&Double::new(), [periods, 2, tile + band], &table).unwrap();
        let pixels = normal("pixels", [n, 2, h * tile, w * tile]);
        let inputs = [params(&mlp, 2, grid, &table), pixels];
        let name = format!("blended_pixel_mlp, tile {tile}, band {band}");
        assert_rule_with(SETTINGS, &name, &inputs, |v| {
            Var::blended_pixel_mlp(&mlp, band, &v[0], VarPixels::Dense(v[1].clone()), &table)
        });
        let ids = (0..n * h * w * tile * tile).map(|i| (i * 5 % 7 % 2) as u8).collect();
        let ids = Ids::from_vec(&Double::new(), [n, h * tile, w * tile], ids).unwrap();
        assert_rule_with(SETTINGS, &format!("{name}, ids"), &inputs[..1], |v| {
            Var::blended_pixel_mlp(&mlp, band, &v[0], VarPixels::Ids { ids: ids.clone(), classes: 2 }, &table)
        });
    }
}

/// The gradient of a blend that gives each network the whole gradient of its pixels.
#[test]
fn blended_pixel_mlp_without_weights_is_found() {
    let (mlp, band) = (PixelMlp { tile: 2, widths: vec![2] }, 2);
    let bands = Bands { tile: 2, width: band };
    let positions = Tensor::from_f32(&Double::new(), [1, 2, 4], &bands.position_table()).unwrap();
    let inputs = [normal("params", [1, 14, 1, 2]), normal("pixels", [1, 2, 2, 4])];
    assert_found("the gradient of the tiles without bands", &inputs, &[0, 1], |v| {
        let (params, pixels) = (v[0].value().clone(), v[1].value().clone());
        let y = ops::blended_pixel_mlp(&mlp, band, &params, Pixels::Dense(&pixels), &positions)?;
        let (mlp, table) = (mlp.clone(), Tensor::from_f32(&Double::new(), [1, 2, 2], &position_table(2))?);
        Var::record(y, [&v[0], &v[1]], move |g, _| {
            let (params, pixels) = ops::pixel_mlp_grad(&mlp, &params, Pixels::Dense(&pixels), &table, g, true)?;
            Ok([Some(params), pixels])
        })
    });
}

#[test]
fn pixel_mlp_without_tanh_derivative_is_found() {
    let mlp = PixelMlp { tile: 2, widths: vec![3, 2] };
    let positions = Tensor::from_f32(&Double::new(), [1, 2, 2], &ops::position_table(2)).unwrap();
    let inputs = [normal("params", [1, 29, 1, 2]), normal("pixels", [1, 2, 2, 4])];
    assert_found("g for g·(1 − y²)", &inputs, &[0, 1], |v| {
        let (params, pixels) = (v[0].value().clone(), v[1].value().clone());
        let y = ops::pixel_mlp(&mlp, &params, Pixels::Dense(&pixels), &positions)?;
        let (mlp, positions, saved) = (mlp.clone(), positions.clone(), y.clone());
        Var::record(y, [&v[0], &v[1]], move |g, _| {
            let affine = Unary::Affine { scale: -1.0, shift: 1.0 };
            let derivative = ops::unary(affine, &ops::mul(&saved, &saved)?)?;
            // Cancels the kernel's factor 1 − y².
            let g = ops::div(g, &derivative)?;
            let (params, pixels) = ops::pixel_mlp_grad(&mlp, &params, Pixels::Dense(&pixels), &positions, &g, true)?;
            Ok([Some(params), pixels])
        })
    });
}

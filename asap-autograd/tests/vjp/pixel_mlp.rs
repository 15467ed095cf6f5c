//! The paper's op, on labels and on numbers.

use asap_autograd::check::{Double, Settings};
use asap_autograd::vjp::{self, VarPixels};
use asap_tensor::ops::{PixelMlp, position_table};
use asap_tensor::{Ids, Tensor};

use crate::harness::{assert_vjp_with, normal};

/// The kinks of the leaky ReLUs lie inside, where inputs can't be kept away from them: steps are smaller.
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
    let numbers: Vec<f64> = normal("params", [n, count, h, w]).to_f64().unwrap().iter().map(|p| 0.4 * p).collect();
    Tensor::from_f64(&Double::new(), [n, count, h, w], &numbers).unwrap()
}

#[test]
fn pixel_mlp_has_right_gradients_in_parameters_and_pixels() {
    for (mlp, channels, [n, h, w], with) in cases() {
        let table = positions(mlp.tile, with);
        let pixels = normal("pixels", [n, channels, h * mlp.tile, w * mlp.tile]);
        let inputs = [params(&mlp, channels, [n, h, w], &table), pixels];
        assert_vjp_with(SETTINGS, &format!("pixel_mlp {mlp:?}"), &inputs, |v| {
            vjp::pixel_mlp(&mlp, &v[0], VarPixels::Dense(&v[1]), &table)
        });
    }
}

#[test]
fn pixel_mlp_of_labels_has_the_right_gradient_in_the_parameters() {
    for (mlp, classes, [n, h, w], with) in cases() {
        let table = positions(mlp.tile, with);
        let sizes = [n, h * mlp.tile, w * mlp.tile];
        let ids = (0..sizes.iter().product()).map(|i: usize| (i * 5 % 7 % classes) as u8).collect();
        let ids = Ids::from_vec(&Double::new(), sizes, ids).unwrap();
        let inputs = [params(&mlp, classes, [n, h, w], &table)];
        assert_vjp_with(SETTINGS, &format!("pixel_mlp of ids {mlp:?}"), &inputs, |v| {
            vjp::pixel_mlp(&mlp, &v[0], VarPixels::Ids { ids: &ids, classes }, &table)
        });
    }
}

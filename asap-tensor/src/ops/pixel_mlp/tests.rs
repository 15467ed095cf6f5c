//! Tests of the table and of sizes; networks and inputs for tests of kernels, and their results by the definition.

use std::sync::Arc;

use crate::ops::pixel_mlp::position_table;
use crate::ops::pixel_mlp::size::{PixelMlpSize, SLOPE};
use crate::random::uniform_by_name;

/// Sizes of a network and a grid.
pub(super) fn size(
    batch: usize,
    grid: [usize; 2],
    tile: usize,
    inputs: usize,
    positions: bool,
    widths: &[usize],
) -> PixelMlpSize {
    let periods = if positions { tile.ilog2() as usize } else { 0 };
    let widths = [&[inputs + 4 * periods], widths].concat();
    PixelMlpSize { batch, grid_height: grid[0], grid_width: grid[1], tile, inputs, periods, widths }
}

/// Small, odd and large in every respect.
pub(super) fn sizes() -> Vec<PixelMlpSize> {
    vec![
        size(1, [1, 1], 1, 1, true, &[1]),
        size(2, [2, 3], 4, 3, true, &[5, 7, 3]),
        size(1, [3, 2], 8, 13, false, &[9, 2]),
        size(2, [1, 2], 16, 5, true, &[64, 64, 64, 64, 3]),
        size(1, [2, 1], 32, 35, true, &[17, 20, 1]),
        size(1, [1, 3], 2, 300, true, &[6, 3]),
    ]
}

/// Inputs.
pub(super) struct Case {
    pub(super) params: Arc<Vec<f32>>,
    pub(super) ids: Arc<Vec<u8>>,
    pub(super) dense: Arc<Vec<f32>>,
    pub(super) positions: Arc<Vec<f32>>,
    pub(super) grad: Arc<Vec<f32>>,
}

/// Random values.
pub(super) fn case(size: &PixelMlpSize) -> Case {
    let values = |name: &str, count: usize| uniform_by_name(&format!("{size:?} {name}"), count);
    let pixels = size.batch * size.height() * size.width();
    // Some ids lie outside the classes.
    let ids = values("ids", pixels).iter().map(|u| ((u + 1.0) / 2.0 * (size.inputs as f32 + 1.5)) as u8).collect();
    Case {
        params: Arc::new(values("params", size.params().count()).iter().map(|p| p * 0.5).collect()),
        ids: Arc::new(ids),
        dense: Arc::new(values("dense", pixels * size.inputs)),
        positions: Arc::new(if size.periods == 0 { Vec::new() } else { position_table(size.tile) }),
        grad: Arc::new(values("grad", size.output().count())),
    }
}

/// Ids as values.
pub(super) fn one_hot(ids: &[u8], size: &PixelMlpSize) -> Arc<Vec<f32>> {
    let plane = size.height() * size.width();
    let mut x = vec![0.0; ids.len() * size.inputs];
    for (at, &id) in ids.iter().enumerate().filter(|(_, id)| usize::from(**id) < size.inputs) {
        x[(at / plane * size.inputs + usize::from(id)) * plane + at % plane] = 1.0;
    }
    Arc::new(x)
}

/// The output and the gradients in parameters and pixels by their definition, pixel by pixel in double precision. Every
/// factor of a product is rounded by `round`, except those of the first `looked_up` features.
pub(super) fn definition(
    size: &PixelMlpSize,
    case: &Case,
    x: &[f32],
    looked_up: usize,
    round: impl Fn(f64) -> f64,
) -> [Vec<f64>; 3] {
    let (height, width, side) = (size.height(), size.width(), size.tile);
    let (plane, cells, count) = (height * width, size.grid_height * size.grid_width, size.parameters());
    let layers = size.offsets();
    let product = |layer: usize, feature: usize, a: f64, b: f64| {
        if layer == 0 && feature < looked_up { a * b } else { round(a) * round(b) }
    };
    let mut y = vec![0.0; case.grad.len()];
    let mut grad_params = vec![0.0; case.params.len()];
    let mut grad_x = vec![0.0; x.len()];
    for n in 0..size.batch {
        for pixel in 0..plane {
            let (row, column) = (pixel / width, pixel % width);
            let param = |p: usize| (n * count + p) * cells + row / side * size.grid_width + column / side;
            let at = |channels: usize, c: usize| (n * channels + c) * plane + pixel;
            let mut h = vec![(0..size.inputs).map(|c| f64::from(x[at(size.inputs, c)])).collect::<Vec<f64>>()];
            for table in case.positions.chunks_exact(2 * side) {
                let (cos, sin) = table.split_at(side);
                for r in [column % side, row % side] {
                    h[0].extend([f64::from(cos[r]), f64::from(sin[r])]);
                }
            }
            for (layer, &(bias, weight)) in layers.iter().enumerate() {
                let outputs = size.widths[layer + 1];
                let z = (0..outputs).map(|c| {
                    let products = h[layer].iter().enumerate();
                    f64::from(case.params[param(bias + c)])
                        + products
                            .map(|(i, h)| {
                                product(layer, i, *h, f64::from(case.params[param(weight + i * outputs + c)]))
                            })
                            .sum::<f64>()
                });
                let last = layer + 1 == layers.len();
                let output = z.map(|z| if last { z.tanh() } else { z.max(SLOPE * z) }).collect();
                h.push(output);
            }
            let outputs = size.outputs();
            let mut g: Vec<f64> = h[layers.len()]
                .iter()
                .enumerate()
                .map(|(c, &value)| {
                    y[at(outputs, c)] = value;
                    f64::from(case.grad[at(outputs, c)]) * (1.0 - value * value)
                })
                .collect();
            for (layer, &(bias, weight)) in layers.iter().enumerate().rev() {
                let mut grad_h = vec![0.0; size.widths[layer]];
                for (c, g) in g.iter().enumerate() {
                    grad_params[param(bias + c)] += g;
                    for (i, h) in h[layer].iter().enumerate() {
                        let weight = param(weight + i * size.widths[layer + 1] + c);
                        grad_params[weight] += product(layer, i, *h, *g);
                        grad_h[i] += product(layer, i, *g, f64::from(case.params[weight]));
                    }
                }
                if layer > 0 {
                    grad_h.iter_mut().zip(&h[layer]).for_each(|(g, h)| *g *= if *h > 0.0 { 1.0 } else { SLOPE });
                }
                g = grad_h;
            }
            (0..size.inputs).for_each(|c| grad_x[at(size.inputs, c)] = g[c]);
        }
    }
    [y, grad_params, grad_x]
}

/// Checks that the relative error, in the 2-norm, is at most `max`.
pub(super) fn assert_close(what: &str, size: &PixelMlpSize, actual: &[f32], expected: &[f64], max: f64) {
    assert_eq!(actual.len(), expected.len(), "{what} {size:?}");
    let norm = |sum: f64| sum.sqrt();
    let distance = norm(actual.iter().zip(expected).map(|(a, e)| (f64::from(*a) - e).powi(2)).sum());
    let length = norm(expected.iter().map(|e| e * e).sum());
    assert!(distance <= max * length, "{what} {size:?}: {} away", distance / length);
}

#[test]
fn sine_of_pi_is_in_single_precision() {
    let table = position_table(4);
    assert_eq!(table[4 + 2], -8.742_278e-8);
    assert_eq!(table.len(), 2 * 2 * 4);
}

#[test]
fn parameter_count_matches_the_paper() {
    let size = size(1, [1, 1], 16, 12, true, &[64, 64, 64, 64, 3]);
    assert_eq!(size.parameters(), 14_531);
    assert_eq!(size.offsets()[..2], [(0, 64), (64 + 28 * 64, 128 + 28 * 64)]);
}

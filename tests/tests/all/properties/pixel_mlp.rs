use asap_tensor::ops::{Bands, PixelMlp, Pixels, blended_pixel_mlp, blended_pixel_mlp_grad};
use asap_tensor::{Backend, Result, Tensor};
use asap_tests::bound::Output;
use asap_tests::property::{Double, Property, assert_matches_reference, assert_thread_independent, summed};
use asap_tests::source::Source;
use proptest::prelude::*;

/// Slope of the leaky ReLU between layers.
const SLOPE: f64 = 0.01;

#[derive(Debug)]
struct Case {
    batch: usize,
    grid: [usize; 2],
    mlp: PixelMlp,
    /// Width of the bands in which tiles are blended; 0: `pixel_mlp`.
    band: usize,
    inputs: usize,
    /// Labels or values.
    labels: bool,
    positions: bool,
    seed: u64,
}

fn case(
    grid: impl Strategy<Value = usize> + Clone,
    tile: impl Strategy<Value = usize>,
    width: impl Strategy<Value = usize>,
    is_blended: bool,
) -> impl Strategy<Value = Case> {
    let widths = prop::collection::vec(width, 1..=4);
    let flags = any::<(bool, bool, u64)>();
    (1usize..=2, [grid.clone(), grid], tile, widths, 1usize..=13, flags).prop_map(
        move |(batch, grid, tile, widths, inputs, (labels, positions, seed))| Case {
            batch,
            grid,
            mlp: PixelMlp { tile, widths },
            // An even number from 2 to the tile's.
            band: if is_blended { 2 + 2 * (seed as usize % (tile / 2).max(1)) } else { 0 },
            inputs,
            labels,
            positions,
            seed,
        },
    )
}

/// The random inputs of a case.
struct Inputs<B: Backend> {
    params: Tensor<B>,
    positions: Tensor<B>,
    ids: asap_tensor::Ids<B>,
    dense: Tensor<B>,
}

impl Case {
    /// C_0 … C_n.
    fn widths(&self) -> Vec<usize> {
        [&[self.inputs + 4 * self.periods()], &self.mlp.widths[..]].concat()
    }

    fn periods(&self) -> usize {
        if self.positions { self.mlp.tile.ilog2() as usize } else { 0 }
    }

    fn parameters(&self) -> usize {
        self.widths().windows(2).map(|w| w[0] * w[1] + w[1]).sum()
    }

    fn size(&self) -> [usize; 2] {
        self.grid.map(|cells| cells * self.mlp.tile)
    }

    fn bands(&self) -> Bands {
        Bands { tile: self.mlp.tile, width: self.band }
    }

    /// The pixels of an axis that a tile's network computes, each with its place in the position table and the weight of
    /// the network's output: 1, but within bands a share that falls linearly, and 0 beyond the image.
    fn pixels_of(&self, tile: usize, tiles: usize) -> Vec<(usize, usize, f64)> {
        let (side, half) = (self.mlp.tile as f64, self.band as f64 / 2.0);
        let weight = |at: f64| {
            let from = |border: f64, is_edge: bool| match border.abs() < half {
                true if is_edge => 1.0,
                true => 0.5 + border / self.band as f64,
                false => 1.0,
            };
            from(at, tile == 0) * from(side - at, tile + 1 == tiles)
        };
        let all =
            (0..self.bands().side()).map(|place| (place, (tile * self.mlp.tile + place).checked_sub(self.band / 2)));
        let inside = all.filter_map(|(place, pixel)| Some((pixel.filter(|&p| p < tiles * self.mlp.tile)?, place)));
        inside.map(|(pixel, place)| (pixel, place, weight(place as f64 + 0.5 - half))).collect()
    }

    fn output(&self) -> [usize; 4] {
        let [h, w] = self.size();
        [self.batch, self.mlp.widths[self.mlp.widths.len() - 1], h, w]
    }

    fn inputs<B: Backend>(&self, source: &Source<'_, B>) -> Result<Inputs<B>> {
        let [h, w] = self.size();
        let bands = self.bands();
        let table = if self.positions { bands.position_table() } else { Vec::new() };
        // Half of a standard deviation keeps tanh from saturating in narrow networks.
        let params = source.normal("params", [self.batch, self.parameters(), self.grid[0], self.grid[1]])?;
        let half = params.to_f32()?.into_iter().map(|v| 0.5 * v).collect();
        Ok(Inputs {
            params: source.tensor(params.shape(), half)?,
            positions: source.tensor([self.periods(), 2, bands.side()], table)?,
            ids: source.ids("ids", [self.batch, h, w], self.inputs)?,
            dense: source.normal("pixels", [self.batch, self.inputs, h, w])?,
        })
    }
}

/// One pixel's way through its tile's network, with Σ|terms| of every value.
struct Way {
    /// h_0 … h_{n−1}, the inputs of each layer.
    features: Vec<Vec<f64>>,
    /// Σ|terms| of h_0 … h_n.
    magnitudes: Vec<Vec<f64>>,
    /// z of every layer.
    sums: Vec<Vec<f64>>,
}

/// A tile's network, taken apart by the formula: for each layer, biases first, then weights as [in][out].
struct Network {
    widths: Vec<usize>,
    params: Vec<f64>,
}

impl Network {
    /// Biases and weights of layer n, and where they begin.
    fn layer(&self, n: usize) -> (usize, &[f64], &[f64]) {
        let start = self.widths[..=n].windows(2).map(|w| w[0] * w[1] + w[1]).sum::<usize>();
        let (bias, rest) = self.params[start..].split_at(self.widths[n + 1]);
        (start, bias, &rest[..self.widths[n] * self.widths[n + 1]])
    }

    fn layers(&self) -> usize {
        self.widths.len() - 1
    }

    fn way(&self, features: Vec<f64>) -> Way {
        let magnitudes = vec![features.iter().map(|v| v.abs()).collect::<Vec<f64>>()];
        let mut way = Way { features: vec![features], magnitudes, sums: Vec::new() };
        for n in 0..self.layers() {
            let (_, bias, weight) = self.layer(n);
            let outputs = bias.len();
            let product = |h: &[f64], o: usize, f: fn(f64) -> f64| -> f64 {
                f(bias[o]) + h.iter().enumerate().map(|(i, h)| f(weight[i * outputs + o]) * h).sum::<f64>()
            };
            let z: Vec<f64> = (0..outputs).map(|o| product(&way.features[n], o, |v| v)).collect();
            let magnitude = (0..outputs).map(|o| product(&way.magnitudes[n], o, f64::abs)).collect();
            way.features.push(z.iter().map(|&z| if z > 0.0 { z } else { SLOPE * z }).collect());
            way.sums.push(z);
            way.magnitudes.push(magnitude);
        }
        way
    }

    /// Adds Σ|terms| of this pixel's part of the gradients: to the parameters', and, returned, the pixel's own.
    fn way_back(&self, way: &Way, grad_output: &[f64], grad_params: &mut [f64]) -> Vec<f64> {
        let last = self.layers() - 1;
        // tanh′ = 1 − y², and y moves by the rounding of z at most.
        let terms = way.sums[last].iter().zip(&way.magnitudes[last + 1]).map(|(z, m)| 1.0 + z.tanh().powi(2) + m);
        let mut grad_z: Vec<f64> = grad_output.iter().zip(terms).map(|(g, terms)| g.abs() * terms).collect();
        for n in (0..=last).rev() {
            let (start, bias, weight) = self.layer(n);
            let outputs = bias.len();
            for (o, g) in grad_z.iter().enumerate() {
                grad_params[start + o] += g;
                for (i, h) in way.magnitudes[n].iter().enumerate() {
                    grad_params[start + outputs + i * outputs + o] += g * h;
                }
            }
            grad_z = (0..self.widths[n])
                .map(|i| {
                    let grad: f64 = grad_z.iter().enumerate().map(|(o, g)| weight[i * outputs + o].abs() * g).sum();
                    let kept = n == 0 || way.sums[n - 1][i] > 0.0;
                    if kept { grad } else { SLOPE * grad }
                })
                .collect();
        }
        grad_z
    }
}

/// What a case computes by the formula, pixel by pixel.
struct Expected {
    /// Σ|terms| of the image.
    y: Vec<f64>,
    /// The gradient in the image that is fed back: 0 for a pixel that comes so near a kink that rounding may take it
    /// to the other side.
    grad_output: Vec<f64>,
    /// Σ|terms| of the gradients.
    grad_params: Vec<f64>,
    grad_pixels: Vec<f64>,
}

impl Case {
    fn expected(&self, source: &Source<'_, Double>) -> Result<Expected> {
        let inputs = self.inputs(source)?;
        let (params, positions) = (inputs.params.to_f64()?, inputs.positions.to_f64()?);
        let (ids, dense) = (inputs.ids.to_vec()?, inputs.dense.to_f64()?);
        let [h, w] = self.size();
        let [grid_height, grid_width] = self.grid;
        let (widths, count) = (self.widths(), self.parameters());
        let outputs = widths[widths.len() - 1];
        let mut grad_output = source.normal("g", self.output())?.to_f64()?;
        let mut y = vec![0.0; grad_output.len()];
        let mut grad_params = vec![0.0; params.len()];
        let mut grad_pixels = vec![0.0; dense.len()];
        let near = 16.0 * f64::from(f32::EPSILON) * (self.terms() as f64).sqrt();
        let side = self.bands().side();
        let position = |period: usize, sine: usize, r: usize| positions[(period * 2 + sine) * side + r];
        let tiles = (0..self.batch * grid_height * grid_width).map(|i| {
            let (n, cell) = (i / (grid_height * grid_width), i % (grid_height * grid_width));
            let parameter = move |p: usize| (n * count + p) * grid_height * grid_width + cell;
            let network =
                Network { widths: widths.clone(), params: (0..count).map(|p| params[parameter(p)]).collect() };
            let mut pixels = Vec::new();
            for (y, place_y, weight_y) in self.pixels_of(cell / grid_width, grid_height) {
                for (x, place_x, weight_x) in self.pixels_of(cell % grid_width, grid_width) {
                    let pixel = y * w + x;
                    let input = |c: usize| match self.labels {
                        true => f64::from(u8::from(usize::from(ids[n * h * w + pixel]) == c)),
                        false => dense[(n * self.inputs + c) * h * w + pixel],
                    };
                    let places = (0..self.periods()).flat_map(|k| {
                        [(0, place_x), (1, place_x), (0, place_y), (1, place_y)].map(|(sine, r)| position(k, sine, r))
                    });
                    let way = network.way((0..self.inputs).map(input).chain(places).collect());
                    pixels.push((pixel, weight_y * weight_x, way));
                }
            }
            (n, parameter, network, pixels)
        });
        let tiles: Vec<_> = tiles.collect();
        for (n, _, network, pixels) in &tiles {
            let hidden = network.layers() - 1;
            for (pixel, weight, way) in pixels {
                let kink = (0..hidden).any(|n| {
                    way.sums[n].iter().zip(&way.magnitudes[n + 1]).any(|(z, magnitude)| z.abs() <= near * magnitude)
                });
                for c in 0..outputs {
                    let at = (n * outputs + c) * h * w + pixel;
                    y[at] += weight * way.magnitudes[hidden + 1][c];
                    if kink {
                        grad_output[at] = 0.0;
                    }
                }
            }
        }
        for (n, parameter, network, pixels) in &tiles {
            let mut grad_tile = vec![0.0; count];
            for (pixel, weight, way) in pixels {
                let g: Vec<f64> =
                    (0..outputs).map(|c| weight * grad_output[(n * outputs + c) * h * w + pixel]).collect();
                let grad_features = network.way_back(way, &g, &mut grad_tile);
                for c in 0..self.inputs {
                    grad_pixels[(n * self.inputs + c) * h * w + pixel] += grad_features[c];
                }
            }
            for (p, grad) in grad_tile.into_iter().enumerate() {
                grad_params[parameter(p)] = grad;
            }
        }
        Ok(Expected { y, grad_output, grad_params, grad_pixels })
    }

    /// The maximum number of terms of an element of the image, over all layers.
    fn terms(&self) -> usize {
        self.widths().iter().map(|width| width + 1).sum()
    }
}

impl Property for Case {
    fn seed(&self) -> u64 {
        self.seed
    }

    fn run<B: Backend>(&self, source: &Source<'_, B>) -> Result<Vec<Output>> {
        let Inputs { params, positions, ids, dense } = self.inputs(source)?;
        let pixels = match self.labels {
            true => Pixels::Ids { ids: &ids, classes: self.inputs },
            false => Pixels::Dense(&dense),
        };
        let y = blended_pixel_mlp(&self.mlp, self.band, &params, pixels, &positions)?;
        let grad_output = self.expected(&source.on(&Double::new()))?.grad_output;
        let g = Tensor::from_f64(source.backend, self.output(), &grad_output)?;
        let (grad_params, grad_pixels) =
            blended_pixel_mlp_grad(&self.mlp, self.band, &params, pixels, &positions, &g, true)?;
        // Bands add up to four outputs.
        let terms = self.terms() + if self.band > 0 { 4 } else { 0 };
        let pixels_of_a_tile = self.bands().side().pow(2);
        let mut outputs =
            vec![summed("pixel_mlp", &y, terms)?, summed("grad_params", &grad_params, terms + pixels_of_a_tile)?];
        if let Some(grad) = &grad_pixels {
            outputs.push(summed("grad_pixels", grad, 2 * terms)?);
        }
        Ok(outputs)
    }

    fn magnitudes(&self, source: &Source<'_, Double>, _exact: &[Output]) -> Result<Vec<Vec<f64>>> {
        let Expected { y, grad_params, grad_pixels, .. } = self.expected(source)?;
        let mut magnitudes = vec![y, grad_params];
        if !self.labels {
            magnitudes.push(grad_pixels);
        }
        Ok(magnitudes)
    }
}

fn small(is_blended: bool) -> impl Strategy<Value = Case> {
    let tiles = if is_blended { vec![2usize, 4, 8] } else { vec![1, 2, 4, 8, 16] };
    let width = prop::sample::select(vec![1usize, 2, 3, 5, 8, 17]);
    case(1usize..=3, prop::sample::select(tiles), width, is_blended)
}

#[test]
fn pixel_mlp_matches_reference() {
    assert_matches_reference(small(false));
}

#[test]
fn blended_pixel_mlp_matches_reference() {
    assert_matches_reference(small(true));
}

#[test]
fn pixel_mlp_does_not_depend_on_threads() {
    assert_thread_independent(4, case(3usize..=4, Just(16), 16usize..=33, false));
}

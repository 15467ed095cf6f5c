//! ASAP-Net's generator (paper, section 3; supplementary 1.1 and 1.2).
//!
//! A fixed filter downsamples the label map ([`downsample`]), the low-resolution stream predicts one set of MLP
//! parameters for each S×S tile, and `pixel_mlp` computes each pixel with its tile's MLP.
//!
//! `generator.seams` switches on what the paper has not, against visible borders of tiles: a random phase of their grid
//! in training, or bands around borders in which the MLPs on both sides are blended.

mod context;
mod lowres_stream;
mod phase;
mod plain;

pub use plain::{plain_blended_pixel_mlp, plain_pixel_mlp};

use std::sync::Arc;

use asap_autograd::Var;
use asap_tensor::ops::{Bands, PixelMlp, Taps};
use asap_tensor::{Backend, Tensor};

use super::generator::Build;
use crate::Result;
use crate::config::{AsapNetConfig, DataConfig, Seams};
use crate::nn::{Builder, ForwardContext, Input, Module, Noise};
use context::Context;
use lowres_stream::LowresStream;
use phase::Phase;

/// ASAP-Net's generator: labels or an image to an image in (−1, 1).
#[derive(Clone, Debug)]
pub struct AsapNet<B: Backend> {
    stream: LowresStream,
    /// What is around each pixel.
    context: Option<Context>,
    /// The MLP of each tile.
    pub mlp: PixelMlp,
    fixed_factor: usize,
    noise: Option<Noise>,
    spatially_varying: bool,
    /// Width in pixels of the bands around borders in which MLPs are blended; 0 without.
    pub band: usize,
    /// Whether the grid of tiles is shifted in training.
    shifted: bool,
    /// [`Bands::position_table`], (log2 S, 2, S + `band`); (0, 2, S + `band`) without positions.
    pub positions: Tensor<B>,
}

impl<B: Backend> AsapNet<B> {
    /// A generator of the configured widths and depths.
    pub fn new(mut b: Builder<'_, B>, config: &AsapNetConfig, data: &DataConfig) -> Result<Self> {
        let parameters = config.mlp_parameters(data);
        let bands = Bands { tile: config.tile, width: config.band() };
        let table = if config.positions { bands.position_table() } else { Vec::new() };
        let periods = table.len() / (2 * bands.side());
        let context = (config.context > 0).then(|| Context::new(b.at("context"), config, data)).transpose()?;
        Ok(AsapNet {
            context,
            stream: LowresStream::new(b.at("lowres_stream.model"), config, config.lowres_channels(data), parameters)?,
            mlp: PixelMlp { tile: config.tile, widths: config.mlp_channels(data).split_off(1) },
            fixed_factor: config.fixed_factor(),
            // The input is downsampled by S1, so a tile is S2 wide.
            noise: (config.noise > 0).then(|| Noise::new(config.noise, config.learned_factor)),
            spatially_varying: config.spatially_varying,
            positions: Tensor::from_f32(b.backend(), [periods, 2, bands.side()], &table)?,
            band: bands.width,
            shifted: config.seams == Seams::Phase,
        })
    }

    /// The MLP parameters of every tile, (N, C_total, H/S, W/S).
    pub fn predict(&self, ctx: &ForwardContext<'_, B>, x: &Input<B>) -> Result<Var<B>> {
        let mut lowres = downsample(x, self.fixed_factor)?;
        if let Some(noise) = &self.noise {
            lowres = noise.beside(ctx, &lowres)?;
        }
        let params = self.stream.forward(ctx, &lowres)?;
        if self.spatially_varying {
            return Ok(params);
        }
        let [_, _, h, w] = params.value().nchw("asap_net")?;
        Ok(params.resize(&Taps::mean(h, h), &Taps::mean(w, w))?)
    }

    /// The image (N, C_n, H, W) of an input, with these MLP parameters.
    pub fn synthesize(&self, ctx: &ForwardContext<'_, B>, params: &Var<B>, x: &Input<B>) -> Result<Var<B>> {
        let Self { mlp, band, positions, .. } = self;
        let pixels = x.pixels(self.context.as_ref().map(|context| context.forward(ctx, x)).transpose()?)?;
        ctx.layer("pixel_mlp", || Ok(Var::blended_pixel_mlp(mlp, *band, params, pixels, positions)?))
    }

    fn generate(&self, ctx: &ForwardContext<'_, B>, x: &Input<B>) -> Result<Var<B>> {
        let params = self.predict(ctx, x)?;
        self.synthesize(ctx, &params, x)
    }
}

impl Build for AsapNetConfig {
    fn build<B: Backend>(&self, b: Builder<'_, B>, data: &DataConfig) -> Result<Arc<dyn Module<B>>> {
        Ok(Arc::new(AsapNet::new(b, self, data)?))
    }
}

impl<B: Backend> Module<B> for AsapNet<B> {
    /// (N, C, H, W) labels or image → (N, C_n, H, W). H and W are multiples of S, and at least 2S, since reflection
    /// needs two cells.
    fn forward(&self, ctx: &ForwardContext<'_, B>, x: &Input<B>) -> Result<Var<B>> {
        let phase = if self.shifted { Phase::random(ctx, self.mlp.tile, x.backend()) } else { Phase::default() };
        if phase == Phase::default() {
            return self.generate(ctx, x);
        }
        phase.crop(&self.generate(ctx, &x.reflect(phase.padding(self.mlp.tile))?)?, x.sizes())
    }
}

/// Downsampling by S1 with a tent filter of 2·S1 taps and reflection (published code; the paper says bilinear). S1 = 1
/// changes nothing: labels stay labels.
pub fn downsample<B: Backend>(x: &Input<B>, factor: usize) -> Result<Input<B>> {
    if factor == 1 {
        return Ok(x.clone());
    }
    let [_, h, w] = x.sizes();
    x.resize(&Taps::tent(h, factor)?, &Taps::tent(w, factor)?)
}

#[cfg(test)]
mod tests {
    use asap_tensor::{Ids, Reference};

    use super::*;
    use crate::nn::{FillByName, Params, Random};

    /// The output for labels of 8×12 pixels and 3 classes, in the pass `pass` of training or in evaluation.
    fn output(seams: Seams, pass: Option<&str>) -> Vec<f64> {
        output_of(AsapNetConfig { seams, seam_band: Some(2), ..Default::default() }, pass)
    }

    /// As [`output`], of a small network that is otherwise as configured.
    fn output_of(config: AsapNetConfig, pass: Option<&str>) -> Vec<f64> {
        let backend = Reference::<f64>::new();
        let small = AsapNetConfig { tile: 4, learned_factor: 4, width: 2, max_width: 3, depth: 1, ..config };
        let config = AsapNetConfig { mlp_width: 4, mlp_depth: 2, ..small };
        let data = DataConfig { classes: 3, instances: false, ..DataConfig::default() };
        let mut init = FillByName { prefix: String::new(), gain: 1.0 };
        let (params, network) = Params::build(&backend, &mut init, |b| AsapNet::new(b, &config, &data)).unwrap();
        let ids = Ids::from_vec(&backend, [1, 8, 12], (0..96).map(|i| (i * i % 7 % 3) as u8).collect()).unwrap();
        let ctx = match pass {
            Some(pass) => ForwardContext::training_frozen(&params).with_random(Random::new(1, pass)),
            None => ForwardContext::evaluation(&params),
        };
        network.forward(&ctx, &Input::labels(ids, 3)).unwrap().value().to_vec().unwrap()
    }

    #[test]
    fn phases_shift_the_grid_in_training_only() {
        assert_eq!(output(Seams::Phase, None), output(Seams::None, None));
        assert_eq!(output(Seams::None, Some("generator.1")), output(Seams::None, None));
        let shifted = output(Seams::Phase, Some("generator.1"));
        assert_ne!(shifted, output(Seams::None, None));
        assert_eq!(shifted, output(Seams::Phase, Some("generator.1")));
        assert_ne!(shifted, output(Seams::Phase, Some("generator.2")));
    }

    #[test]
    fn context_is_three_pixels_around_for_each_convolution() {
        for depth in [1, 2] {
            check_context(depth);
        }
    }

    fn check_context(depth: usize) {
        let backend = Reference::<f64>::new();
        let config = AsapNetConfig { context: 2, context_depth: depth, mlp_depth: 1, ..Default::default() };
        let data = DataConfig { classes: 3, instances: false, ..DataConfig::default() };
        let mut init = FillByName { prefix: String::new(), gain: 1.0 };
        let small = AsapNetConfig { tile: 8, learned_factor: 8, width: 2, max_width: 3, depth: 0, ..config };
        let (params, network) = Params::build(&backend, &mut init, |b| AsapNet::new(b, &small, &data)).unwrap();
        let ctx = ForwardContext::evaluation(&params);
        let input = |changed: Option<usize>| {
            let mut ids = vec![0; 256];
            changed.into_iter().for_each(|at| ids[at] = 1);
            Input::labels(Ids::from_vec(&backend, [1, 16, 16], ids).unwrap(), 3)
        };
        let tiles = network.predict(&ctx, &input(None)).unwrap();
        let output = |changed| network.synthesize(&ctx, &tiles, &input(changed)).unwrap().value().to_vec().unwrap();
        let (before, after) = (output(None), output(Some(6 * 16 + 9)));
        for (i, (a, b)) in before.iter().zip(&after).enumerate() {
            let (y, x) = (i / 16 % 16, i % 16);
            let near = [y.abs_diff(6), x.abs_diff(9)].into_iter().all(|distance| distance <= 3 * depth);
            assert_eq!(a != b, near, "({x}, {y}): {a}, {b}");
        }
    }

    #[test]
    fn dropout_depends_on_the_pass_in_training_only() {
        let of = |dropout, pass| output_of(AsapNetConfig { dropout, ..Default::default() }, pass);
        assert_eq!(of(0.5, None), of(0.0, None));
        let first = of(0.5, Some("generator.1"));
        assert_ne!(first, of(0.0, Some("generator.1")));
        assert_eq!(first, of(0.5, Some("generator.1")));
        assert_ne!(first, of(0.5, Some("generator.2")));
    }

    #[test]
    fn blend_changes_bands_only() {
        let (plain, blended) = (output(Seams::None, None), output(Seams::Blend, None));
        // Bands of 2 pixels around the border of tiles of 4: the pixels next to one.
        for (i, (a, b)) in plain.iter().zip(&blended).enumerate() {
            let (y, x) = (i / 12 % 8, i % 12);
            let in_band = [3, 4].contains(&y) || [3, 4, 7, 8].contains(&x);
            assert_eq!((a - b).abs() > 1e-12, in_band, "({x}, {y}): {a}, {b}");
        }
    }
}

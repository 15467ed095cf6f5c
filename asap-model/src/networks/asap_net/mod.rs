//! ASAP-Net's generator (paper, section 3; supplementary 1.1 and 1.2).
//!
//! A fixed filter downsamples the label map ([`downsample`]), the low-resolution stream predicts one set of MLP
//! parameters for each S×S tile, and `pixel_mlp` computes each pixel with its tile's MLP.

mod lowres_stream;
mod plain;

pub use plain::plain_pixel_mlp;

use std::sync::Arc;

use asap_autograd::Var;
use asap_tensor::ops::{PixelMlp, Taps, position_table};
use asap_tensor::{Backend, Tensor};

use super::generator::Build;
use crate::Result;
use crate::config::{AsapNetConfig, DataConfig};
use crate::nn::{Builder, ForwardContext, Input, Module};
use lowres_stream::LowresStream;

/// ASAP-Net's generator: labels or an image to an image in (−1, 1).
#[derive(Clone, Debug)]
pub struct AsapNet<B: Backend> {
    stream: LowresStream,
    /// The MLP of each tile.
    pub mlp: PixelMlp,
    fixed_factor: usize,
    spatially_varying: bool,
    /// `position_table` of S, (log2 S, 2, S); (0, 2, S) without positions.
    pub positions: Tensor<B>,
}

impl<B: Backend> AsapNet<B> {
    /// A generator of the configured widths and depths.
    pub fn new(mut b: Builder<'_, B>, config: &AsapNetConfig, data: &DataConfig) -> Result<Self> {
        let parameters = config.mlp_parameters(data);
        let table = if config.positions { position_table(config.tile) } else { Vec::new() };
        let periods = table.len() / (2 * config.tile);
        Ok(AsapNet {
            stream: LowresStream::new(b.at("lowres_stream.model"), config, data.lowres_channels(), parameters)?,
            mlp: PixelMlp { tile: config.tile, widths: config.mlp_channels(data).split_off(1) },
            fixed_factor: config.fixed_factor(),
            spatially_varying: config.spatially_varying,
            positions: Tensor::from_f32(b.backend(), [periods, 2, config.tile], &table)?,
        })
    }

    /// The MLP parameters of every tile, (N, C_total, H/S, W/S).
    pub fn predict(&self, ctx: &ForwardContext<'_, B>, x: &Input<B>) -> Result<Var<B>> {
        let lowres = downsample(x, self.fixed_factor)?;
        let params = self.stream.forward(ctx, &lowres)?;
        if self.spatially_varying {
            return Ok(params);
        }
        let [_, _, h, w] = params.value().nchw("asap_net")?;
        Ok(params.resize(&Taps::mean(h, h), &Taps::mean(w, w))?)
    }

    /// The image (N, C_n, H, W) of an input, with these MLP parameters.
    pub fn synthesize(&self, ctx: &ForwardContext<'_, B>, params: &Var<B>, x: &Input<B>) -> Result<Var<B>> {
        ctx.layer("pixel_mlp", || Ok(Var::pixel_mlp(&self.mlp, params, x.pixels()?, &self.positions)?))
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
        let params = self.predict(ctx, x)?;
        self.synthesize(ctx, &params, x)
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

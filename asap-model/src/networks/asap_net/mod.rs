//! ASAP-Net's generator (paper, section 3; supplementary 1.1 and 1.2).
//!
//! A fixed filter shrinks the label map ([`downsample`]), the low-resolution stream predicts from it one set of MLP
//! parameters for each S×S tile, and `pixel_mlp` computes each pixel with its tile's MLP.

mod lowres_stream;
mod plain;

pub use plain::plain_pixel_mlp;

use asap_autograd::{Var, VarPixels};
use asap_tensor::ops::{PixelMlp, Taps, position_table};
use asap_tensor::{Backend, Tensor};

use crate::Result;
use crate::config::{AsapNetConfig, DataConfig};
use crate::nn::{Builder, ForwardContext, Input, Module, Pixels};
use lowres_stream::LowresStream;

/// ASAP-Net's generator: labels or an image to an image in (−1, 1).
#[derive(Clone, Debug)]
pub struct AsapNet<B: Backend> {
    stream: LowresStream,
    mlp: PixelMlp,
    fixed_factor: usize,
    spatially_varying: bool,
    /// `position_table` of S, (log2 S, 2, S); (0, 2, S) without positions.
    positions: Tensor<B>,
}

impl<B: Backend> AsapNet<B> {
    /// A generator of the configured widths and depths.
    ///
    /// # Errors
    /// Those of the initializer.
    pub fn new(mut b: Builder<'_, B>, config: &AsapNetConfig, data: &DataConfig) -> Result<Self> {
        let channels = config.mlp_channels(data);
        let parameters = channels.windows(2).map(|c| c[0] * c[1] + c[1]).sum();
        let table = if config.positions { position_table(config.tile) } else { Vec::new() };
        let periods = table.len() / (2 * config.tile);
        Ok(AsapNet {
            stream: LowresStream::new(b.at("lowres_stream.model"), config, data.lowres_channels(), parameters)?,
            mlp: PixelMlp { tile: config.tile, widths: channels[1..].to_vec() },
            fixed_factor: config.fixed_factor(),
            spatially_varying: config.spatially_varying,
            positions: Tensor::from_f32(b.backend(), [periods, 2, config.tile], &table)?,
        })
    }

    /// The MLP parameters of every tile, (N, C_total, H/S, W/S).
    ///
    /// # Errors
    /// If the size or the channels do not fit.
    pub fn predict(&self, ctx: &ForwardContext<'_, B>, x: &Input<B>) -> Result<Var<B>> {
        let lowres = downsample(x, self.fixed_factor)?;
        let params = self.stream.forward(ctx, &lowres)?;
        if self.spatially_varying {
            return Ok(params);
        }
        let [_, _, h, w] = params.value().nchw("asap_net")?;
        Ok(params.resize(&Taps::mean(h, h), &Taps::mean(w, w))?)
    }

    /// The image that tiles with these MLP parameters make of an input, (N, C_n, H, W).
    ///
    /// # Errors
    /// As [`AsapNet::predict`].
    pub fn synthesize(&self, ctx: &ForwardContext<'_, B>, params: &Var<B>, x: &Input<B>) -> Result<Var<B>> {
        ctx.layer("pixel_mlp", || {
            let pixels = x.pixels()?;
            let pixels = match &pixels {
                Pixels::Labels(ids, classes) => VarPixels::Ids { ids, classes: *classes },
                Pixels::Image(x) => VarPixels::Dense(x),
            };
            Ok(Var::pixel_mlp(&self.mlp, params, pixels, &self.positions)?)
        })
    }

    /// The MLP of each tile.
    pub fn mlp(&self) -> &PixelMlp {
        &self.mlp
    }

    /// The table of position features, (log2 S, 2, S).
    pub fn positions(&self) -> &Tensor<B> {
        &self.positions
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

/// The input shrunk by S1 with a tent filter of 2·S1 taps, reflected at its edges (published code; the paper says
/// bilinear). S1 = 1 changes nothing, and labels stay labels.
///
/// # Errors
/// If H or W is not a multiple of S1.
pub fn downsample<B: Backend>(x: &Input<B>, factor: usize) -> Result<Input<B>> {
    if factor == 1 {
        return Ok(x.clone());
    }
    let [_, h, w] = x.sizes();
    x.resize(&Taps::tent(h, factor)?, &Taps::tent(w, factor)?)
}

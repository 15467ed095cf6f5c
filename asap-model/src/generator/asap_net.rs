//! ASAP-Net's generator (paper, section 3; supplementary 1.1 and 1.2).
//!
//! A label map is shrunk by a fixed filter ([`downsample`]), the [`LowresStream`] predicts from it one set of MLP
//! parameters for each S×S tile, and `pixel_mlp` colours each pixel with its tile's MLP.

use asap_autograd::vjp::VarPixels;
use asap_autograd::{Var, vjp};
use asap_tensor::ops::{PixelMlp, Taps, position_table};
use asap_tensor::{Backend, Tensor};

use super::{LowresStream, downsample};
use crate::Result;
use crate::condition::{Condition, Pixels};
use crate::config::{AsapNetConfig, DataConfig};
use crate::network::{Binding, Initialiser, Network, Parameter};

/// ASAP-Net's generator: labels or an image in, an image in (−1, 1) out.
#[derive(Clone, Debug)]
pub struct AsapNet<B: Backend> {
    stream: LowresStream<B>,
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
    /// If the device fails.
    pub fn new(backend: &B, config: &AsapNetConfig, data: &DataConfig, init: &mut dyn Initialiser) -> Result<Self> {
        let channels = config.mlp_channels(data);
        let parameters = channels.windows(2).map(|c| c[0] * c[1] + c[1]).sum();
        let table = if config.positions { position_table(config.tile) } else { Vec::new() };
        let periods = table.len() / (2 * config.tile);
        Ok(AsapNet {
            stream: LowresStream::new(backend, config, data.lowres_channels(), parameters, init)?,
            mlp: PixelMlp { tile: config.tile, widths: channels[1..].to_vec() },
            fixed_factor: config.fixed_factor(),
            spatially_varying: config.spatially_varying,
            positions: Tensor::from_f32(backend, [periods, 2, config.tile], &table)?,
        })
    }

    /// (N, C, H, W) labels or image → (N, C_n, H, W). H and W are multiples of S, and at least 2S, since reflection
    /// needs two cells.
    ///
    /// # Errors
    /// If the size or the channels do not fit, or a kernel fails.
    pub fn forward(&self, binding: &Binding<B>, condition: &Condition<B>) -> Result<Var<B>> {
        binding.output("pixel_mlp", self.paint(&self.parameters_of(binding, condition)?, condition)?)
    }

    /// The MLP parameters of every tile, (N, C_total, H/S, W/S).
    ///
    /// # Errors
    /// As [`AsapNet::forward`].
    pub fn parameters_of(&self, binding: &Binding<B>, condition: &Condition<B>) -> Result<Var<B>> {
        let lowres = downsample(&condition.stack()?, self.fixed_factor)?;
        let params = self.stream.forward(binding, &lowres)?;
        if self.spatially_varying {
            return Ok(params);
        }
        let (h, w) = (params.shape().dims()[2], params.shape().dims()[3]);
        Ok(vjp::resize(&params, &Taps::mean(h, h), &Taps::mean(w, w))?)
    }

    /// The image that tiles with these parameters draw, (N, C_n, H, W).
    ///
    /// # Errors
    /// As [`AsapNet::forward`].
    pub fn paint(&self, params: &Var<B>, condition: &Condition<B>) -> Result<Var<B>> {
        let _scope = self.positions.backend().profiler().map(|profiler| profiler.enter("pixel_mlp"));
        let pixels = match &condition.pixels {
            Pixels::Labels(labels) => VarPixels::Ids { ids: &labels.ids, classes: labels.classes },
            Pixels::Dense(x) => VarPixels::Dense(x),
        };
        Ok(vjp::pixel_mlp(&self.mlp, params, pixels, &self.positions)?)
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

impl<B: Backend> Network<B> for AsapNet<B> {
    fn parameters(&self) -> Vec<&Parameter<B>> {
        self.stream.parameters()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>> {
        self.stream.parameters_mut()
    }
}

//! PatchGANs, which see patches of 70×70 pixels, on the image and on downsampled versions of it (supplementary 1.3; pix2pixHD).

use asap_autograd::Var;
use asap_tensor::Backend;
use asap_tensor::ops::Taps;

use crate::Result;
use crate::config::PatchConfig;
use crate::nn::{Builder, Conv2d, ConvOptions, ForwardContext, Input, InstanceNorm};

/// Slope of the leaky ReLU (supplementary 1.3).
const SLOPE: f64 = 0.2;

/// PatchGANs at several scales.
#[derive(Clone, Debug)]
pub struct PatchGans {
    scales: Vec<Vec<Layer>>,
}

/// 4×4 convolution, padding 2.
#[derive(Clone, Debug)]
struct Layer {
    name: String,
    conv: Conv2d,
    /// Without scale and bias.
    norm: Option<InstanceNorm>,
    /// With a leaky ReLU.
    activated: bool,
}

impl PatchGans {
    /// Discriminators of `inputs` channels: labels, edges and image together.
    pub fn new<B: Backend>(mut b: Builder<'_, B>, config: &PatchConfig, inputs: usize) -> Result<Self> {
        let scale = |scale| patch_gan(b.at(format!("discriminator_{scale}")), config, inputs);
        Ok(PatchGans { scales: (0..config.scales).map(scale).collect::<Result<_>>()? })
    }

    /// Every layer's output at every scale, first to last; the last is a score per patch, (N, 1, h, w), high for real ones.
    /// Between scales the input is averaged over 3×3 with stride 2.
    pub fn features<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: &Input<B>) -> Result<Vec<Vec<Var<B>>>> {
        let mut x = x.clone();
        let mut features = Vec::with_capacity(self.scales.len());
        for (number, layers) in self.scales.iter().enumerate() {
            if number > 0 {
                let [_, h, w] = x.sizes();
                x = x.resize(&Taps::average_pool(h), &Taps::average_pool(w))?;
            }
            let mut outputs = Vec::<Var<B>>::with_capacity(layers.len());
            for layer in layers {
                let x = outputs.last().map_or_else(|| x.clone(), Input::from);
                outputs.push(layer.forward(ctx, &x)?);
            }
            features.push(outputs);
        }
        Ok(features)
    }
}

/// One PatchGAN of 64-128-256-512-1 channels and strides 2, 2, 2, 1, 1. The first and last layers have a bias and no
/// norm; the others have instance norm and spectrally normalized weights.
fn patch_gan<B: Backend>(mut b: Builder<'_, B>, config: &PatchConfig, inputs: usize) -> Result<Vec<Layer>> {
    let last = config.layers;
    let (mut channels, mut width) = (inputs, config.width);
    let mut layers = Vec::with_capacity(last + 1);
    for layer in 0..=last {
        let mut b = b.at(format!("model{layer}"));
        let name = b.path().to_owned();
        let outer = layer == 0 || layer == last;
        let outputs = if layer == last { 1 } else { width };
        let options = ConvOptions::new(channels, outputs, 4)
            .stride(if layer > 0 && layer + 1 >= last { 1 } else { 2 })
            .bias(outer)
            .spectral_norm(config.spectral_norm && !outer);
        layers.push(Layer {
            name,
            // Layers with a norm are one module deeper in the published keys.
            conv: Conv2d::new(b.at(if outer { "0" } else { "0.0" }), options)?,
            norm: (!outer).then(|| InstanceNorm::new(SLOPE)),
            activated: layer < last,
        });
        channels = outputs;
        width = (2 * width).min(config.max_width);
    }
    Ok(layers)
}

impl Layer {
    /// (N, C, H, W) → (N, C′, ⌊H/stride⌋ + 1, ⌊W/stride⌋ + 1).
    fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: &Input<B>) -> Result<Var<B>> {
        ctx.layer(&self.name, || {
            let y = self.conv.forward(ctx, x)?;
            match &self.norm {
                Some(norm) => norm.forward(ctx, &y),
                None if self.activated => Ok(y.leaky_relu(SLOPE)?),
                None => Ok(y),
            }
        })
    }
}

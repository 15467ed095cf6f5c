//! One 70×70 PatchGAN: 4×4 convolutions, padding 2, strides 2, 2, 2, 1, 1.

use asap_autograd::{Var, vjp};
use asap_tensor::Backend;

use super::Features;
use crate::Result;
use crate::config::DiscriminatorConfig;
use crate::layers::{INSTANCE_NORM_EPSILON, SpectralWeight, Stack};
use crate::network::{Binding, Initialiser, Kind, Parameter};

/// Slope of the leaky ReLU (supplementary 1.3).
const SLOPE: f64 = 0.2;
/// Zeros around each layer's input.
const PADDING: usize = 2;

/// 64-128-256-512-1 channels. The first layer and the verdicts have a bias and no norm; the layers between have
/// instance norm without scale and shift, and spectrally normalised weights.
#[derive(Clone, Debug)]
pub struct Patch<B: Backend> {
    name: String,
    layers: Vec<Layer<B>>,
}

#[derive(Clone, Debug)]
struct Layer<B: Backend> {
    weight: SpectralWeight<B>,
    bias: Option<Parameter<B>>,
    stride: usize,
}

impl<B: Backend> Patch<B> {
    /// A PatchGAN on `inputs` channels; `name` stands before its keys.
    ///
    /// # Errors
    /// If the device fails.
    pub fn new(
        backend: &B,
        config: &DiscriminatorConfig,
        inputs: usize,
        init: &mut dyn Initialiser,
        name: &str,
    ) -> Result<Self> {
        let verdicts = config.layers;
        let mut layers = Vec::with_capacity(verdicts + 1);
        let mut channels = inputs;
        let mut width = config.width;
        for layer in 0..=verdicts {
            let outer = layer == 0 || layer == verdicts;
            // Layers with a norm are one module deeper in the published keys.
            let name = format!("{name}.model{layer}{}", if outer { ".0" } else { ".0.0" });
            let outputs = if layer == verdicts { 1 } else { width };
            let stride = if layer > 0 && layer + 1 >= verdicts { 1 } else { 2 };
            let normalised = config.spectral_norm && !outer;
            let weight = SpectralWeight::new(backend, init, &name, [outputs, channels, 4, 4], normalised)?;
            let bias = match outer {
                true => Some(Parameter::new(backend, init, format!("{name}.bias"), &[outputs], Kind::Shift)?),
                false => None,
            };
            layers.push(Layer { weight, bias, stride });
            channels = outputs;
            width = (2 * width).min(config.max_width);
        }
        Ok(Patch { name: name.to_owned(), layers })
    }

    /// The weights of one pass. Updates the spectral vectors.
    pub(super) fn bind<'a>(&'a mut self, binding: &'a Binding<B>) -> Result<BoundPatch<'a, B>> {
        let mut layers = Vec::with_capacity(self.layers.len());
        for layer in &mut self.layers {
            let bias = layer.bias.as_ref().map(|bias| binding.var(bias));
            layers.push((layer.weight.forward(binding)?, bias, layer.stride));
        }
        Ok(BoundPatch { name: &self.name, binding, layers })
    }

    /// Weights, biases and spectral vectors, layer by layer.
    pub fn parameters(&self) -> Vec<&Parameter<B>> {
        self.layers.iter().flat_map(|layer| layer.weight.parameters().into_iter().chain(&layer.bias)).collect()
    }

    /// The same, to update.
    pub fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>> {
        self.layers
            .iter_mut()
            .flat_map(|layer| layer.weight.parameters_mut().into_iter().chain(&mut layer.bias))
            .collect()
    }
}

/// A [`Patch`] with the weights of one pass.
pub(super) struct BoundPatch<'a, B: Backend> {
    name: &'a str,
    binding: &'a Binding<B>,
    /// Weight, bias and stride of each layer.
    layers: Vec<(Var<B>, Option<Var<B>>, usize)>,
}

impl<B: Backend> BoundPatch<'_, B> {
    /// Every layer's output, (N, C, H, W) → (N, 64, ⌊H/2⌋ + 1, ⌊W/2⌋ + 1) and so on.
    pub(super) fn features(&self, x: &Stack<B>) -> Result<Features<B>> {
        let verdicts = self.layers.len() - 1;
        let mut features = Vec::with_capacity(self.layers.len());
        let mut x = x.clone();
        for (number, (weight, bias, stride)) in self.layers.iter().enumerate() {
            let name = format!("{}.model{number}", self.name);
            let _scope = weight.value().backend().profiler().map(|profiler| profiler.enter(&name));
            let y = x.conv2d(weight, bias.as_ref(), *stride, PADDING)?;
            let y = match number {
                0 => vjp::leaky_relu(&y, SLOPE)?,
                _ if number == verdicts => y,
                _ => vjp::instance_norm(&y, None, INSTANCE_NORM_EPSILON, SLOPE)?,
            };
            let y = self.binding.output(&name, y)?;
            features.push(y.clone());
            x = Stack::dense(y);
        }
        Ok(features)
    }
}

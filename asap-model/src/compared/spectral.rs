//! A convolution by a spectrally normalised weight, zeros around the image.

use asap_autograd::Var;
use asap_tensor::Backend;

use crate::Result;
use crate::layers::{SpectralWeight, Stack};
use crate::network::{Binding, Initialiser, Kind, Parameter};

/// The convolution.
#[derive(Clone, Debug)]
pub(super) struct Spectral<B: Backend> {
    weight: SpectralWeight<B>,
    bias: Option<Parameter<B>>,
    stride: usize,
    padding: usize,
}

impl<B: Backend> Spectral<B> {
    /// From `inputs` to `outputs` channels by a kernel of odd sides; at stride 1 it keeps the size.
    pub fn new(
        backend: &B,
        init: &mut dyn Initialiser,
        name: &str,
        [inputs, outputs]: [usize; 2],
        kernel: usize,
        stride: usize,
        with_bias: bool,
    ) -> Result<Self> {
        let bias = with_bias.then(|| Parameter::new(backend, init, format!("{name}.bias"), &[outputs], Kind::Shift));
        let bias = bias.transpose()?;
        let weight = SpectralWeight::new(backend, init, name, [outputs, inputs, kernel, kernel], true)?;
        Ok(Spectral { weight, bias, stride, padding: kernel / 2 })
    }

    /// (N, inputs, H, W) → (N, outputs, H/stride, W/stride), rounded up. In training the binding gathers the weight's next
    /// vectors.
    pub fn forward(&self, binding: &Binding<B>, x: &Stack<B>) -> Result<Var<B>> {
        let bias = self.bias.as_ref().map(|bias| binding.var(bias));
        x.conv2d(&self.weight.bound(binding)?, bias.as_ref(), self.stride, self.padding)
    }

    /// Where its numbers are.
    pub fn backend(&self) -> &B {
        self.weight.parameters()[0].value().backend()
    }

    pub fn parameters(&self) -> Vec<&Parameter<B>> {
        self.bias.iter().chain(self.weight.parameters()).collect()
    }

    pub fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>> {
        self.bias.iter_mut().chain(self.weight.parameters_mut()).collect()
    }
}

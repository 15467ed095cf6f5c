//! 3×3 convolution – instance norm – ReLU, the block of the low-resolution stream.

use asap_autograd::{Var, vjp};
use asap_tensor::Backend;

use super::Stack;
use crate::Result;
use crate::config::Padding;
use crate::network::{Binding, Initialiser, Kind, Parameter};

/// ε of instance norm (published code: PyTorch's default).
pub const INSTANCE_NORM_EPSILON: f64 = 1e-5;

/// 3×3 convolution without bias, instance norm with scale and shift, ReLU (supplementary 1.1).
#[derive(Clone, Debug)]
pub struct ConvBlock<B: Backend> {
    weight: Parameter<B>,
    scale: Parameter<B>,
    shift: Parameter<B>,
    stride: usize,
    padding: Padding,
}

impl<B: Backend> ConvBlock<B> {
    /// A block from `inputs` to `outputs` channels; `name` stands before its keys `.0.weight`, `.1.weight`, `.1.bias`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn new(
        backend: &B,
        init: &mut dyn Initialiser,
        name: &str,
        [inputs, outputs]: [usize; 2],
        stride: usize,
        padding: Padding,
    ) -> Result<Self> {
        let mut parameter =
            |key: &str, shape: &[usize], kind| Parameter::new(backend, init, format!("{name}.{key}"), shape, kind);
        Ok(ConvBlock {
            weight: parameter("0.weight", &[outputs, inputs, 3, 3], Kind::Weight)?,
            scale: parameter("1.weight", &[outputs], Kind::Scale)?,
            shift: parameter("1.bias", &[outputs], Kind::Shift)?,
            stride,
            padding,
        })
    }

    /// (N, C_in, H, W) → (N, C_out, ⌈H / stride⌉, ⌈W / stride⌉).
    ///
    /// # Errors
    /// If the channels differ or a kernel fails.
    pub fn forward(&self, binding: &Binding<B>, x: &Stack<B>) -> Result<Var<B>> {
        let name = self.weight.name().trim_end_matches(".0.weight");
        let _scope = self.weight.value().backend().profiler().map(|profiler| profiler.enter(name));
        let weight = binding.var(&self.weight);
        let y = match self.padding {
            Padding::Reflect => x.reflect(1)?.conv2d(&weight, None, self.stride, 0)?,
            Padding::Zero => x.conv2d(&weight, None, self.stride, 1)?,
        };
        let (scale, shift) = (binding.var(&self.scale), binding.var(&self.shift));
        binding.output(name, vjp::instance_norm(&y, Some((&scale, &shift)), INSTANCE_NORM_EPSILON, 0.0)?)
    }

    /// Weight, scale, shift.
    pub fn parameters(&self) -> [&Parameter<B>; 3] {
        [&self.weight, &self.scale, &self.shift]
    }

    /// The same, to update.
    pub fn parameters_mut(&mut self) -> [&mut Parameter<B>; 3] {
        [&mut self.weight, &mut self.scale, &mut self.shift]
    }
}

//! Convolution – norm – activation, what these networks are made of.

use asap_autograd::{Var, vjp};
use asap_tensor::Backend;

use crate::Result;
use crate::layers::{BatchNorm, INSTANCE_NORM_EPSILON, Stack};
use crate::network::{Binding, Initialiser, Kind, Parameter};

/// How a layer's convolution walks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Zeros around the image.
    Zeros { stride: usize, padding: usize },
    /// The image mirrored about its outermost pixels, stride 1.
    Mirrored { padding: usize },
    /// A transposed convolution at stride 2 with padding 1, which doubles the sides; a kernel of odd sides needs an
    /// output padding of 1.
    Doubling { output_padding: usize },
}

/// The sizes of a layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// Channels before.
    pub inputs: usize,
    /// Channels after.
    pub outputs: usize,
    /// Height and width of the kernel.
    pub kernel: usize,
    /// How it walks.
    pub step: Step,
}

impl Size {
    /// A 3×3 convolution that keeps the image's size.
    pub fn same(inputs: usize, outputs: usize) -> Self {
        Size { inputs, outputs, kernel: 3, step: Step::Zeros { stride: 1, padding: 1 } }
    }
}

/// What follows a layer's convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Norm {
    /// Nothing.
    None { bias: bool },
    /// Batch norm; the convolution has no bias.
    Batch,
    /// Instance norm without scale and shift; the convolution has a bias (published code).
    Instance,
}

/// One layer.
#[derive(Clone, Debug)]
pub(super) struct Layer<B: Backend> {
    name: String,
    weight: Parameter<B>,
    bias: Option<Parameter<B>>,
    step: Step,
    /// With its name.
    norm: Option<(BatchNorm<B>, String)>,
    by_instance: bool,
    /// Of the leaky ReLU that follows: 0 is ReLU, 1 none.
    slope: f64,
}

impl<B: Backend> Layer<B> {
    /// The layer whose convolution is module `module` of the sequence `sequence`, and whose norm is the next.
    pub fn new(
        backend: &B,
        init: &mut dyn Initialiser,
        (sequence, module): (&str, usize),
        size: Size,
        norm: Norm,
        slope: f64,
    ) -> Result<Self> {
        let mut layer = Self::named(backend, init, format!("{sequence}.{module}"), size, norm, slope)?;
        if norm == Norm::Batch {
            let name = format!("{sequence}.{}", module + 1);
            layer.norm = Some((BatchNorm::new(backend, init, &name, size.outputs, true)?, name));
        }
        Ok(layer)
    }

    /// The layer of that name, without batch norm.
    pub fn named(
        backend: &B,
        init: &mut dyn Initialiser,
        name: String,
        Size { inputs, outputs, kernel, step }: Size,
        norm: Norm,
        slope: f64,
    ) -> Result<Self> {
        let shape = match step {
            Step::Doubling { .. } => [inputs, outputs, kernel, kernel],
            Step::Zeros { .. } | Step::Mirrored { .. } => [outputs, inputs, kernel, kernel],
        };
        let weight = Parameter::new(backend, init, format!("{name}.weight"), &shape, Kind::Weight)?;
        let bias = match norm {
            Norm::Batch | Norm::None { bias: false } => None,
            Norm::None { bias: true } | Norm::Instance => {
                Some(Parameter::new(backend, init, format!("{name}.bias"), &[outputs], Kind::Shift)?)
            }
        };
        Ok(Layer { name, weight, bias, step, norm: None, by_instance: norm == Norm::Instance, slope })
    }

    /// (N, inputs, H, W) → (N, outputs, H′, W′). A profiler sees batch norm and what follows as a layer of its own.
    pub fn forward(&self, binding: &Binding<B>, x: &Stack<B>) -> Result<Var<B>> {
        let profiler = self.weight.value().backend().profiler();
        let scope = profiler.map(|profiler| profiler.enter(&self.name));
        let y = self.convolved(binding, x)?;
        drop(scope);
        let y = match &self.norm {
            Some((norm, name)) => {
                let _scope = profiler.map(|profiler| profiler.enter(name));
                self.activated(norm.forward(binding, &y)?)?
            }
            None => y,
        };
        binding.output(&self.name, y)
    }

    /// The convolution, and what follows it where that is not batch norm; of no layer that a profiler sees.
    pub fn convolved(&self, binding: &Binding<B>, x: &Stack<B>) -> Result<Var<B>> {
        let weight = binding.var(&self.weight);
        let bias = self.bias.as_ref().map(|bias| binding.var(bias));
        let y = match self.step {
            Step::Zeros { stride, padding } => x.conv2d(&weight, bias.as_ref(), stride, padding)?,
            Step::Mirrored { padding } => x.reflect(padding)?.conv2d(&weight, bias.as_ref(), 1, 0)?,
            Step::Doubling { output_padding } => {
                vjp::conv2d_transposed(&x.to_dense()?, &weight, bias.as_ref(), 2, 1, output_padding)?
            }
        };
        if self.by_instance {
            return Ok(vjp::instance_norm(&y, None, INSTANCE_NORM_EPSILON, self.slope)?);
        }
        if self.norm.is_some() { Ok(y) } else { self.activated(y) }
    }

    fn activated(&self, y: Var<B>) -> Result<Var<B>> {
        Ok(if self.slope == 1.0 { y } else { vjp::leaky_relu(&y, self.slope)? })
    }

    /// That of its convolution.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Weight, bias, and those of the norm.
    pub fn parameters(&self) -> Vec<&Parameter<B>> {
        let norm = self.norm.iter().flat_map(|(norm, _)| norm.parameters());
        std::iter::once(&self.weight).chain(&self.bias).chain(norm).collect()
    }

    /// The same, to update.
    pub fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>> {
        let norm = self.norm.iter_mut().flat_map(|(norm, _)| norm.parameters_mut());
        std::iter::once(&mut self.weight).chain(&mut self.bias).chain(norm).collect()
    }
}

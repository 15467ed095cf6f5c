//! A residual block that draws by kernels which the conditions predict for every pixel (Liu et al. 2019, section 3.1).

use asap_autograd::{Var, vjp};
use asap_tensor::Backend;
use asap_tensor::ops::pixel_conv::TAPS;

use super::super::adaptive::Adaptive;
use super::super::growth::SLOPE;
use super::super::layer::{Layer, Norm, Size, Step};
use super::super::spectral::Spectral;
use crate::Result;
use crate::layers::{BatchNorm, Stack};
use crate::network::{Binding, Initialiser, Kind, Parameter};

/// Two convolutions that predict numbers for each pixel from its conditions.
#[derive(Clone, Debug)]
struct Predictor<B: Backend>([Layer<B>; 2]);

impl<B: Backend> Predictor<B> {
    fn new(
        backend: &B,
        init: &mut dyn Initialiser,
        name: &str,
        [conditions, hidden, outputs]: [usize; 3],
    ) -> Result<Self> {
        let mut layer = |module: usize, size, slope| {
            Layer::named(backend, &mut *init, format!("{name}.{module}"), size, Norm::None { bias: true }, slope)
        };
        let first = layer(0, Size::same(conditions, hidden), 0.0)?;
        Ok(Predictor([first, layer(2, Size::same(hidden, outputs), 1.0)?]))
    }

    fn forward(&self, binding: &Binding<B>, conditions: &Stack<B>) -> Result<Var<B>> {
        let hidden = self.0[0].convolved(binding, conditions)?;
        self.0[1].convolved(binding, &Stack::dense(hidden))
    }
}

/// Batch norm, a convolution by each pixel's own kernels, one that mixes the channels, and gates.
#[derive(Clone, Debug)]
struct Half<B: Backend> {
    norm: BatchNorm<B>,
    kernels: Predictor<B>,
    mix: Layer<B>,
    gates: Predictor<B>,
}

impl<B: Backend> Half<B> {
    /// The first or second half, `number`, of block `name`.
    fn new(
        backend: &B,
        init: &mut dyn Initialiser,
        (name, number): (&str, usize),
        [conditions, hidden]: [usize; 2],
        [inputs, outputs]: [usize; 2],
    ) -> Result<Self> {
        let mut predictor = |key: &str, numbers| {
            Predictor::new(backend, &mut *init, &format!("{name}.{key}{number}"), [conditions, hidden, numbers])
        };
        let (kernels, gates) = (predictor("gen_weights", TAPS * inputs)?, predictor("gen_se_weights", outputs)?);
        let size = Size { inputs, outputs, kernel: 1, step: Step::Zeros { stride: 1, padding: 0 } };
        // The published numbers of convolutions count those by predicted kernels too.
        let mix = format!("{name}.conv_{}", 2 * number - 1);
        Ok(Half {
            norm: BatchNorm::new(backend, init, &format!("{name}.norm_{number}"), inputs, true)?,
            kernels,
            mix: Layer::named(backend, init, mix, size, Norm::None { bias: true }, 1.0)?,
            gates,
        })
    }

    fn forward(&self, binding: &Binding<B>, x: &Var<B>, conditions: &Stack<B>) -> Result<Var<B>> {
        let y = self.norm.forward(binding, x)?;
        let y = vjp::pixel_conv(&y, &self.kernels.forward(binding, conditions)?)?;
        let y = self.mix.convolved(binding, &Stack::dense(y))?;
        let gates = vjp::sigmoid(&self.gates.forward(binding, conditions)?)?;
        Ok(vjp::leaky_relu(&vjp::mul(&y, &gates)?, SLOPE)?)
    }

    fn parameters(&self) -> Vec<&Parameter<B>> {
        let layers = self.kernels.0.iter().chain(&self.gates.0).chain([&self.mix]);
        self.norm.parameters().into_iter().chain(layers.flat_map(Layer::parameters)).collect()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>> {
        let layers = self.kernels.0.iter_mut().chain(&mut self.gates.0).chain([&mut self.mix]);
        self.norm.parameters_mut().into_iter().chain(layers.flat_map(Layer::parameters_mut)).collect()
    }
}

/// The block.
#[derive(Clone, Debug)]
pub(super) struct Block<B: Backend> {
    name: &'static str,
    halves: [Half<B>; 2],
    /// The way around them, where channels change.
    around: Option<(Adaptive<B>, Spectral<B>)>,
    /// Norms that the published code makes and never uses; their numbers are in its checkpoints.
    idle: Vec<Parameter<B>>,
}

impl<B: Backend> Block<B> {
    /// From `inputs` to at most as many `outputs` channels.
    pub fn new(
        backend: &B,
        init: &mut dyn Initialiser,
        name: &'static str,
        [conditions, hidden]: [usize; 2],
        [inputs, outputs]: [usize; 2],
    ) -> Result<Self> {
        let around = match inputs == outputs {
            true => None,
            false => {
                let norm = Adaptive::new(backend, init, &format!("{name}.norm_s"), [conditions, hidden, inputs])?;
                let name = format!("{name}.conv_s");
                Some((norm, Spectral::new(backend, init, &name, [inputs, outputs], 1, 1, false)?))
            }
        };
        let halves = [
            Half::new(backend, init, (name, 1), [conditions, hidden], [inputs, outputs])?,
            Half::new(backend, init, (name, 2), [conditions, hidden], [outputs, outputs])?,
        ];
        let mut idle = Vec::new();
        for (key, channels) in [("conv_0.norm_layer", inputs), ("norm_0", outputs), ("conv_2.norm_layer", outputs)] {
            let key = format!("{name}.{key}");
            for own in ["weight", "bias", "running_mean", "running_var"] {
                idle.push(Parameter::new(backend, init, format!("{key}.{own}"), &[channels], Kind::Idle)?);
            }
            idle.push(Parameter::new(backend, init, format!("{key}.num_batches_tracked"), &[], Kind::BatchCount)?);
        }
        Ok(Block { name, halves, around, idle })
    }

    /// (N, inputs, H, W) → (N, outputs, H, W) by conditions of the same H and W.
    pub fn forward(&self, binding: &Binding<B>, x: &Var<B>, conditions: &Stack<B>) -> Result<Var<B>> {
        let _scope = x.value().backend().profiler().map(|profiler| profiler.enter(self.name));
        let around = match &self.around {
            Some((norm, convolution)) => {
                convolution.forward(binding, &Stack::dense(norm.forward(binding, x, conditions)?))?
            }
            None => x.clone(),
        };
        let mut y = x.clone();
        for half in &self.halves {
            y = half.forward(binding, &y, conditions)?;
        }
        binding.output(self.name, vjp::add(&around, &y)?)
    }

    pub fn parameters(&self) -> Vec<&Parameter<B>> {
        let around = self.around.iter();
        let around = around.flat_map(|(norm, convolution)| [norm.parameters(), convolution.parameters()].concat());
        self.halves.iter().flat_map(Half::parameters).chain(around).chain(&self.idle).collect()
    }

    pub fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>> {
        let around = self.around.iter_mut();
        let around = around
            .flat_map(|(norm, convolution)| norm.parameters_mut().into_iter().chain(convolution.parameters_mut()));
        self.halves.iter_mut().flat_map(Half::parameters_mut).chain(around).chain(&mut self.idle).collect()
    }
}

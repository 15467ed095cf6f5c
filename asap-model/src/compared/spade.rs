//! SPADE's generator (Park et al. 2019, section 3 and appendix A): features of a few pixels, doubled again and again, and
//! at every step normed by what the label map says.

use asap_autograd::{Var, vjp};
use asap_tensor::Backend;
use asap_tensor::ops::Taps;

use super::layer::{Layer, Norm, Size, Step};
use crate::Result;
use crate::layers::{BatchNorm, SpectralWeight, Stack};
use crate::network::{Binding, Initialiser, Kind, Parameter};

/// Slope of the leaky ReLU.
const SLOPE: f64 = 0.2;

/// Channels of each block by those of the last of them.
const BLOCKS: [(&str, [usize; 2]); 7] = [
    ("head_0", [16, 16]),
    ("G_middle_0", [16, 16]),
    ("G_middle_1", [16, 16]),
    ("up_0", [16, 8]),
    ("up_1", [8, 4]),
    ("up_2", [4, 2]),
    ("up_3", [2, 1]),
];

/// A 3×3 convolution that keeps the size.
fn same(inputs: usize, outputs: usize) -> Size {
    Size { inputs, outputs, kernel: 3, step: Step::Zeros { stride: 1, padding: 1 } }
}

/// A convolution by a spectrally normalised weight that keeps the size.
#[derive(Clone, Debug)]
struct Spectral<B: Backend> {
    weight: SpectralWeight<B>,
    bias: Option<Parameter<B>>,
    padding: usize,
}

impl<B: Backend> Spectral<B> {
    /// From `inputs` to `outputs` channels: 3×3 with a bias, or 1×1 without.
    fn new(
        backend: &B,
        init: &mut dyn Initialiser,
        name: &str,
        [inputs, outputs]: [usize; 2],
        kernel: usize,
    ) -> Result<Self> {
        let with_bias = kernel > 1;
        let bias = with_bias.then(|| Parameter::new(backend, init, format!("{name}.bias"), &[outputs], Kind::Shift));
        let bias = bias.transpose()?;
        let weight = SpectralWeight::new(backend, init, name, [outputs, inputs, kernel, kernel], true)?;
        Ok(Spectral { weight, bias, padding: kernel / 2 })
    }

    fn forward(&self, binding: &Binding<B>, x: &Var<B>) -> Result<Var<B>> {
        let bias = self.bias.as_ref().map(|bias| binding.var(bias));
        Ok(vjp::conv2d(x, &self.weight.bound(binding)?, bias.as_ref(), 1, self.padding)?)
    }

    fn parameters(&self) -> Vec<&Parameter<B>> {
        self.bias.iter().chain(self.weight.parameters()).collect()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>> {
        self.bias.iter_mut().chain(self.weight.parameters_mut()).collect()
    }
}

/// Batch norm whose scale and shift are those that convolutions of the label map give each pixel.
#[derive(Clone, Debug)]
struct Adaptive<B: Backend> {
    norm: BatchNorm<B>,
    /// To the hidden channels; from them to scales, to shifts.
    maps: [Layer<B>; 3],
}

impl<B: Backend> Adaptive<B> {
    /// For `channels` channels by way of `hidden` ones.
    fn new(
        backend: &B,
        init: &mut dyn Initialiser,
        name: &str,
        [labels, hidden, channels]: [usize; 3],
    ) -> Result<Self> {
        let mut map = |key: &str, size, slope| {
            Layer::named(backend, &mut *init, format!("{name}.{key}"), size, Norm::None { bias: true }, slope)
        };
        let maps = [
            map("mlp_shared.0", same(labels, hidden), 0.0)?,
            map("mlp_gamma", same(hidden, channels), 1.0)?,
            map("mlp_beta", same(hidden, channels), 1.0)?,
        ];
        let norm = BatchNorm::new(backend, init, &format!("{name}.param_free_norm"), channels, false)?;
        Ok(Adaptive { norm, maps })
    }

    /// (N, C, H, W) by labels of the same H and W.
    fn forward(&self, binding: &Binding<B>, x: &Var<B>, labels: &Stack<B>) -> Result<Var<B>> {
        let [shared, scale, shift] = &self.maps;
        let hidden = Stack::dense(shared.convolved(binding, labels)?);
        let scale = vjp::affine(&scale.convolved(binding, &hidden)?, 1.0, 1.0)?;
        let shift = shift.convolved(binding, &hidden)?;
        Ok(vjp::add(&vjp::mul(&self.norm.forward(binding, x)?, &scale)?, &shift)?)
    }

    fn parameters(&self) -> Vec<&Parameter<B>> {
        self.norm.parameters().into_iter().chain(self.maps.iter().flat_map(Layer::parameters)).collect()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>> {
        let maps = self.maps.iter_mut().flat_map(Layer::parameters_mut);
        self.norm.parameters_mut().into_iter().chain(maps).collect()
    }
}

/// A residual block.
#[derive(Clone, Debug)]
struct Block<B: Backend> {
    name: &'static str,
    /// Each norm with the convolution after it: two, and where channels change a third on the way around them.
    steps: Vec<(Adaptive<B>, Spectral<B>)>,
}

impl<B: Backend> Block<B> {
    fn new(
        backend: &B,
        init: &mut dyn Initialiser,
        name: &'static str,
        [labels, hidden]: [usize; 2],
        [inputs, outputs]: [usize; 2],
    ) -> Result<Self> {
        let between = inputs.min(outputs);
        let mut step = |key: &str, channels: [usize; 2], kernel| -> Result<_> {
            let norm =
                Adaptive::new(backend, &mut *init, &format!("{name}.norm_{key}"), [labels, hidden, channels[0]])?;
            Ok((norm, Spectral::new(backend, &mut *init, &format!("{name}.conv_{key}"), channels, kernel)?))
        };
        let mut steps = vec![step("0", [inputs, between], 3)?, step("1", [between, outputs], 3)?];
        if inputs != outputs {
            steps.push(step("s", [inputs, outputs], 1)?);
        }
        Ok(Block { name, steps })
    }

    fn forward(&self, binding: &Binding<B>, x: &Var<B>, labels: &Stack<B>) -> Result<Var<B>> {
        let _scope = x.value().backend().profiler().map(|profiler| profiler.enter(self.name));
        let around = match self.steps.get(2) {
            Some((norm, convolution)) => convolution.forward(binding, &norm.forward(binding, x, labels)?)?,
            None => x.clone(),
        };
        let mut y = x.clone();
        for (norm, convolution) in &self.steps[..2] {
            y = vjp::leaky_relu(&norm.forward(binding, &y, labels)?, SLOPE)?;
            y = convolution.forward(binding, &y)?;
        }
        binding.output(self.name, vjp::add(&around, &y)?)
    }
}

/// The generator.
#[derive(Clone, Debug)]
pub(super) struct Spade<B: Backend> {
    first: Layer<B>,
    blocks: Vec<Block<B>>,
    last: Layer<B>,
    doublings: usize,
}

impl<B: Backend> Spade<B> {
    /// A generator whose last block but for a seventh doubling has `width` channels; 5, 6 or 7 doublings. Between a label
    /// map and its scales and shifts are `hidden` channels.
    pub fn new(
        backend: &B,
        init: &mut dyn Initialiser,
        [inputs, outputs]: [usize; 2],
        [width, hidden]: [usize; 2],
        doublings: usize,
    ) -> Result<Self> {
        let mut named =
            |name: &str, size| Layer::named(backend, &mut *init, name.to_owned(), size, Norm::None { bias: true }, 1.0);
        let most = doublings > 6;
        let drawn = if most { width / 2 } else { width };
        let (first, last) = (named("fc", same(inputs, 16 * width))?, named("conv_img", same(drawn, outputs))?);
        let mut blocks = Vec::with_capacity(BLOCKS.len() + 1);
        for (name, channels) in BLOCKS {
            blocks.push(Block::new(backend, init, name, [inputs, hidden], channels.map(|times| times * width))?);
        }
        if most {
            blocks.push(Block::new(backend, init, "up_4", [inputs, hidden], [width, drawn])?);
        }
        Ok(Spade { first, blocks, last, doublings })
    }

    /// (N, C, H, W) → the image before the hyperbolic tangent; H and W are multiples of 2^doublings.
    pub fn forward(&self, binding: &Binding<B>, labels: &Stack<B>) -> Result<Var<B>> {
        let [_, height, width] = labels.sizes();
        let [mut h, mut w] = [height, width].map(|side| side >> self.doublings);
        let resized = |h, w| -> Result<Stack<B>> {
            if [h, w] == [height, width] {
                return Ok(labels.clone());
            }
            labels.resize(&Taps::nearest(height, h)?, &Taps::nearest(width, w)?)
        };
        let mut seen = resized(h, w)?;
        let mut y = self.first.forward(binding, &seen)?;
        for (number, block) in self.blocks.iter().enumerate() {
            // The second middle block has a doubling before it where there are more than five.
            let doubled = match number {
                0 => false,
                2 => self.doublings > 5,
                _ => true,
            };
            if doubled {
                y = vjp::resize(&y, &Taps::nearest(h, 2 * h)?, &Taps::nearest(w, 2 * w)?)?;
                [h, w] = [2 * h, 2 * w];
                seen = resized(h, w)?;
            }
            y = block.forward(binding, &y, &seen)?;
        }
        self.last.forward(binding, &Stack::dense(vjp::leaky_relu(&y, SLOPE)?))
    }

    pub fn parameters(&self) -> Vec<&Parameter<B>> {
        let steps = self.blocks.iter().flat_map(|block| &block.steps);
        let steps = steps.flat_map(|(norm, convolution)| [norm.parameters(), convolution.parameters()].concat());
        self.first.parameters().into_iter().chain(steps).chain(self.last.parameters()).collect()
    }

    pub fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>> {
        let steps = self.blocks.iter_mut().flat_map(|block| &mut block.steps);
        let steps =
            steps.flat_map(|(norm, convolution)| norm.parameters_mut().into_iter().chain(convolution.parameters_mut()));
        self.first.parameters_mut().into_iter().chain(steps).chain(self.last.parameters_mut()).collect()
    }
}

//! What is known of every place at each size: the label map halved down to a few pixels, each of which knows of much of
//! the picture, and doubled again, joined to what was there on the way down (Lin et al. 2017).

use asap_autograd::{Var, vjp};
use asap_tensor::Backend;

use super::super::growth::{SLOPE, doubled};
use super::super::spectral::Spectral;
use crate::Result;
use crate::layers::{BatchNorm, Stack};
use crate::network::{Binding, Initialiser, Parameter};

/// Convolution, batch norm, leaky ReLU.
#[derive(Clone, Debug)]
struct Level<B: Backend> {
    name: String,
    convolution: Spectral<B>,
    norm: BatchNorm<B>,
}

impl<B: Backend> Level<B> {
    fn new(
        backend: &B,
        init: &mut dyn Initialiser,
        name: String,
        channels: [usize; 2],
        kernel: usize,
        stride: usize,
    ) -> Result<Self> {
        // Two sequences of modules, one in the other.
        let convolution = Spectral::new(backend, init, &format!("{name}.0.0"), channels, kernel, stride, false)?;
        let norm = BatchNorm::new(backend, init, &format!("{name}.0.1"), channels[1], true)?;
        Ok(Level { name, convolution, norm })
    }

    fn forward(&self, binding: &Binding<B>, x: &Stack<B>) -> Result<Var<B>> {
        let _scope = self.convolution.backend().profiler().map(|profiler| profiler.enter(&self.name));
        let y = self.norm.forward(binding, &self.convolution.forward(binding, x)?)?;
        binding.output(&self.name, vjp::leaky_relu(&y, SLOPE)?)
    }
}

/// The pyramid.
#[derive(Clone, Debug)]
pub(super) struct Pyramid<B: Backend> {
    /// From the label map on, all but the first at stride 2.
    down: Vec<Level<B>>,
    /// From those to the sums, the smallest picture first.
    across: Vec<Level<B>>,
    /// From sums to features, the smallest picture first.
    up: Vec<Level<B>>,
}

impl<B: Backend> Pyramid<B> {
    /// Of `inputs` channels, halved `halvings` times; `width` channels everywhere.
    pub fn new(backend: &B, init: &mut dyn Initialiser, inputs: usize, width: usize, halvings: usize) -> Result<Self> {
        let mut level = |name: &str, number: usize, inputs, kernel, stride| {
            Level::new(backend, &mut *init, format!("{name}{number}"), [inputs, width], kernel, stride)
        };
        let mut down = vec![level("labelenc", 1, inputs, 3, 1)?];
        for number in 2..=halvings + 1 {
            down.push(level("labelenc", number, width, 3, 2)?);
        }
        let across = (1..=halvings).map(|number| level("labellat", number, width, 1, 1)).collect::<Result<_>>()?;
        let up = (1..=halvings).map(|number| level("labeldec", number, width, 3, 1)).collect::<Result<_>>()?;
        Ok(Pyramid { down, across, up })
    }

    /// (N, inputs, H, W) → (N, width, H/2^i, W/2^i) for every i from `halvings` down to 0; H and W are multiples of
    /// 2^halvings.
    pub fn forward(&self, binding: &Binding<B>, labels: &Stack<B>) -> Result<Vec<Var<B>>> {
        let mut x = labels.clone();
        let mut halved = Vec::with_capacity(self.down.len());
        for level in &self.down {
            let y = level.forward(binding, &x)?;
            x = Stack::dense(y.clone());
            halved.push(y);
        }
        let mut features: Vec<Var<B>> = Vec::with_capacity(self.down.len());
        let mut last = halved.pop().unwrap_or_else(|| unreachable!("the label map itself has a level"));
        for ((across, up), larger) in self.across.iter().zip(&self.up).zip(halved.into_iter().rev()) {
            let larger = across.forward(binding, &Stack::dense(larger))?;
            let sum = vjp::add(&doubled(&last)?, &larger)?;
            features.push(last);
            last = up.forward(binding, &Stack::dense(sum))?;
        }
        features.push(last);
        Ok(features)
    }

    pub fn parameters(&self) -> Vec<&Parameter<B>> {
        let levels = [&self.down, &self.across, &self.up].into_iter().flatten();
        levels.flat_map(|level| [level.convolution.parameters(), level.norm.parameters()].concat()).collect()
    }

    pub fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>> {
        let levels = [&mut self.down, &mut self.across, &mut self.up].into_iter().flatten();
        levels
            .flat_map(|level| level.convolution.parameters_mut().into_iter().chain(level.norm.parameters_mut()))
            .collect()
    }
}

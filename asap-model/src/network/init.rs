//! How parameters start.

use asap_tensor::random::{normal, uniform_by_name};
use asap_tensor::{Backend, Tensor};

use crate::Result;

/// What part a tensor plays in its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A convolution's weight, (O, I, R, S).
    Weight,
    /// What a norm multiplies by, (C).
    Scale,
    /// What a norm or a convolution adds, (C).
    Shift,
    /// A singular vector of a spectrally normalised weight: kept in checkpoints, not trained.
    SpectralVector,
    /// The mean of a channel that batch norm saw in training, (C): kept in checkpoints, not trained.
    RunningMean,
    /// Likewise its variance, (C).
    RunningVariance,
    /// How many batches those are of, (): kept in checkpoints, not trained.
    BatchCount,
    /// Nothing: a tensor of the published checkpoints that is used nowhere.
    Idle,
}

impl Kind {
    /// Whether the optimiser updates it.
    pub fn is_trained(self) -> bool {
        matches!(self, Kind::Weight | Kind::Scale | Kind::Shift)
    }
}

/// Gives a parameter its first numbers.
pub trait Initialiser {
    /// As many numbers as `shape` has, row-major.
    fn fill(&mut self, name: &str, shape: &[usize], kind: Kind) -> Vec<f32>;

    /// The number that all numbers of this kind are equal to, where they are: no list of them is needed then.
    fn constant(&self, _kind: Kind) -> Option<f64> {
        None
    }
}

/// A tensor of an initialiser's numbers.
///
/// # Errors
/// If the device fails.
pub(crate) fn started<B: Backend>(
    backend: &B,
    init: &mut dyn Initialiser,
    name: &str,
    shape: &[usize],
    kind: Kind,
) -> Result<Tensor<B>> {
    Ok(match init.constant(kind) {
        Some(number) => Tensor::full(backend, shape, number)?,
        None => Tensor::from_f32(backend, shape, &init.fill(name, shape, kind))?,
    })
}

/// The published start: weights from a normal distribution of deviation gain·√(2 / (fan in + fan out)), scales 1,
/// shifts 0, spectral vectors random and of length 1. Each tensor draws from a stream of its own name.
#[derive(Clone, Copy, Debug)]
pub struct XavierNormal {
    /// Which random numbers.
    pub seed: u64,
    /// The factor on the deviation; 0.02 in the paper.
    pub gain: f64,
}

impl Initialiser for XavierNormal {
    fn fill(&mut self, name: &str, shape: &[usize], kind: Kind) -> Vec<f32> {
        let count = shape.iter().product();
        match kind {
            Kind::Weight => {
                let taps: usize = shape[2..].iter().product();
                let fans = (shape[0] + shape[1]) * taps;
                normal(self.seed, name, count, self.gain * (2.0 / fans as f64).sqrt())
            }
            Kind::Scale | Kind::RunningVariance => vec![1.0; count],
            Kind::Shift | Kind::RunningMean | Kind::BatchCount | Kind::Idle => vec![0.0; count],
            Kind::SpectralVector => {
                let mut vector = normal(self.seed, name, count, 1.0);
                let length = vector.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
                vector.iter_mut().for_each(|v| *v = (f64::from(*v) / length) as f32);
                vector
            }
        }
    }
}

/// Zeros, for a network whose numbers come from a checkpoint.
#[derive(Clone, Copy, Debug)]
pub struct Blank;

impl Initialiser for Blank {
    fn fill(&mut self, _name: &str, shape: &[usize], _kind: Kind) -> Vec<f32> {
        vec![0.0; shape.iter().product()]
    }

    fn constant(&self, _kind: Kind) -> Option<f64> {
        Some(0.0)
    }
}

/// Numbers that anyone can make again from the parameter's name alone, for comparing full-size networks without
/// shipping their weights. With u uniform in [−1, 1): weights u·g·√(3 / fan in), and a quarter of that where the
/// kernel's height is 1; scales and running variances 1 + u/10; shifts and running means u/10.
#[derive(Clone, Debug)]
pub struct FillByName {
    /// What stands before each name, ending in a dot.
    pub prefix: String,
    /// g.
    pub gain: f64,
}

impl Initialiser for FillByName {
    fn fill(&mut self, name: &str, shape: &[usize], kind: Kind) -> Vec<f32> {
        let mut numbers = uniform_by_name(&format!("{}{name}", self.prefix), shape.iter().product());
        match kind {
            Kind::Weight => {
                let fan_in: usize = shape[1..].iter().product();
                let quarter = if shape[2] == 1 { 0.25 } else { 1.0 };
                let bound = quarter * self.gain * (3.0 / fan_in as f64).sqrt();
                numbers.iter_mut().for_each(|u| *u = (f64::from(*u) * bound) as f32);
            }
            Kind::Scale | Kind::RunningVariance => {
                numbers.iter_mut().for_each(|u| *u = (1.0 + 0.1 * f64::from(*u)) as f32)
            }
            Kind::Shift | Kind::SpectralVector | Kind::RunningMean => {
                numbers.iter_mut().for_each(|u| *u = (0.1 * f64::from(*u)) as f32);
            }
            Kind::BatchCount | Kind::Idle => numbers.fill(0.0),
        }
        numbers
    }
}

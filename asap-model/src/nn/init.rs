//! Initial values of parameters.

use asap_tensor::random::{normal, uniform_by_name};

use crate::Result;
use crate::checkpoint::Checkpoint;

/// The role of a tensor in its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamRole {
    /// A convolution's weight, (O, I, R, S).
    Weight,
    /// A norm's scale, (C).
    Scale,
    /// The bias of a norm or a convolution, (C).
    Bias,
    /// A singular vector of a spectrally normalized weight, a buffer.
    SpectralVector,
    /// The running mean of batch norm, (C), a buffer.
    RunningMean,
    /// The running variance of batch norm, (C), a buffer.
    RunningVariance,
    /// The number of batches in the running statistics, (), a buffer.
    BatchCount,
    /// A tensor of published checkpoints that no layer uses.
    Unused,
}

impl ParamRole {
    /// Whether the optimizer updates it; buffers are only saved.
    pub fn is_trained(self) -> bool {
        matches!(self, ParamRole::Weight | ParamRole::Scale | ParamRole::Bias)
    }
}

/// Initial values of parameters.
pub trait Initializer {
    /// The values of a parameter, row-major.
    ///
    /// # Errors
    /// If the values come from a file that lacks them.
    fn fill(&mut self, key: &str, shape: &[usize], role: ParamRole) -> Result<Vec<f32>>;

    /// The value of every element of this role, if they are all equal: then [`fill`](Self::fill) isn't called.
    fn constant(&self, _role: ParamRole) -> Option<f64> {
        None
    }
}

/// Xavier-normal initialization, as published: weights with standard deviation gain·√(2 / (fan_in + fan_out)), scales
/// 1, biases 0, spectral vectors random with norm 1. Each tensor has its own random stream, named by its key.
#[derive(Clone, Copy, Debug)]
pub struct XavierNormal {
    /// Seed of the random streams.
    pub seed: u64,
    /// Factor on the standard deviation; 0.02 in the paper.
    pub gain: f64,
}

impl Initializer for XavierNormal {
    fn fill(&mut self, key: &str, shape: &[usize], role: ParamRole) -> Result<Vec<f32>> {
        let count = shape.iter().product();
        Ok(match role {
            ParamRole::Weight => {
                let taps: usize = shape[2..].iter().product();
                let fans = (shape[0] + shape[1]) * taps;
                normal(self.seed, key, count, self.gain * (2.0 / fans as f64).sqrt())
            }
            ParamRole::Scale | ParamRole::RunningVariance => vec![1.0; count],
            ParamRole::Bias | ParamRole::RunningMean | ParamRole::BatchCount | ParamRole::Unused => vec![0.0; count],
            ParamRole::SpectralVector => {
                let mut vector = normal(self.seed, key, count, 1.0);
                let length = vector.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
                vector.iter_mut().for_each(|v| *v = (f64::from(*v) / length) as f32);
                vector
            }
        })
    }
}

/// Zeros, for a network whose values come from a checkpoint.
#[derive(Clone, Copy, Debug)]
pub struct Blank;

impl Initializer for Blank {
    fn fill(&mut self, _key: &str, shape: &[usize], _role: ParamRole) -> Result<Vec<f32>> {
        Ok(vec![0.0; shape.iter().product()])
    }

    fn constant(&self, _role: ParamRole) -> Option<f64> {
        Some(0.0)
    }
}

/// Values computed from the parameter's key alone, to compare full-size networks without shipping their weights. With u
/// uniform in [−1, 1): weights u·g·√(3 / fan_in), and a quarter of that if the kernel's height is 1; scales and running
/// variances 1 + u/10; biases and running means u/10.
#[derive(Clone, Debug)]
pub struct FillByName {
    /// Prefix of each key, ending in a dot.
    pub prefix: String,
    /// g.
    pub gain: f64,
}

impl Initializer for FillByName {
    fn fill(&mut self, key: &str, shape: &[usize], role: ParamRole) -> Result<Vec<f32>> {
        let mut values = uniform_by_name(&format!("{}{key}", self.prefix), shape.iter().product());
        match role {
            ParamRole::Weight => {
                let fan_in: usize = shape[1..].iter().product();
                let quarter = if shape[2] == 1 { 0.25 } else { 1.0 };
                let bound = quarter * self.gain * (3.0 / fan_in as f64).sqrt();
                values.iter_mut().for_each(|u| *u = (f64::from(*u) * bound) as f32);
            }
            ParamRole::Scale | ParamRole::RunningVariance => {
                values.iter_mut().for_each(|u| *u = (1.0 + 0.1 * f64::from(*u)) as f32)
            }
            ParamRole::Bias | ParamRole::SpectralVector | ParamRole::RunningMean => {
                values.iter_mut().for_each(|u| *u = (0.1 * f64::from(*u)) as f32);
            }
            ParamRole::BatchCount | ParamRole::Unused => values.fill(0.0),
        }
        Ok(values)
    }
}

/// The values of a checkpoint, taken out of it one by one.
impl Initializer for Checkpoint {
    fn fill(&mut self, key: &str, shape: &[usize], _role: ParamRole) -> Result<Vec<f32>> {
        Ok(self.take(key, shape)?.data)
    }
}

//! Batch norm (Ioffe & Szegedy 2015) in evaluation: by the statistics that training has gathered.

use asap_autograd::{Var, vjp};
use asap_tensor::Backend;

use crate::Result;
use crate::network::{Binding, Initialiser, Kind, Parameter};

/// ε of batch norm (published code: PyTorch's default).
const EPSILON: f64 = 1e-5;

/// y = γ·(x − μ)/√(σ² + ε) + β by the running μ and σ² of each channel.
#[derive(Clone, Debug)]
pub struct BatchNorm<B: Backend> {
    /// γ and β, (C) each.
    affine: Option<[Parameter<B>; 2]>,
    mean: Parameter<B>,
    variance: Parameter<B>,
    batches: Parameter<B>,
}

impl<B: Backend> BatchNorm<B> {
    /// A norm of `channels` channels. Its keys are `name`.running_mean, `name`.running_var, `name`.num_batches_tracked,
    /// and where it has a scale and a shift, `name`.weight and `name`.bias.
    ///
    /// # Errors
    /// If the device fails.
    pub fn new(
        backend: &B,
        init: &mut dyn Initialiser,
        name: &str,
        channels: usize,
        with_affine: bool,
    ) -> Result<Self> {
        let mut parameter =
            |key: &str, shape: &[usize], kind| Parameter::new(backend, init, format!("{name}.{key}"), shape, kind);
        let affine = match with_affine {
            true => {
                Some([parameter("weight", &[channels], Kind::Scale)?, parameter("bias", &[channels], Kind::Shift)?])
            }
            false => None,
        };
        Ok(BatchNorm {
            affine,
            mean: parameter("running_mean", &[channels], Kind::RunningMean)?,
            variance: parameter("running_var", &[channels], Kind::RunningVariance)?,
            batches: parameter("num_batches_tracked", &[], Kind::BatchCount)?,
        })
    }

    /// (N, C, H, W) → the same shape: one product and one sum for each number.
    ///
    /// # Errors
    /// If the channels differ or a kernel fails.
    pub fn forward(&self, binding: &Binding<B>, x: &Var<B>) -> Result<Var<B>> {
        let [mean, variance] = [&self.mean, &self.variance].map(|p| Var::constant(p.value().clone()));
        let deviation = vjp::sqrt(&vjp::affine(&variance, 1.0, EPSILON)?)?;
        let (factor, shift) = match &self.affine {
            Some([scale, shift]) => {
                let factor = vjp::div(&binding.var(scale), &deviation)?;
                let shift = vjp::sub(&binding.var(shift), &vjp::mul(&mean, &factor)?)?;
                (factor, shift)
            }
            None => {
                let one = vjp::affine(&deviation, 0.0, 1.0)?;
                let factor = vjp::div(&one, &deviation)?;
                let shift = vjp::neg(&vjp::mul(&mean, &factor)?)?;
                (factor, shift)
            }
        };
        Ok(vjp::add(&vjp::mul(x, &factor)?, &shift)?)
    }

    /// Scale and shift where it has them, mean, variance, number of batches.
    pub fn parameters(&self) -> Vec<&Parameter<B>> {
        self.affine.iter().flatten().chain([&self.mean, &self.variance, &self.batches]).collect()
    }

    /// The same, to update.
    pub fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>> {
        self.affine.iter_mut().flatten().chain([&mut self.mean, &mut self.variance, &mut self.batches]).collect()
    }
}

//! Batch norm (Ioffe & Szegedy 2015): in training by the batch's own statistics, in evaluation by those that training has
//! gathered.

use asap_autograd::{Var, vjp};
use asap_tensor::ops::{Binary, Unary, binary, mul, sub, unary};
use asap_tensor::{Backend, Tensor};

use crate::Result;
use crate::network::{Binding, Initialiser, Kind, Parameter};

/// ε of batch norm (published code: PyTorch's default).
const EPSILON: f64 = 1e-5;

/// The part of a batch's statistics in the running ones (published code: PyTorch's default).
const MOMENTUM: f64 = 0.1;

/// y = γ·(x − μ)/√(σ² + ε) + β for each channel: in training by the μ and σ² of the batch's pixels, in evaluation by the
/// running ones.
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

    /// (N, C, H, W) → the same shape. In training the binding gathers what the running statistics become.
    ///
    /// # Errors
    /// If the channels differ or a kernel fails.
    pub fn forward(&self, binding: &Binding<B>, x: &Var<B>) -> Result<Var<B>> {
        if binding.is_training() { self.by_batch(binding, x) } else { self.by_running(binding, x) }
    }

    /// Batch norm is instance norm of one picture that holds those of the whole batch.
    fn by_batch(&self, binding: &Binding<B>, x: &Var<B>) -> Result<Var<B>> {
        let &[n, channels, h, w] = x.value().dims() else {
            // Told by the op, which takes images only.
            return Ok(vjp::instance_norm(x, None, EPSILON, 1.0)?);
        };
        let swapped = |x: &Var<B>| if n == 1 { Ok(x.clone()) } else { vjp::permute(x, &[1, 0, 2, 3]) };
        let joined = vjp::reshape(&swapped(x)?, [1, channels, n * h, w])?;
        let affine = self.affine.as_ref().map(|[scale, shift]| [binding.var(scale), binding.var(shift)]);
        let affine = affine.as_ref().map(|[scale, shift]| (scale, shift));
        let (y, [mean, rstd]) = vjp::instance_norm_with_statistics(&joined, affine, EPSILON, 1.0)?;
        self.gather(binding, &mean.reshape([channels])?, &rstd.reshape([channels])?, n * h * w)?;
        let apart = if n == 1 { [1, channels, h, w] } else { [channels, n, h, w] };
        Ok(swapped(&vjp::reshape(&y, apart)?)?)
    }

    /// Moves the running statistics towards those of a batch of `count` pixels, of which the variance is divided by
    /// `count` − 1 (published code).
    fn gather(&self, binding: &Binding<B>, mean: &Tensor<B>, rstd: &Tensor<B>, count: usize) -> Result<()> {
        let affine = |x: &Tensor<B>, scale, shift| unary(Unary::Affine { scale, shift }, x);
        let precision = mul(rstd, rstd)?;
        let one = affine(&precision, 0.0, 1.0)?;
        let unbiased = count as f64 / (count.max(2) - 1) as f64;
        let variance = affine(&binary(Binary::Div, &one, &precision)?, unbiased, -unbiased * EPSILON)?;
        for (running, now) in [(&self.mean, mean), (&self.variance, &variance)] {
            let before = binding.buffer(running);
            let change = affine(&sub(now, &before)?, MOMENTUM, 0.0)?;
            binding.set_buffer(running, binary(Binary::Add, &before, &change)?);
        }
        binding.set_buffer(&self.batches, affine(&binding.buffer(&self.batches), 1.0, 1.0)?);
        Ok(())
    }

    /// One product and one sum for each number.
    fn by_running(&self, binding: &Binding<B>, x: &Var<B>) -> Result<Var<B>> {
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

#[cfg(test)]
mod tests {
    use asap_tensor::Reference;
    use asap_tensor::random::uniform_by_name;

    use super::*;
    use crate::network::{FillByName, Network};

    type Double = Reference<f64>;

    /// A norm as a network.
    struct Alone(BatchNorm<Double>);

    impl Network<Double> for Alone {
        fn parameters(&self) -> Vec<&Parameter<Double>> {
            self.0.parameters()
        }

        fn parameters_mut(&mut self) -> Vec<&mut Parameter<Double>> {
            self.0.parameters_mut()
        }
    }

    fn numbers(norm: &Alone, key: &str) -> Vec<f64> {
        let parameters = norm.parameters();
        parameters.iter().find(|p| p.name() == key).unwrap().value().to_f64().unwrap()
    }

    #[test]
    fn training_norms_by_the_batch_and_moves_the_running_statistics_a_tenth_of_the_way() {
        let (n, channels, plane) = (3, 2, 5);
        let backend = Double::new();
        let mut fill = FillByName { prefix: "norm.".into(), gain: 1.0 };
        let mut norm = Alone(BatchNorm::new(&backend, &mut fill, "bn", channels, true).unwrap());
        let values: Vec<f64> =
            uniform_by_name("x", n * channels * plane).into_iter().map(|u| 3.0 * f64::from(u) + 1.0).collect();
        let x = Var::constant(Tensor::from_f64(&backend, [n, channels, 1, plane], &values).unwrap());
        let [scale, shift, mean, variance] =
            ["bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"].map(|key| numbers(&norm, key));

        let binding = Binding::in_training();
        let y = norm.0.forward(&binding, &x).unwrap().value().to_f64().unwrap();
        assert_eq!(numbers(&norm, "bn.running_mean"), mean, "the network does not change in a pass");
        norm.set_numbers(binding.buffers());

        let count = (n * plane) as f64;
        for c in 0..channels {
            let places = || (0..n).flat_map(|n| (0..plane).map(move |p| (n * channels + c) * plane + p));
            let mu = places().map(|i| values[i]).sum::<f64>() / count;
            let squares = places().map(|i| (values[i] - mu).powi(2)).sum::<f64>();
            for i in places() {
                let expected = scale[c] * (values[i] - mu) / (squares / count + EPSILON).sqrt() + shift[c];
                assert!((y[i] - expected).abs() < 1e-12, "{} should be {expected}", y[i]);
            }
            for (key, before, now) in
                [("bn.running_mean", mean[c], mu), ("bn.running_var", variance[c], squares / (count - 1.0))]
            {
                let (moved, expected) = (numbers(&norm, key)[c], 0.9 * before + 0.1 * now);
                assert!((moved - expected).abs() < 1e-12, "{key}: {moved} should be {expected}");
            }
        }
        assert_eq!(numbers(&norm, "bn.num_batches_tracked"), [1.0]);
        let evaluated = norm.0.forward(&Binding::frozen(), &x).unwrap().value().to_f64().unwrap();
        assert!(evaluated.iter().zip(&y).any(|(a, b)| (a - b).abs() > 0.1), "evaluation goes by the running ones");
    }
}

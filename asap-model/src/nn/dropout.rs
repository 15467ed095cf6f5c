//! Dropout.

use asap_autograd::Var;
use asap_tensor::{Backend, Tensor};
use rand::RngExt;

use super::context::ForwardContext;
use crate::Result;

/// In training, zeroes a share of the values at random and enlarges the others, which keeps their mean.
#[derive(Clone, Debug)]
pub struct Dropout {
    name: String,
    probability: f64,
}

impl Dropout {
    /// Dropout with this probability, in [0, 1), that a value is zeroed. Its random stream is named `name`.
    pub fn new(name: impl Into<String>, probability: f64) -> Self {
        Dropout { name: name.into(), probability }
    }

    /// Any shape → the same shape.
    pub fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: Var<B>) -> Result<Var<B>> {
        let Some(random) = ctx.training_random() else { return Ok(x) };
        let backend = x.value().backend();
        let factors = if backend.holds_values() {
            let mut rng = random.stream("dropout", &self.name);
            let kept = (1.0 / (1.0 - self.probability)) as f32;
            let factors = (0..x.value().count()).map(|_| if rng.random_bool(self.probability) { 0.0 } else { kept });
            Tensor::from_f32(backend, x.shape(), &factors.collect::<Vec<f32>>())?
        } else {
            Tensor::zeros(backend, x.shape())?
        };
        Ok(x.mul(&Var::constant(factors))?)
    }
}

#[cfg(test)]
mod tests {
    use asap_tensor::Reference;

    use super::*;
    use crate::nn::{Blank, Params, Random};

    #[test]
    fn a_share_of_the_values_is_zero_and_the_mean_stays() {
        let backend = Reference::<f64>::new();
        let (params, ()) = Params::build(&backend, &mut Blank, |_| Ok(())).unwrap();
        let ctx = ForwardContext::training_frozen(&params).with_random(Random::new(1, "generator.1"));
        let count = 10_000;
        for probability in [0.0, 0.2, 0.75] {
            let ones = Var::constant(Tensor::full(&backend, [count], 1.0).unwrap());
            let y = Dropout::new("layer", probability).forward(&ctx, ones).unwrap().value().to_vec().unwrap();
            let zeros = y.iter().filter(|&&value| value == 0.0).count() as f64 / count as f64;
            let mean = y.iter().sum::<f64>() / count as f64;
            // Six standard deviations.
            let deviation = (probability * (1.0 - probability) / count as f64).sqrt();
            assert!((zeros - probability).abs() <= 6.0 * deviation, "{probability}: {zeros}");
            assert!((mean - 1.0).abs() <= 6.0 * deviation / (1.0 - probability) + 1e-6, "{probability}: {mean}");
        }
    }
}

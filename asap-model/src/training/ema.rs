//! The exponential moving average of the generator's weights.
//!
//! GAN training moves the weights around what they converge to; the average is closer to it than any single step (Yazıcı et
//! al., *The Unusual Effectiveness of Averaging in GAN Training*, ICLR 2019).

use asap_tensor::ops::unary::unary;
use asap_tensor::ops::{Binary, Unary, binary};
use asap_tensor::{Backend, Tensor};

use crate::Result;
use crate::networks::Generator;

/// A generator whose weights are the average of another one's over its training.
#[derive(Clone, Debug)]
pub struct Ema<B: Backend> {
    decay: f64,
    /// The generator with the averaged weights.
    pub generator: Generator<B>,
}

impl<B: Backend> Ema<B> {
    /// The average before the first step: the weights themselves.
    pub fn new(decay: f64, generator: &Generator<B>) -> Self {
        Ema { decay, generator: generator.clone() }
    }

    /// After step t, counted from 1: a ← d·a + (1 − d)·w with d = min(decay, (1 + t)/(10 + t)), so that the first weights,
    /// which are random, are soon forgotten. Buffers, such as running statistics, are those of the last step.
    pub fn update(&mut self, trained: &Generator<B>, step: u64) -> Result<()> {
        let step = step as f64;
        let decay = self.decay.min((1.0 + step) / (10.0 + step));
        for (average, param) in self.generator.params.iter_mut().zip(trained.params.iter()) {
            *average.value_mut() = match param.role().is_trained() {
                true => mean(decay, average.value(), param.value())?,
                false => param.value().clone(),
            };
        }
        Ok(())
    }
}

/// d·a + (1 − d)·b.
fn mean<B: Backend>(d: f64, a: &Tensor<B>, b: &Tensor<B>) -> Result<Tensor<B>> {
    let times = |factor: f64, x: &Tensor<B>| unary(Unary::Affine { scale: factor, shift: 0.0 }, x);
    Ok(binary(Binary::Add, &times(d, a)?, &times(1.0 - d, b)?)?)
}

#[cfg(test)]
mod tests {
    use asap_tensor::Reference;

    use super::*;
    use crate::config::Config;
    use crate::nn::FillByName;

    /// A generator with batch norm, whose weights and buffers are all multiplied by a factor.
    fn generator(factor: f64) -> Generator<Reference<f64>> {
        let mut config = Config::preset("quickstart").unwrap();
        config.set("generator.kind=pix2pix-unet").unwrap();
        config.set("generator.width_factor=0.03125").unwrap();
        let mut init = FillByName { prefix: String::new(), gain: 1.0 };
        let mut generator = Generator::new(&Reference::new(), &config.generator, &config.data, &mut init).unwrap();
        for param in generator.params.iter_mut() {
            *param.value_mut() = unary(Unary::Affine { scale: factor, shift: 0.0 }, param.value()).unwrap();
        }
        generator
    }

    #[test]
    fn average_matches_its_recurrence() {
        let trained = [generator(1.0), generator(2.0), generator(4.0)];
        let mut ema = Ema::new(0.2, &trained[0]);
        ema.update(&trained[1], 1).unwrap();
        ema.update(&trained[2], 2).unwrap();
        // The decay is (1 + 1)/(10 + 1) < 0.2, then 0.2 < (1 + 2)/(10 + 2).
        let first = 2.0 / 11.0 + (1.0 - 2.0 / 11.0) * 2.0;
        let expected = 0.2 * first + 0.8 * 4.0;
        for ((average, one), last) in
            ema.generator.params.iter().zip(trained[0].params.iter()).zip(trained[2].params.iter())
        {
            let (values, last) = (average.value().to_vec().unwrap(), last.value().to_vec().unwrap());
            match average.role().is_trained() {
                true => {
                    let one = one.value().to_vec().unwrap();
                    let far = values.iter().zip(&one).map(|(a, one)| (a - expected * one).abs()).fold(0.0, f64::max);
                    assert!(far < 1e-12, "{}: {far}", average.key());
                }
                false => assert_eq!(values, last, "{}", average.key()),
            }
        }
    }
}

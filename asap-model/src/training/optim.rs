//! Adam (Kingma & Ba 2015).

use std::collections::BTreeMap;

use asap_tensor::ops::{AdamStep, adam};
use asap_tensor::{Backend, Tensor};

use crate::Result;
use crate::checkpoint::{Checkpoint, HostTensor, Weights};
use crate::nn::{Param, Params};

/// ε (published code: PyTorch's default).
const EPSILON: f64 = 1e-8;

/// Adam's constants and state: two moments of each parameter, by key, and the steps made.
#[derive(Clone, Debug)]
pub struct Adam<B: Backend> {
    beta1: f64,
    beta2: f64,
    step: u64,
    moments: BTreeMap<String, (Tensor<B>, Tensor<B>)>,
}

impl<B: Backend> Adam<B> {
    /// An optimizer that has made no step.
    pub fn new(beta1: f64, beta2: f64) -> Self {
        Adam { beta1, beta2, step: 0, moments: BTreeMap::new() }
    }

    /// Updates every parameter that has a gradient, each with its factor on the learning rate, unless `guard`, (), is not
    /// finite.
    pub fn step(
        &mut self,
        params: &mut Params<B>,
        gradients: &BTreeMap<String, Tensor<B>>,
        guard: &Tensor<B>,
        learning_rate: f64,
    ) -> Result<()> {
        self.step += 1;
        for param in params.iter_mut() {
            let Some(gradient) = gradients.get(param.key()) else { continue };
            if !self.moments.contains_key(param.key()) {
                let zeros = || Tensor::zeros(gradient.backend(), gradient.shape());
                self.moments.insert(param.key().to_owned(), (zeros()?, zeros()?));
            }
            let learning_rate = param.rate() * learning_rate;
            let constants =
                AdamStep { learning_rate, beta1: self.beta1, beta2: self.beta2, epsilon: EPSILON, step: self.step };
            if let Some((first, second)) = self.moments.get_mut(param.key()) {
                adam(param.value_mut(), first, second, gradient, Some(guard), &constants)?;
            }
        }
        Ok(())
    }

    /// The steps made.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// The moments, as tensors `KEY.first` and `KEY.second`.
    pub fn to_weights(&self) -> Result<Weights> {
        let mut weights = Weights::new();
        for (key, (first, second)) in &self.moments {
            for (moment, tensor) in [("first", first), ("second", second)] {
                let host = HostTensor { shape: tensor.dims().to_vec(), data: tensor.to_f32()? };
                weights.insert(format!("{key}.{moment}"), host);
            }
        }
        Ok(weights)
    }

    /// Continues from saved moments after `step` steps.
    ///
    /// # Errors
    /// [`Error::Checkpoint`](crate::Error::Checkpoint) lists moments that are missing, left over or of a different shape.
    pub fn restore(&mut self, backend: &B, params: &Params<B>, moments: &Checkpoint, step: u64) -> Result<()> {
        let dims =
            |moment: &'static str| move |p: &Param<B>| (format!("{}.{moment}", p.key()), p.value().dims().to_vec());
        let expected: Vec<_> = ["first", "second"].into_iter().flat_map(|m| params.trained().map(dims(m))).collect();
        moments.match_keys(&expected)?;
        let tensor = |key: &str, moment| {
            let host = &moments.weights[&format!("{key}.{moment}")];
            Tensor::from_f32(backend, &host.shape[..], &host.data)
        };
        let moment = |key: &str| Ok((key.to_owned(), (tensor(key, "first")?, tensor(key, "second")?)));
        self.moments = params.trained().map(|param| moment(param.key())).collect::<Result<_>>()?;
        self.step = step;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use asap_tensor::Reference;

    use super::*;
    use crate::nn::{Blank, Conv2d, ConvOptions};

    #[test]
    fn each_parameter_has_its_rate() {
        let backend = Reference::<f64>::new();
        let (mut params, _) = Params::build(&backend, &mut Blank, |mut b| {
            let options = ConvOptions::new(1, 1, 1).bias(false);
            Conv2d::new(b.at("plain"), options)?;
            let mut slow = b.at("slow").with_rate(0.25);
            Conv2d::new(slow.at("inner"), options)
        })
        .unwrap();
        let before = params.to_weights().unwrap();
        let ones = || Tensor::full(&backend, [1, 1, 1, 1], 1.0).unwrap();
        let gradients = params.iter().map(|param| (param.key().to_owned(), ones())).collect();
        // Adam's first step is as long as the learning rate.
        Adam::new(0.5, 0.999).step(&mut params, &gradients, &ones(), 0.5).unwrap();
        let after = params.to_weights().unwrap();
        for (key, expected) in [("plain.weight", 0.5), ("slow.inner.weight", 0.125)] {
            let moved = f64::from(before[key].data[0]) - f64::from(after[key].data[0]);
            assert!((moved - expected).abs() < 1e-6, "{key}: {moved}");
        }
    }
}

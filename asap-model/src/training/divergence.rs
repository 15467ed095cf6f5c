//! Finds where a training step stopped being finite.

use std::collections::BTreeMap;

use asap_tensor::ops::{cat, sum};
use asap_tensor::{Backend, Tensor};

use crate::Result;
use crate::nn::Params;

/// What is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Watched {
    /// The loss of that name.
    Loss(&'static str),
    /// The gradient of the parameter of that key; its sum is finite only if every value is.
    Gradient(String),
}

/// The values of a step that must be finite. They stay on the device until the step is over, so that the host does not
/// wait in the middle of it.
#[derive(Debug)]
pub(crate) struct Watch<B: Backend> {
    what: Vec<Watched>,
    /// One value each, in pieces (K).
    values: Vec<Tensor<B>>,
}

impl<B: Backend> Watch<B> {
    pub(crate) fn new() -> Self {
        Watch { what: Vec::new(), values: Vec::new() }
    }

    pub(crate) fn loss(&mut self, name: &'static str, loss: &Tensor<B>) -> Result<()> {
        self.what.push(Watched::Loss(name));
        self.values.push(loss.reshape([1])?);
        Ok(())
    }

    /// Watches every gradient, those nearest to the loss first: from there, values that are not finite flow back.
    pub(crate) fn gradients(&mut self, params: &Params<B>, gradients: &BTreeMap<String, Tensor<B>>) -> Result<()> {
        for param in params.iter().rev() {
            if let Some(gradient) = gradients.get(param.key()) {
                self.what.push(Watched::Gradient(param.key().to_owned()));
                self.values.push(sum(gradient)?.reshape([1])?);
            }
        }
        Ok(())
    }

    fn joined(&self) -> Result<Tensor<B>> {
        Ok(cat(&self.values.iter().collect::<Vec<_>>(), 0)?)
    }

    /// A value, (), that is finite only if everything watched so far is.
    pub(crate) fn guard(&mut self) -> Result<Tensor<B>> {
        let joined = self.joined()?;
        self.values = vec![joined.clone()];
        Ok(sum(&joined)?)
    }

    /// Everything watched, in order. Here the host waits for the device.
    pub(crate) fn read(self) -> Result<Vec<(Watched, f64)>> {
        let values = self.joined()?.to_f64()?;
        Ok(self.what.into_iter().zip(values).collect())
    }
}

//! Where a number stopped being finite.

use std::collections::BTreeMap;

use asap_autograd::Var;
use asap_tensor::ops::{cat, sum};
use asap_tensor::{Backend, Tensor};

use crate::Result;
use crate::network::Network;

/// What must be finite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Watched {
    /// The loss of that name.
    Loss(&'static str),
    /// The gradient of the parameter of that name, all of which its sum shows to be finite.
    Gradient(String),
}

/// The numbers of a round that must be finite. They stay on the device until the round is over, so that the host does
/// not have to wait in the middle of it.
#[derive(Debug)]
pub(crate) struct Watch<B: Backend> {
    what: Vec<Watched>,
    /// One number each, in pieces (K).
    numbers: Vec<Tensor<B>>,
}

impl<B: Backend> Watch<B> {
    pub(crate) fn new() -> Self {
        Watch { what: Vec::new(), numbers: Vec::new() }
    }

    pub(crate) fn loss(&mut self, name: &'static str, loss: &Tensor<B>) -> Result<()> {
        self.what.push(Watched::Loss(name));
        self.numbers.push(loss.reshape([1])?);
        Ok(())
    }

    /// Watches every gradient, those nearest to the loss first: what is not finite there flows back into all before it.
    pub(crate) fn gradients(
        &mut self,
        network: &impl Network<B>,
        gradients: &BTreeMap<String, Tensor<B>>,
    ) -> Result<()> {
        for parameter in network.parameters().into_iter().rev() {
            if let Some(gradient) = gradients.get(parameter.name()) {
                self.what.push(Watched::Gradient(parameter.name().to_owned()));
                self.numbers.push(sum(gradient)?.reshape([1])?);
            }
        }
        Ok(())
    }

    fn joined(&self) -> Result<Tensor<B>> {
        Ok(cat(&self.numbers.iter().collect::<Vec<_>>(), 0)?)
    }

    /// One number, (), that is finite only if all that is watched so far is.
    pub(crate) fn guard(&mut self) -> Result<Tensor<B>> {
        let joined = self.joined()?;
        self.numbers = vec![joined.clone()];
        Ok(sum(&joined)?)
    }

    /// All that is watched, in the order of the round. This is where the host waits for the device.
    pub(crate) fn read(self) -> Result<Vec<(Watched, f64)>> {
        let numbers = self.joined()?.to_f64()?;
        Ok(self.what.into_iter().zip(numbers).collect())
    }
}

/// Whether every number is finite.
pub(crate) fn is_finite<B: Backend>(x: &Var<B>) -> Result<bool> {
    Ok(sum(x.value())?.item()?.is_finite())
}

//! Finds where a training step stopped being finite.

use std::collections::BTreeMap;

use asap_autograd::Var;
use asap_tensor::ops::{cat, sum};
use asap_tensor::{Backend, Tensor};

use super::losses::Losses;
use super::stats::Stats;
use crate::networks::{Discriminator, Generator, Vgg19};
use crate::nn::{ForwardContext, Input, Params, is_finite};
use crate::{Error, Result};

/// What is watched.
#[derive(Debug)]
enum Watched {
    /// The loss of that name.
    Loss(&'static str),
    /// The quantity of that name.
    Stat(&'static str),
    /// The gradient of the parameter of that key; its sum is finite only if every value is.
    Gradient(String),
}

/// The values of a step that must be finite. They stay on the device until the step is over, so that the host does not
/// wait in the middle of it.
#[derive(Debug)]
pub(super) struct Watch<B: Backend> {
    what: Vec<Watched>,
    /// One value each, in pieces (K).
    values: Vec<Tensor<B>>,
}

impl<B: Backend> Watch<B> {
    pub fn new() -> Self {
        Watch { what: Vec::new(), values: Vec::new() }
    }

    pub fn loss(&mut self, name: &'static str, loss: &Tensor<B>) -> Result<()> {
        self.what.push(Watched::Loss(name));
        self.values.push(loss.reshape([1])?);
        Ok(())
    }

    /// A quantity, ().
    pub fn stat(&mut self, name: &'static str, value: &Tensor<B>) -> Result<()> {
        self.what.push(Watched::Stat(name));
        self.values.push(value.reshape([1])?);
        Ok(())
    }

    /// Watches every gradient, those nearest to the loss first: from there, values that are not finite flow back.
    pub fn gradients(&mut self, params: &Params<B>, gradients: &BTreeMap<String, Tensor<B>>) -> Result<()> {
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
    pub fn guard(&mut self) -> Result<Tensor<B>> {
        let joined = self.joined()?;
        self.values = vec![joined.clone()];
        Ok(sum(&joined)?)
    }

    /// The losses of the step, and what else it measured; of several updates of a network, the last. Here the host waits for the device.
    ///
    /// # Errors
    /// [`Error::Diverged`] names the first value that is not finite; `first_layer` finds the layer that a loss has it from.
    pub fn finish(self, step: u64, first_layer: impl FnOnce() -> Result<Option<String>>) -> Result<(Losses, Stats)> {
        let values = self.joined()?.to_f64()?;
        let (mut losses, mut stats) = (Losses::default(), Stats::default());
        for (what, value) in self.what.into_iter().zip(values) {
            match what {
                Watched::Loss(name) if value.is_finite() => set(&mut losses.0, name, value),
                Watched::Stat(name) if value.is_finite() => set(&mut stats.0, name, value),
                Watched::Gradient(_) if value.is_finite() => {}
                Watched::Stat(name) => {
                    return Err(Error::Diverged {
                        step,
                        what: format!("the {}", name.replace('_', " ")),
                        value,
                        layer: None,
                    });
                }
                Watched::Loss(name) => {
                    return Err(Error::Diverged {
                        step,
                        what: format!("the loss {name}"),
                        value,
                        layer: first_layer()?,
                    });
                }
                Watched::Gradient(key) => {
                    let what = format!("the sum of the gradient of {key}");
                    return Err(Error::Diverged { step, what, value, layer: None });
                }
            }
        }
        Ok((losses, stats))
    }
}

/// Adds a named value, or replaces the one of that name.
fn set(values: &mut Vec<(&'static str, f64)>, name: &'static str, value: f64) {
    match values.iter_mut().find(|(known, _)| *known == name) {
        Some((_, known)) => *known = value,
        None => values.push((name, value)),
    }
}

/// Reruns the forward passes of a step to find the first layer whose output is not finite; `None` if all are, and only a
/// sum over them overflows.
pub(super) fn first_not_finite<B: Backend>(
    generator: &Generator<B>,
    discriminator: &Discriminator<B>,
    vgg: Option<&Vgg19<B>>,
    input: &Input<B>,
    real: &Var<B>,
) -> Result<Option<String>> {
    let ctx = ForwardContext::training_frozen(&generator.params).watching();
    let fake = generator.forward(&ctx, input)?;
    if let Some(layer) = ctx.first_not_finite() {
        return Ok(Some(layer));
    }
    let ctx = ForwardContext::training_frozen(&discriminator.params).watching();
    for image in [&fake, real] {
        discriminator.features(&ctx, input, image)?;
    }
    if let Some(layer) = ctx.first_not_finite() {
        return Ok(Some(layer));
    }
    for image in [&fake, real] {
        let features = vgg.map(|vgg| vgg.features(image)).transpose()?.unwrap_or_default();
        for (feature, block) in features.iter().zip(1..) {
            if !is_finite(feature)? {
                return Ok(Some(format!("vgg.block{block}")));
            }
        }
    }
    Ok(None)
}

//! How parameters meet a tape, and how layers behave in training.

use std::cell::RefCell;
use std::collections::BTreeMap;

use asap_autograd::{Gradients, Tape, Var, vjp};
use asap_tensor::random::stream;
use asap_tensor::{Backend, Tensor};
use rand::RngExt;

use super::Parameter;
use crate::Result;
use crate::divergence::is_finite;

/// The part of the numbers that dropout leaves out (published code).
const DROPPED: f64 = 0.5;

/// One pass of a network: whether its parameters are leaves of a tape, whose gradients are wanted, or constants; and whether
/// its layers behave as in training or as in evaluation.
///
/// In training, batch norm uses the batch's own statistics, spectral norm makes a power iteration and dropout leaves
/// numbers out. What the running statistics and the vectors become is gathered here ([`Binding::buffers`]); the network
/// itself does not change in a pass. Layers without such state are the same in both.
pub struct Binding<B: Backend> {
    tape: Option<Tape<B>>,
    leaves: RefCell<BTreeMap<String, Var<B>>>,
    /// In training, the new numbers of buffers, by name.
    buffers: Option<RefCell<BTreeMap<String, Tensor<B>>>>,
    /// Seed and name of what dropout leaves out, where anything.
    dropout: Option<(u64, String)>,
    /// The first layer whose output is not finite, where that is watched for.
    watch: Option<RefCell<Option<String>>>,
}

impl<B: Backend> Binding<B> {
    /// Parameters are constants, layers as in evaluation: inference, and a network that is looked through.
    pub fn frozen() -> Self {
        Binding { tape: None, leaves: RefCell::default(), buffers: None, dropout: None, watch: None }
    }

    /// Parameters are constants, layers as in training: a fake that discriminators learn from.
    pub fn in_training() -> Self {
        Binding { buffers: Some(RefCell::default()), ..Self::frozen() }
    }

    /// Parameters are leaves of `tape`, layers as in training.
    pub fn training(tape: &Tape<B>) -> Self {
        Binding { tape: Some(tape.clone()), ..Self::in_training() }
    }

    /// As [`Binding::in_training`], looking at every layer's output for numbers that are not finite.
    pub fn watching() -> Self {
        Binding { watch: Some(RefCell::default()), ..Self::in_training() }
    }

    /// The same, with dropout in the layers that have it: what is left out depends on the seed, the name of the pass and
    /// the layer.
    pub fn with_dropout(self, seed: u64, pass: impl Into<String>) -> Self {
        Binding { dropout: Some((seed, pass.into())), ..self }
    }

    /// Whether layers behave as in training.
    pub fn is_training(&self) -> bool {
        self.buffers.is_some()
    }

    /// Each layer passes what it puts out through here, under its name.
    ///
    /// # Errors
    /// If the device fails.
    pub fn output(&self, layer: &str, y: Var<B>) -> Result<Var<B>> {
        if let Some(first) = &self.watch
            && first.borrow().is_none()
            && !is_finite(&y)?
        {
            first.replace(Some(layer.to_owned()));
        }
        Ok(y)
    }

    /// The first layer that put out a number that is not finite, of a [`Binding::watching`].
    pub fn first_not_finite(&self) -> Option<String> {
        self.watch.as_ref()?.borrow().clone()
    }

    /// The parameter as a variable; the same one each time.
    pub fn var(&self, parameter: &Parameter<B>) -> Var<B> {
        let Some(tape) = &self.tape else { return Var::constant(parameter.value().clone()) };
        let mut leaves = self.leaves.borrow_mut();
        leaves.entry(parameter.name().to_owned()).or_insert_with(|| tape.leaf(parameter.value().clone())).clone()
    }

    /// In training, half of the layer's numbers set to 0 and the others doubled, so that their mean stays as it is.
    ///
    /// # Errors
    /// If the device fails.
    pub fn dropout(&self, layer: &str, y: Var<B>) -> Result<Var<B>> {
        let Some((seed, pass)) = self.dropout.as_ref().filter(|_| self.is_training()) else { return Ok(y) };
        let backend = y.value().backend();
        let factors = if backend.holds_values() {
            let mut rng = stream(*seed, &format!("dropout.{pass}.{layer}"));
            let kept = (1.0 / (1.0 - DROPPED)) as f32;
            let factors = (0..y.value().count()).map(|_| if rng.random_bool(DROPPED) { 0.0 } else { kept });
            Tensor::from_f32(backend, y.shape(), &factors.collect::<Vec<f32>>())?
        } else {
            Tensor::zeros(backend, y.shape())?
        };
        Ok(vjp::mul(&y, &Var::constant(factors))?)
    }

    /// What a buffer holds by now: its number of this pass, or else the network's.
    pub(crate) fn buffer(&self, parameter: &Parameter<B>) -> Tensor<B> {
        let gathered = self.buffers.as_ref().and_then(|buffers| buffers.borrow().get(parameter.name()).cloned());
        gathered.unwrap_or_else(|| parameter.value().clone())
    }

    /// Gathers what a buffer becomes, in training.
    pub(crate) fn set_buffer(&self, parameter: &Parameter<B>, value: Tensor<B>) {
        if let Some(buffers) = &self.buffers {
            buffers.borrow_mut().insert(parameter.name().to_owned(), value);
        }
    }

    /// What the buffers became in this pass, by name: for [`Network::set_numbers`](super::Network::set_numbers).
    pub fn buffers(&self) -> BTreeMap<String, Tensor<B>> {
        self.buffers.as_ref().map(|buffers| buffers.borrow().clone()).unwrap_or_default()
    }

    /// The gradient of every parameter that was used and has one, by name. Ends the binding, so that nothing shares
    /// the parameters' numbers any more and Adam updates them in place.
    pub fn into_gradients(self, gradients: &Gradients<B>) -> BTreeMap<String, Tensor<B>> {
        let leaves = self.leaves.into_inner();
        leaves.into_iter().filter_map(|(name, leaf)| Some((name, gradients.of(&leaf)?.clone()))).collect()
    }
}

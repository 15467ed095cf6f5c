//! How parameters meet a tape.

use std::cell::RefCell;
use std::collections::BTreeMap;

use asap_autograd::{Gradients, Tape, Var};
use asap_tensor::{Backend, Tensor};

use super::Parameter;
use crate::Result;
use crate::divergence::is_finite;

/// Turns parameters into variables for one pass: leaves of a tape when their gradients are wanted, constants otherwise.
pub struct Binding<B: Backend> {
    tape: Option<Tape<B>>,
    leaves: RefCell<BTreeMap<String, Var<B>>>,
    /// The first layer whose output is not finite, where that is watched for.
    watch: Option<RefCell<Option<String>>>,
}

impl<B: Backend> Binding<B> {
    /// Parameters are constants: inference, and a network that is looked through but not trained.
    pub fn frozen() -> Self {
        Binding { tape: None, leaves: RefCell::default(), watch: None }
    }

    /// Parameters are leaves of `tape`.
    pub fn training(tape: &Tape<B>) -> Self {
        Binding { tape: Some(tape.clone()), leaves: RefCell::default(), watch: None }
    }

    /// As [`Binding::frozen`], looking at every layer's output for numbers that are not finite.
    pub fn watching() -> Self {
        Binding { watch: Some(RefCell::default()), ..Self::frozen() }
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

    /// The gradient of every parameter that was used and has one, by name. Ends the binding, so that nothing shares
    /// the parameters' numbers any more and Adam updates them in place.
    pub fn into_gradients(self, gradients: &Gradients<B>) -> BTreeMap<String, Tensor<B>> {
        let leaves = self.leaves.into_inner();
        leaves.into_iter().filter_map(|(name, leaf)| Some((name, gradients.of(&leaf)?.clone()))).collect()
    }
}

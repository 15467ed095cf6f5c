//! How parameters meet a tape.

use std::cell::RefCell;
use std::collections::BTreeMap;

use asap_autograd::{Gradients, Tape, Var};
use asap_tensor::{Backend, Tensor};

use super::Parameter;

/// Turns parameters into variables for one pass: leaves of a tape when their gradients are wanted, constants otherwise.
pub struct Binding<B: Backend> {
    tape: Option<Tape<B>>,
    leaves: RefCell<BTreeMap<String, Var<B>>>,
}

impl<B: Backend> Binding<B> {
    /// Parameters are constants: inference, and a network that is looked through but not trained.
    pub fn frozen() -> Self {
        Binding { tape: None, leaves: RefCell::default() }
    }

    /// Parameters are leaves of `tape`.
    pub fn training(tape: &Tape<B>) -> Self {
        Binding { tape: Some(tape.clone()), leaves: RefCell::default() }
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

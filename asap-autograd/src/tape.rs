//! The tape: a list of what was computed, walked backwards to get gradients.
//!
//! A [`Var`] is a tensor that may stand on a tape. An op on variables computes its value at once and, if any of them
//! stands on a tape, records a closure there that turns the gradient in its output into gradients in its inputs.
//! [`Tape::backward`] calls the closures from last to first. Variables on no tape are constants: the same code then
//! records nothing and keeps nothing alive.

use std::cell::RefCell;
use std::rc::Rc;

use asap_tensor::ops::add;
use asap_tensor::{Backend, Error, Result, Shape, Tensor};

/// What an op leaves on the tape: the gradient in its output, and which inputs want theirs, give the gradients in its
/// inputs, in order.
type Backward<B> = Box<dyn FnOnce(&Tensor<B>, &[bool]) -> Result<Vec<Option<Tensor<B>>>>>;

struct Entry<B: Backend> {
    /// Where each input stands on the tape; `None` for constants.
    inputs: Vec<Option<usize>>,
    /// `None` for leaves.
    backward: Option<Backward<B>>,
}

/// A record of ops, first order only. Cloning shares it.
pub struct Tape<B: Backend> {
    entries: Rc<RefCell<Vec<Entry<B>>>>,
}

impl<B: Backend> Clone for Tape<B> {
    fn clone(&self) -> Self {
        Tape { entries: Rc::clone(&self.entries) }
    }
}

impl<B: Backend> Default for Tape<B> {
    fn default() -> Self {
        Self::new()
    }
}

impl<B: Backend> Tape<B> {
    /// An empty tape.
    pub fn new() -> Self {
        Tape { entries: Rc::new(RefCell::new(Vec::new())) }
    }

    /// A variable whose gradient is wanted.
    pub fn leaf(&self, value: Tensor<B>) -> Var<B> {
        let node = self.push(Entry { inputs: Vec::new(), backward: None });
        Var { value, node: Some(node) }
    }

    fn push(&self, entry: Entry<B>) -> Node<B> {
        let mut entries = self.entries.borrow_mut();
        entries.push(entry);
        Node { tape: self.clone(), index: entries.len() - 1 }
    }

    /// The gradients of `loss`, one number, in every leaf. The tape is empty afterwards, and variables that still refer
    /// to it are refused by the next call.
    ///
    /// # Errors
    /// If `loss` is not one number or does not stand on this tape, or a kernel fails.
    pub fn backward(&self, loss: &Var<B>) -> Result<Gradients<B>> {
        let one = Tensor::full(loss.value.backend(), loss.shape(), 1.0)?;
        if loss.value.count() != 1 {
            let why = format!("the loss must be one number, not of shape {}", loss.shape());
            return Err(Error::Argument { op: "backward", why });
        }
        self.backward_from(&[(loss, one)])
    }

    /// The gradients in every leaf of Σ ⟨vᵢ, gᵢ⟩ over variables and the given gradients in them.
    ///
    /// # Errors
    /// If a variable does not stand on this tape, a gradient has another shape than its variable, or a kernel fails.
    pub fn backward_from(&self, outputs: &[(&Var<B>, Tensor<B>)]) -> Result<Gradients<B>> {
        let entries = self.entries.take();
        let mut grads: Vec<Option<Tensor<B>>> = entries.iter().map(|_| None).collect();
        for (var, grad) in outputs {
            let index = var.index_on(self).filter(|&index| index < entries.len()).ok_or_else(|| Error::Argument {
                op: "backward",
                why: "the variable does not stand on this tape".into(),
            })?;
            if var.shape() != grad.shape() {
                let why = "the gradient must have the variable's shape, the first".into();
                return Err(Error::Shapes { op: "backward", left: var.shape(), right: grad.shape(), why });
            }
            accumulate(&mut grads[index], grad.clone())?;
        }
        for (index, entry) in entries.into_iter().enumerate().rev() {
            let Some(backward) = entry.backward else { continue };
            let Some(grad) = grads[index].take() else { continue };
            let wants: Vec<bool> = entry.inputs.iter().map(Option::is_some).collect();
            for (input, grad) in entry.inputs.iter().zip(backward(&grad, &wants)?) {
                if let (Some(input), Some(grad)) = (input, grad) {
                    accumulate(&mut grads[*input], grad)?;
                }
            }
        }
        Ok(Gradients { tape: self.clone(), grads })
    }
}

fn accumulate<B: Backend>(slot: &mut Option<Tensor<B>>, grad: Tensor<B>) -> Result<()> {
    *slot = Some(match slot.take() {
        None => grad,
        Some(sum) => add(&sum, &grad)?,
    });
    Ok(())
}

struct Node<B: Backend> {
    tape: Tape<B>,
    index: usize,
}

impl<B: Backend> Clone for Node<B> {
    fn clone(&self) -> Self {
        Node { tape: self.tape.clone(), index: self.index }
    }
}

/// A tensor, and where it stands on a tape, if it does. Cloning shares both.
#[derive(Clone)]
pub struct Var<B: Backend> {
    value: Tensor<B>,
    node: Option<Node<B>>,
}

impl<B: Backend> Var<B> {
    /// A variable on no tape: nothing flows back into it.
    pub fn constant(value: Tensor<B>) -> Self {
        Var { value, node: None }
    }

    /// The result of an op on `inputs`. If any of them stands on a tape, `backward` is recorded there: given the
    /// gradient in the output and which inputs want theirs, it returns one gradient, or `None`, for each input.
    ///
    /// # Errors
    /// If inputs stand on different tapes.
    pub fn record(
        value: Tensor<B>,
        inputs: &[&Var<B>],
        backward: impl FnOnce(&Tensor<B>, &[bool]) -> Result<Vec<Option<Tensor<B>>>> + 'static,
    ) -> Result<Self> {
        let Some(tape) = inputs.iter().find_map(|input| input.node.as_ref()).map(|node| node.tape.clone()) else {
            return Ok(Var::constant(value));
        };
        let on_tape = |input: &&Var<B>| match (&input.node, input.index_on(&tape)) {
            (Some(_), None) => Err(Error::Argument { op: "record", why: "the inputs stand on different tapes".into() }),
            (_, index) => Ok(index),
        };
        let inputs = inputs.iter().map(on_tape).collect::<Result<_>>()?;
        let node = tape.push(Entry { inputs, backward: Some(Box::new(backward)) });
        Ok(Var { value, node: Some(node) })
    }

    /// The tensor.
    pub fn value(&self) -> &Tensor<B> {
        &self.value
    }

    /// The tensor's shape.
    pub fn shape(&self) -> Shape {
        self.value.shape()
    }

    /// The same tensor as a constant: nothing flows back through it.
    pub fn detach(&self) -> Self {
        Var::constant(self.value.clone())
    }

    /// Whether gradients flow into this variable.
    pub fn is_recorded(&self) -> bool {
        self.node.is_some()
    }

    fn index_on(&self, tape: &Tape<B>) -> Option<usize> {
        let node = self.node.as_ref()?;
        Rc::ptr_eq(&node.tape.entries, &tape.entries).then_some(node.index)
    }
}

/// What [`Tape::backward`] found.
pub struct Gradients<B: Backend> {
    tape: Tape<B>,
    grads: Vec<Option<Tensor<B>>>,
}

impl<B: Backend> Gradients<B> {
    /// The gradient in a leaf, or `None` if the loss does not depend on it.
    pub fn of(&self, leaf: &Var<B>) -> Option<&Tensor<B>> {
        self.grads.get(leaf.index_on(&self.tape)?)?.as_ref()
    }
}

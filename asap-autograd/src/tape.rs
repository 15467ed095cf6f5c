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
    /// The shape of the variable, which its gradient must have.
    shape: Shape,
    /// Where each input stands on the tape; `None` for constants.
    inputs: Vec<Option<usize>>,
    /// `None` for leaves.
    backward: Option<Backward<B>>,
}

struct Record<B: Backend> {
    entries: Vec<Entry<B>>,
    /// How often the tape was emptied: a variable from before must not be taken for a later one at its place.
    round: usize,
}

/// A record of ops, first order only. Cloning shares it.
pub struct Tape<B: Backend> {
    record: Rc<RefCell<Record<B>>>,
}

impl<B: Backend> Clone for Tape<B> {
    fn clone(&self) -> Self {
        Tape { record: Rc::clone(&self.record) }
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
        Tape { record: Rc::new(RefCell::new(Record { entries: Vec::new(), round: 0 })) }
    }

    /// A variable whose gradient is wanted.
    pub fn leaf(&self, value: Tensor<B>) -> Var<B> {
        let node = self.push(Entry { shape: value.shape(), inputs: Vec::new(), backward: None });
        Var { value, node: Some(node) }
    }

    fn push(&self, entry: Entry<B>) -> Node<B> {
        let mut record = self.record.borrow_mut();
        record.entries.push(entry);
        Node { tape: self.clone(), round: record.round, index: record.entries.len() - 1 }
    }

    /// The gradients of `loss`, one number, in every leaf. The tape is empty afterwards and may be used again; variables
    /// that stood on it are refused from then on, though their values and gradients can still be read.
    ///
    /// # Errors
    /// If `loss` is not one number or does not stand on this tape, or a kernel fails.
    pub fn backward(&self, loss: &Var<B>) -> Result<Gradients<B>> {
        if loss.value.count() != 1 {
            let why = format!("the loss must be one number, not of shape {}", loss.shape());
            return Err(Error::Argument { op: "backward", why });
        }
        self.backward_from(&[(loss, Tensor::full(loss.value.backend(), loss.shape(), 1.0)?)])
    }

    /// The gradients in every leaf of Σ ⟨vᵢ, gᵢ⟩ over variables and the given gradients in them; see
    /// [`Tape::backward`].
    ///
    /// # Errors
    /// If a variable does not stand on this tape, a gradient has another shape than its variable, or a kernel fails.
    pub fn backward_from(&self, outputs: &[(&Var<B>, Tensor<B>)]) -> Result<Gradients<B>> {
        let round = self.record.borrow().round;
        let place = |(var, grad): &(&Var<B>, Tensor<B>)| {
            let index = var.index_in(self, round).ok_or_else(|| Error::Argument {
                op: "backward",
                why: "the variable does not stand on this tape, or stood on it before it was emptied".into(),
            })?;
            check_shape(var.shape(), grad)?;
            Ok((index, grad.clone()))
        };
        let outputs = outputs.iter().map(place).collect::<Result<Vec<_>>>()?;
        let entries = {
            let mut record = self.record.borrow_mut();
            record.round += 1;
            std::mem::take(&mut record.entries)
        };
        let shapes: Vec<Shape> = entries.iter().map(|entry| entry.shape).collect();
        let mut grads: Vec<Option<Tensor<B>>> = vec![None; entries.len()];
        for (index, grad) in outputs {
            accumulate(&mut grads[index], shapes[index], grad)?;
        }
        // Each closure is used up as it is called, which releases what its op kept.
        for (index, entry) in entries.into_iter().enumerate().rev() {
            let Some(backward) = entry.backward else { continue };
            let Some(grad) = grads[index].take() else { continue };
            let wants: Vec<bool> = entry.inputs.iter().map(Option::is_some).collect();
            for (input, grad) in entry.inputs.iter().zip(backward(&grad, &wants)?) {
                if let (Some(input), Some(grad)) = (input, grad) {
                    accumulate(&mut grads[*input], shapes[*input], grad)?;
                }
            }
        }
        Ok(Gradients { tape: self.clone(), round, grads })
    }
}

/// Adds a gradient to what has already flowed into a variable of that shape.
fn accumulate<B: Backend>(slot: &mut Option<Tensor<B>>, shape: Shape, grad: Tensor<B>) -> Result<()> {
    check_shape(shape, &grad)?;
    *slot = Some(match slot.take() {
        None => grad,
        Some(sum) => add(&sum, &grad)?,
    });
    Ok(())
}

fn check_shape<B: Backend>(shape: Shape, grad: &Tensor<B>) -> Result<()> {
    if grad.shape() == shape {
        return Ok(());
    }
    let why = "the gradient, the second, must have the shape of its variable".into();
    Err(Error::Shapes { op: "backward", left: shape.into(), right: grad.shape().into(), why })
}

/// A place on a tape, until the tape is emptied.
struct Node<B: Backend> {
    tape: Tape<B>,
    round: usize,
    index: usize,
}

impl<B: Backend> Clone for Node<B> {
    fn clone(&self) -> Self {
        Node { tape: self.tape.clone(), round: self.round, index: self.index }
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
    /// `backward` keeps alive what it captures: clones of tensors, which share their numbers, never variables.
    ///
    /// # Errors
    /// If inputs stand on different tapes, or on one that was emptied since.
    pub fn record(
        value: Tensor<B>,
        inputs: &[&Var<B>],
        backward: impl FnOnce(&Tensor<B>, &[bool]) -> Result<Vec<Option<Tensor<B>>>> + 'static,
    ) -> Result<Self> {
        let Some(tape) = inputs.iter().find_map(|input| input.node.as_ref()).map(|node| node.tape.clone()) else {
            return Ok(Var::constant(value));
        };
        let round = tape.record.borrow().round;
        let shape = value.shape();
        let on_tape = |input: &&Var<B>| match (&input.node, input.index_in(&tape, round)) {
            (Some(_), None) => {
                let why = "the inputs stand on different tapes, or on one that backward has emptied since";
                Err(Error::Argument { op: "record", why: why.into() })
            }
            (_, index) => Ok(index),
        };
        let inputs = inputs.iter().map(on_tape).collect::<Result<_>>()?;
        let node = tape.push(Entry { shape, inputs, backward: Some(Box::new(backward)) });
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

    /// Where the variable stands on a tape, if it was put there in this round.
    fn index_in(&self, tape: &Tape<B>, round: usize) -> Option<usize> {
        let node = self.node.as_ref()?;
        (Rc::ptr_eq(&node.tape.record, &tape.record) && node.round == round).then_some(node.index)
    }
}

/// What [`Tape::backward`] found.
pub struct Gradients<B: Backend> {
    tape: Tape<B>,
    round: usize,
    grads: Vec<Option<Tensor<B>>>,
}

impl<B: Backend> Gradients<B> {
    /// The gradient in a leaf, or `None` if the loss does not depend on it.
    pub fn of(&self, leaf: &Var<B>) -> Option<&Tensor<B>> {
        self.grads.get(leaf.index_in(&self.tape, self.round)?)?.as_ref()
    }
}

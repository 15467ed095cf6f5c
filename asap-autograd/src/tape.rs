//! The tape: ops in the order they ran, replayed backwards to compute gradients.
//!
//! A [`Var`] is a tensor that may be recorded on a tape. An op computes its value at once and, if any input is on a
//! tape, records a closure that turns the gradient of its output into the gradients of its inputs. [`Tape::backward`]
//! calls the closures from last to first. Variables on no tape are constants: the same code then records nothing and
//! keeps nothing alive.

use std::cell::RefCell;
use std::rc::Rc;

use asap_tensor::ops::add;
use asap_tensor::{Backend, Error, Result, Shape, Tensor};

/// Maps the gradient of the output, and which inputs want a gradient, to the gradients of the inputs, in order.
type Backward<B> = Box<dyn FnOnce(&Tensor<B>, &[bool]) -> Result<Vec<Option<Tensor<B>>>>>;

struct Entry<B: Backend> {
    /// The shape of the variable and of its gradient.
    shape: Shape,
    /// The tape index of each input; `None` for constants.
    inputs: Vec<Option<usize>>,
    /// `None` for leaves.
    backward: Option<Backward<B>>,
}

struct Record<B: Backend> {
    entries: Vec<Entry<B>>,
    /// Counts backward passes, each of which empties the tape, so that an index from before one is never mistaken for
    /// an index from after it.
    generation: usize,
}

/// A recording of ops, first order only. Clones share it.
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
        Tape { record: Rc::new(RefCell::new(Record { entries: Vec::new(), generation: 0 })) }
    }

    /// A leaf: a variable that [`backward`](Tape::backward) computes the gradient of.
    pub fn leaf(&self, value: Tensor<B>) -> Var<B> {
        let node = self.push(Entry { shape: value.shape(), inputs: Vec::new(), backward: None });
        Var { value, node: Some(node) }
    }

    fn push(&self, entry: Entry<B>) -> Node<B> {
        let mut record = self.record.borrow_mut();
        record.entries.push(entry);
        Node { tape: self.clone(), generation: record.generation, index: record.entries.len() - 1 }
    }

    /// The backward pass: the gradients of `loss`, a single value on this tape, in every leaf.
    ///
    /// It empties the tape, which can then record again. Variables recorded before stay readable, but ops and further
    /// backward passes reject them.
    pub fn backward(&self, loss: &Var<B>) -> Result<Gradients<B>> {
        if loss.value.count() != 1 {
            let why = format!("the loss must have one element; its shape is {}", loss.shape());
            return Err(Error::Argument { op: "backward", why });
        }
        self.backward_from(&[(loss, Tensor::full(loss.value.backend(), loss.shape(), 1.0)?)])
    }

    /// The backward pass from several variables with given gradients: the gradients of Σ ⟨vᵢ, gᵢ⟩ with respect to
    /// every leaf. Empties the tape, as [`Tape::backward`] does.
    pub fn backward_from(&self, outputs: &[(&Var<B>, Tensor<B>)]) -> Result<Gradients<B>> {
        let generation = self.record.borrow().generation;
        let place = |(var, grad): &(&Var<B>, Tensor<B>)| {
            let index = var.index_in(self, generation).ok_or_else(|| Error::Argument {
                op: "backward",
                why: "the variable isn't on this tape, or a backward pass has emptied the tape since".into(),
            })?;
            check_shape(var.shape(), grad)?;
            Ok((index, grad.clone()))
        };
        let outputs = outputs.iter().map(place).collect::<Result<Vec<_>>>()?;
        let entries = {
            let mut record = self.record.borrow_mut();
            record.generation += 1;
            std::mem::take(&mut record.entries)
        };
        let shapes: Vec<Shape> = entries.iter().map(|entry| entry.shape).collect();
        let mut grads: Vec<Option<Tensor<B>>> = vec![None; entries.len()];
        for (index, grad) in outputs {
            accumulate(&mut grads[index], shapes[index], grad)?;
        }
        // Calling a closure consumes it, which frees what its op saved.
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
        Ok(Gradients { tape: self.clone(), generation, grads })
    }
}

/// Adds `grad` to the gradient that has already reached a variable of that shape.
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

/// A position on a tape, valid until a backward pass empties the tape.
struct Node<B: Backend> {
    tape: Tape<B>,
    generation: usize,
    index: usize,
}

impl<B: Backend> Clone for Node<B> {
    fn clone(&self) -> Self {
        Node { tape: self.tape.clone(), generation: self.generation, index: self.index }
    }
}

/// A tensor, and its position on a tape if it has one. Clones share both.
///
/// Every op is a method, defined in `src/rules`: `x.conv2d(..)`, `a.add(&b)`, `x.tanh()`.
#[derive(Clone)]
pub struct Var<B: Backend> {
    value: Tensor<B>,
    node: Option<Node<B>>,
}

impl<B: Backend> Var<B> {
    /// A variable on no tape: no gradient flows into it.
    pub fn constant(value: Tensor<B>) -> Self {
        Var { value, node: None }
    }

    /// The result of an op on `inputs`, with its gradient rule. An input can be an `Option`; `None` is a constant.
    ///
    /// If any input is on a tape, `backward` is recorded there. Given the gradient of the output and which inputs want
    /// a gradient, a single one always, it returns one gradient, or `None`, per input. It may capture tensors, whose
    /// clones share their memory, but no variables: these would keep their tape alive.
    ///
    /// # Errors
    /// If the inputs are on different tapes, or a backward pass has emptied their tape since.
    pub fn record<'a, const N: usize>(
        value: Tensor<B>,
        inputs: [impl Into<Option<&'a Var<B>>>; N],
        backward: impl FnOnce(&Tensor<B>, [bool; N]) -> Result<[Option<Tensor<B>>; N]> + 'static,
    ) -> Result<Self> {
        let backward = move |g: &Tensor<B>, wants: &[bool]| Ok(backward(g, std::array::from_fn(|i| wants[i]))?.into());
        Self::record_inputs(value, &inputs.map(Into::into), backward)
    }

    /// [`record`](Self::record) for an op whose number of inputs isn't known at compile time.
    pub fn record_many(
        value: Tensor<B>,
        inputs: &[&Var<B>],
        backward: impl FnOnce(&Tensor<B>, &[bool]) -> Result<Vec<Option<Tensor<B>>>> + 'static,
    ) -> Result<Self> {
        Self::record_inputs(value, &inputs.iter().copied().map(Some).collect::<Vec<_>>(), backward)
    }

    fn record_inputs(
        value: Tensor<B>,
        inputs: &[Option<&Var<B>>],
        backward: impl FnOnce(&Tensor<B>, &[bool]) -> Result<Vec<Option<Tensor<B>>>> + 'static,
    ) -> Result<Self> {
        let Some(tape) = inputs.iter().flatten().find_map(|input| Some(input.node.as_ref()?.tape.clone())) else {
            return Ok(Var::constant(value));
        };
        let generation = tape.record.borrow().generation;
        let shape = value.shape();
        let index = |input: &Option<&Var<B>>| {
            let Some(input) = input.filter(|input| input.is_recorded()) else { return Ok(None) };
            let index = input.index_in(&tape, generation).ok_or_else(|| Error::Argument {
                op: "record",
                why: "the inputs are on different tapes, or a backward pass has emptied their tape since".into(),
            })?;
            Ok(Some(index))
        };
        let inputs = inputs.iter().map(index).collect::<Result<_>>()?;
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

    /// The same tensor as a constant: no gradient flows through it.
    pub fn detach(&self) -> Self {
        Var::constant(self.value.clone())
    }

    /// Whether the variable is on a tape, so that gradients flow into it.
    pub fn is_recorded(&self) -> bool {
        self.node.is_some()
    }

    /// The variable's index on this tape, if it was recorded there in this generation.
    fn index_in(&self, tape: &Tape<B>, generation: usize) -> Option<usize> {
        let node = self.node.as_ref()?;
        (Rc::ptr_eq(&node.tape.record, &tape.record) && node.generation == generation).then_some(node.index)
    }
}

/// The result of [`Tape::backward`].
pub struct Gradients<B: Backend> {
    tape: Tape<B>,
    generation: usize,
    grads: Vec<Option<Tensor<B>>>,
}

impl<B: Backend> Gradients<B> {
    /// The gradient of a leaf. `None` if the loss doesn't depend on it, or if it is of another tape or was recorded before
    /// an earlier backward pass.
    pub fn of(&self, leaf: &Var<B>) -> Option<&Tensor<B>> {
        self.grads.get(leaf.index_in(&self.tape, self.generation)?)?.as_ref()
    }
}

//! Properties of the tape, whatever the op.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use asap_autograd::{Tape, Var};
use asap_tensor::ops::Conv2d;
use asap_tensor::{Profiler, Reference, Result, Storage, Tensor, ops};

type R = Reference<f64>;

fn values(values: &[f64]) -> Tensor<R> {
    Tensor::from_f64(&R::new(), [values.len()], values).unwrap()
}

/// x², with a rule that counts its calls.
fn square_counting(x: &Var<R>, calls: &Rc<Cell<usize>>) -> Result<Var<R>> {
    let saved = x.value().clone();
    let calls = Rc::clone(calls);
    Var::record(ops::mul(x.value(), x.value())?, [x], move |g, _| {
        calls.set(calls.get() + 1);
        let twice = ops::add(&saved, &saved)?;
        Ok([Some(ops::mul(g, &twice)?)])
    })
}

#[test]
fn gradients_of_a_reused_variable_add_up() -> Result<()> {
    let tape = Tape::new();
    let x = tape.leaf(values(&[2.0, -3.0]));
    // x² + 5x uses x three times.
    let y = x.mul(&x)?.add(&x.scale(5.0)?)?;
    let gradients = tape.backward(&y.sum()?)?;
    assert_eq!(gradients.of(&x).unwrap().to_f64()?, [9.0, -1.0]);
    Ok(())
}

#[test]
fn backward_visits_a_reused_variable_once() -> Result<()> {
    let tape = Tape::new();
    let calls = Rc::new(Cell::new(0));
    let x = tape.leaf(values(&[3.0]));
    let y = square_counting(&x, &calls)?;
    let gradients = tape.backward(&y.mul(&y)?.sum()?)?;
    // x⁴ → 4·x³.
    assert_eq!(gradients.of(&x).unwrap().to_f64()?, [108.0]);
    assert_eq!(calls.get(), 1);
    Ok(())
}

#[test]
fn constants_record_nothing_and_save_nothing() -> Result<()> {
    let x = Var::constant(values(&[1.0, 2.0]));
    let buffer = Arc::downgrade(x.value().buffer());
    let y = x.mul(&x)?.tanh()?;
    assert!(!y.is_recorded());
    assert_eq!(buffer.strong_count(), 1, "only x refers to its memory");
    drop(x);
    assert_eq!(buffer.strong_count(), 0, "y keeps its input alive");
    assert_eq!(y.value().count(), 2);
    Ok(())
}

#[test]
fn saved_tensors_live_until_backward() -> Result<()> {
    let tape = Tape::new();
    let x = tape.leaf(values(&[1.0, 2.0]));
    let (loss, buffer) = {
        let y = x.tanh()?;
        (y.mul(&y)?.sum()?, Arc::downgrade(y.value().buffer()))
    };
    assert!(buffer.strong_count() > 0, "the gradients of tanh and mul need y");
    let _gradients = tape.backward(&loss)?;
    assert_eq!(buffer.strong_count(), 0, "the tape keeps y alive after backward");
    Ok(())
}

#[test]
fn intermediate_gradients_are_freed_once_used() -> Result<()> {
    let tape = Tape::new();
    let x = tape.leaf(values(&[1.0, 2.0]));
    let y = x.tanh()?;
    let gradients = tape.backward(&y.sum()?)?;
    assert!(gradients.of(&x).is_some());
    assert!(gradients.of(&y).is_none(), "the intermediate gradients of a network would fill memory");
    Ok(())
}

#[test]
fn dropping_the_tape_and_its_variables_frees_saved_tensors() -> Result<()> {
    let tape = Tape::new();
    let x = tape.leaf(values(&[1.0, 2.0]));
    let y = x.tanh()?;
    let z = y.mul(&y)?;
    let buffer = Arc::downgrade(y.value().buffer());
    drop((tape, x, y));
    assert!(buffer.strong_count() > 0, "z refers to the tape");
    drop(z);
    assert_eq!(buffer.strong_count(), 0);
    Ok(())
}

#[test]
fn activations_do_not_save_their_input() -> Result<()> {
    let tape = Tape::new();
    let x = tape.leaf(values(&[1.0, -2.0]));
    for activation in [Var::tanh, Var::relu, |x: &Var<R>| x.leaky_relu(0.2)] {
        let before = x.affine(2.0, 0.5)?;
        let buffer = Arc::downgrade(before.value().buffer());
        let _after = activation(&before)?;
        drop(before);
        assert_eq!(buffer.strong_count(), 0);
    }
    Ok(())
}

#[test]
fn instance_norm_does_not_save_its_output_nor_a_frozen_conv2d_its_input() -> Result<()> {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::full(&R::new(), [1, 2, 4, 4], 0.5)?);
    let normalized = x.instance_norm(None, 1e-5, 0.2)?;
    let buffer = Arc::downgrade(normalized.value().buffer());
    let weight = Var::constant(Tensor::full(&R::new(), [1, 2, 3, 3], 0.5)?);
    let _y = normalized.conv2d(&weight, None, Conv2d::padded(1))?;
    drop(normalized);
    assert_eq!(buffer.strong_count(), 0);
    Ok(())
}

#[test]
fn detach_stops_gradients() -> Result<()> {
    let tape = Tape::new();
    let x = tape.leaf(values(&[3.0]));
    let y = x.mul(&x)?.detach();
    assert!(!y.is_recorded());
    let gradients = tape.backward(&x.mul(&y)?.sum()?)?;
    // x·9, not x³.
    assert_eq!(gradients.of(&x).unwrap().to_f64()?, [9.0]);
    Ok(())
}

#[test]
fn unused_leaves_have_no_gradient() -> Result<()> {
    let tape = Tape::new();
    let (x, unused) = (tape.leaf(values(&[3.0])), tape.leaf(values(&[4.0])));
    let aside = unused.mul(&x)?;
    let gradients = tape.backward(&x.sum()?)?;
    assert!(gradients.of(&x).is_some());
    assert!(gradients.of(&unused).is_none());
    assert!(gradients.of(&aside).is_none());
    assert!(gradients.of(&Var::constant(values(&[1.0]))).is_none());
    Ok(())
}

#[test]
fn constants_want_no_gradient() -> Result<()> {
    let tape = Tape::new();
    let (x, c) = (tape.leaf(values(&[3.0])), Var::constant(values(&[4.0])));
    let asked = Rc::new(Cell::new(None));
    let seen = Rc::clone(&asked);
    let y = Var::record(x.value().clone(), [&c, &x, &c], move |g, wants| {
        seen.set(Some(wants));
        Ok([None, Some(g.clone()), None])
    })?;
    tape.backward(&y)?;
    assert_eq!(asked.get(), Some([false, true, false]));
    Ok(())
}

#[test]
fn conv2d_skips_unwanted_gradients() -> Result<()> {
    let profiler = Profiler::new();
    let backend = R::new().with_profiler(profiler.clone());
    let full = |shape: &[usize]| Tensor::full(&backend, shape, 0.5);
    let tape = Tape::new();
    // A discriminator step: constant image, trainable weight.
    let (image, weight) = (Var::constant(full(&[1, 2, 4, 4])?), tape.leaf(full(&[3, 2, 3, 3])?));
    let loss = image.conv2d(&weight, None, Conv2d::padded(1))?.sum()?;
    assert!(tape.backward(&loss)?.of(&weight).is_some());
    // A generator step: the opposite.
    let (image, weight) = (tape.leaf(full(&[1, 2, 5, 5])?), Var::constant(full(&[3, 2, 3, 3])?));
    let loss = image.conv2d(&weight, None, Conv2d::padded(1))?.sum()?;
    assert!(tape.backward(&loss)?.of(&image).is_some());
    let gradients: Vec<_> =
        profiler.take().iter().map(|record| record.op).filter(|op| op.starts_with("conv2d_")).collect();
    assert_eq!(gradients, ["conv2d_grad_weight", "conv2d_grad_input"]);
    Ok(())
}

#[test]
fn rules_of_unused_outputs_do_not_run() -> Result<()> {
    let tape = Tape::new();
    let calls = Rc::new(Cell::new(0));
    let x = tape.leaf(values(&[3.0]));
    let _aside = square_counting(&x, &calls)?;
    tape.backward(&x.sum()?)?;
    assert_eq!(calls.get(), 0);
    Ok(())
}

#[test]
fn variables_of_different_tapes_are_rejected() {
    let (one, two) = (Tape::new(), Tape::new());
    let (x, y) = (one.leaf(values(&[1.0])), two.leaf(values(&[2.0])));
    assert!(rejection(x.add(&y)).contains("different tapes"));
    assert!(rejection(two.backward(&x)).contains("isn't on this tape"));
    assert!(rejection(one.backward(&Var::constant(values(&[1.0])))).contains("isn't on this tape"));
}

#[test]
fn backward_empties_the_tape_for_reuse() -> Result<()> {
    let tape = Tape::new();
    let x = tape.leaf(values(&[1.0]));
    let loss = x.sum()?;
    let first = tape.backward(&loss)?;
    // Takes the index that x had.
    let y = tape.leaf(values(&[2.0]));
    assert!(rejection(tape.backward(&loss)).contains("isn't on this tape"));
    assert!(rejection(y.add(&x)).contains("emptied"));
    let second = tape.backward(&y.mul(&y)?.sum()?)?;
    assert_eq!(second.of(&y).unwrap().to_f64()?, [4.0]);
    assert_eq!(first.of(&x).unwrap().to_f64()?, [1.0]);
    assert!(first.of(&y).is_none() && second.of(&x).is_none(), "each backward pass knows only its own variables");
    Ok(())
}

#[test]
fn a_rejected_backward_leaves_the_tape_unchanged() -> Result<()> {
    let tape = Tape::new();
    let x = tape.leaf(values(&[1.0, 2.0]));
    let y = x.mul(&x)?;
    assert!(rejection(tape.backward(&y)).contains("one element; its shape is (2)"));
    assert!(rejection(tape.backward_from(&[(&y, values(&[1.0]))])).contains("shape"));
    let gradients = tape.backward_from(&[(&y, values(&[1.0, 10.0]))])?;
    assert_eq!(gradients.of(&x).unwrap().to_f64()?, [2.0, 40.0]);
    Ok(())
}

#[test]
fn backward_from_several_outputs_adds_up() -> Result<()> {
    let tape = Tape::new();
    let x = tape.leaf(values(&[3.0]));
    let (y, z) = (x.mul(&x)?, x.scale(7.0)?);
    let gradients = tape.backward_from(&[(&y, values(&[1.0])), (&z, values(&[10.0])), (&x, values(&[0.5]))])?;
    assert_eq!(gradients.of(&x).unwrap().to_f64()?, [6.0 + 70.0 + 0.5]);
    Ok(())
}

fn rejection<T>(result: Result<T>) -> String {
    result.err().map(|e| e.to_string()).expect("must be rejected")
}

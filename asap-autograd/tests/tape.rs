//! What the tape promises, whatever the ops.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use asap_autograd::{Tape, Var, vjp};
use asap_tensor::{Profiler, Reference, Result, Storage, Tensor, ops};

type R = Reference<f64>;

fn numbers(values: &[f64]) -> Tensor<R> {
    Tensor::from_f64(&R::new(), [values.len()], values).unwrap()
}

/// x², written out so that the test sees what its closure is asked for.
fn square_counting(x: &Var<R>, calls: &Rc<Cell<usize>>) -> Result<Var<R>> {
    let saved = x.value().clone();
    let calls = Rc::clone(calls);
    Var::record(ops::mul(x.value(), x.value())?, &[x], move |g, _| {
        calls.set(calls.get() + 1);
        let twice = ops::add(&saved, &saved)?;
        Ok(vec![Some(ops::mul(g, &twice)?)])
    })
}

#[test]
fn a_variable_used_twice_gets_the_sum_of_its_gradients() -> Result<()> {
    let tape = Tape::new();
    let x = tape.leaf(numbers(&[2.0, -3.0]));
    // x² + 5x, x appearing three times.
    let y = vjp::add(&vjp::mul(&x, &x)?, &vjp::affine(&x, 5.0, 0.0)?)?;
    let gradients = tape.backward(&vjp::sum(&y)?)?;
    assert_eq!(gradients.of(&x).unwrap().to_f64()?, [9.0, -1.0]);
    Ok(())
}

#[test]
fn an_inner_variable_used_twice_is_walked_once() -> Result<()> {
    let tape = Tape::new();
    let calls = Rc::new(Cell::new(0));
    let x = tape.leaf(numbers(&[3.0]));
    let y = square_counting(&x, &calls)?;
    let gradients = tape.backward(&vjp::sum(&vjp::mul(&y, &y)?)?)?;
    // x⁴ → 4·x³.
    assert_eq!(gradients.of(&x).unwrap().to_f64()?, [108.0]);
    assert_eq!(calls.get(), 1);
    Ok(())
}

#[test]
fn constants_record_nothing_and_keep_nothing_alive() -> Result<()> {
    let x = Var::constant(numbers(&[1.0, 2.0]));
    let buffer = Arc::downgrade(x.value().buffer());
    let y = vjp::tanh(&vjp::mul(&x, &x)?)?;
    assert!(!y.is_recorded());
    assert_eq!(buffer.strong_count(), 1, "only x holds its numbers");
    drop(x);
    assert_eq!(buffer.strong_count(), 0, "y holds what it was made from");
    assert_eq!(y.value().count(), 2);
    Ok(())
}

#[test]
fn what_backward_needs_is_kept_until_then_and_no_longer() -> Result<()> {
    let tape = Tape::new();
    let x = tape.leaf(numbers(&[1.0, 2.0]));
    let (loss, buffer) = {
        let y = vjp::tanh(&x)?;
        (vjp::sum(&vjp::mul(&y, &y)?)?, Arc::downgrade(y.value().buffer()))
    };
    assert!(buffer.strong_count() > 0, "the gradients of tanh and mul need y");
    let _gradients = tape.backward(&loss)?;
    assert_eq!(buffer.strong_count(), 0, "the tape holds y after backward");
    Ok(())
}

#[test]
fn gradients_of_inner_variables_are_released_once_used() -> Result<()> {
    let tape = Tape::new();
    let x = tape.leaf(numbers(&[1.0, 2.0]));
    let y = vjp::tanh(&x)?;
    let gradients = tape.backward(&vjp::sum(&y)?)?;
    assert!(gradients.of(&x).is_some());
    assert!(gradients.of(&y).is_none(), "a network's inner gradients would fill the memory");
    Ok(())
}

#[test]
fn dropping_the_tape_and_its_variables_releases_what_they_recorded() -> Result<()> {
    let tape = Tape::new();
    let x = tape.leaf(numbers(&[1.0, 2.0]));
    let y = vjp::tanh(&x)?;
    let z = vjp::mul(&y, &y)?;
    let buffer = Arc::downgrade(y.value().buffer());
    drop((tape, x, y));
    assert!(buffer.strong_count() > 0, "z stands on the tape");
    drop(z);
    assert_eq!(buffer.strong_count(), 0);
    Ok(())
}

#[test]
fn an_activation_does_not_keep_its_input_alive() -> Result<()> {
    let tape = Tape::new();
    let x = tape.leaf(numbers(&[1.0, -2.0]));
    for activation in [vjp::tanh, vjp::relu, |x: &_| vjp::leaky_relu(x, 0.2)] {
        let before = vjp::affine(&x, 2.0, 0.5)?;
        let buffer = Arc::downgrade(before.value().buffer());
        let _after = activation(&before)?;
        drop(before);
        assert_eq!(buffer.strong_count(), 0);
    }
    Ok(())
}

#[test]
fn a_norm_does_not_keep_its_output_and_a_convolution_by_constants_not_its_input() -> Result<()> {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::full(&R::new(), [1, 2, 4, 4], 0.5)?);
    let normalised = vjp::instance_norm(&x, None, 1e-5, 0.2)?;
    let buffer = Arc::downgrade(normalised.value().buffer());
    let weight = Var::constant(Tensor::full(&R::new(), [1, 2, 3, 3], 0.5)?);
    let _y = vjp::conv2d(&normalised, &weight, None, 1, 1)?;
    drop(normalised);
    assert_eq!(buffer.strong_count(), 0);
    Ok(())
}

#[test]
fn detached_values_stop_gradients() -> Result<()> {
    let tape = Tape::new();
    let x = tape.leaf(numbers(&[3.0]));
    let y = vjp::mul(&x, &x)?.detach();
    assert!(!y.is_recorded());
    let gradients = tape.backward(&vjp::sum(&vjp::mul(&x, &y)?)?)?;
    // x·9, not x³.
    assert_eq!(gradients.of(&x).unwrap().to_f64()?, [9.0]);
    Ok(())
}

#[test]
fn a_leaf_that_the_loss_does_not_depend_on_has_no_gradient() -> Result<()> {
    let tape = Tape::new();
    let (x, unused) = (tape.leaf(numbers(&[3.0])), tape.leaf(numbers(&[4.0])));
    let aside = vjp::mul(&unused, &x)?;
    let gradients = tape.backward(&vjp::sum(&x)?)?;
    assert!(gradients.of(&x).is_some());
    assert!(gradients.of(&unused).is_none());
    assert!(gradients.of(&aside).is_none());
    assert!(gradients.of(&Var::constant(numbers(&[1.0]))).is_none());
    Ok(())
}

#[test]
fn gradients_of_constants_are_not_wanted() -> Result<()> {
    let tape = Tape::new();
    let (x, c) = (tape.leaf(numbers(&[3.0])), Var::constant(numbers(&[4.0])));
    let asked = Rc::new(Cell::new(None));
    let seen = Rc::clone(&asked);
    let y = Var::record(x.value().clone(), &[&c, &x, &c], move |g, wants| {
        seen.set(wants.try_into().ok());
        Ok(vec![None, Some(g.clone()), None])
    })?;
    tape.backward(&y)?;
    assert_eq!(asked.get(), Some([false, true, false]));
    Ok(())
}

#[test]
fn unwanted_gradients_are_not_computed() -> Result<()> {
    let profiler = Profiler::new();
    let backend = R::new().with_profiler(profiler.clone());
    let full = |shape: &[usize]| Tensor::full(&backend, shape, 0.5);
    let tape = Tape::new();
    // The images of a discriminator's own round are constants, its weights are not.
    let (image, weight) = (Var::constant(full(&[1, 2, 4, 4])?), tape.leaf(full(&[3, 2, 3, 3])?));
    let loss = vjp::sum(&vjp::conv2d(&image, &weight, None, 1, 1)?)?;
    assert!(tape.backward(&loss)?.of(&weight).is_some());
    // In the generator's round it is the other way about.
    let (image, weight) = (tape.leaf(full(&[1, 2, 5, 5])?), Var::constant(full(&[3, 2, 3, 3])?));
    let loss = vjp::sum(&vjp::conv2d(&image, &weight, None, 1, 1)?)?;
    assert!(tape.backward(&loss)?.of(&image).is_some());
    let gradients: Vec<_> =
        profiler.take().iter().map(|record| record.op).filter(|op| op.starts_with("conv2d_")).collect();
    assert_eq!(gradients, ["conv2d_grad_weight", "conv2d_grad_input"]);
    Ok(())
}

#[test]
fn nothing_flows_into_what_the_loss_does_not_depend_on() -> Result<()> {
    let tape = Tape::new();
    let calls = Rc::new(Cell::new(0));
    let x = tape.leaf(numbers(&[3.0]));
    let _aside = square_counting(&x, &calls)?;
    tape.backward(&vjp::sum(&x)?)?;
    assert_eq!(calls.get(), 0);
    Ok(())
}

#[test]
fn variables_of_different_tapes_are_refused() {
    let (one, two) = (Tape::new(), Tape::new());
    let (x, y) = (one.leaf(numbers(&[1.0])), two.leaf(numbers(&[2.0])));
    assert!(refusal(vjp::add(&x, &y)).contains("different tapes"));
    assert!(refusal(two.backward(&x)).contains("does not stand on this tape"));
    assert!(refusal(one.backward(&Var::constant(numbers(&[1.0])))).contains("does not stand on this tape"));
}

#[test]
fn variables_of_an_emptied_tape_are_refused_and_the_tape_serves_again() -> Result<()> {
    let tape = Tape::new();
    let x = tape.leaf(numbers(&[1.0]));
    let loss = vjp::sum(&x)?;
    let first = tape.backward(&loss)?;
    // Stands where x stood.
    let y = tape.leaf(numbers(&[2.0]));
    assert!(refusal(tape.backward(&loss)).contains("does not stand on this tape"));
    assert!(refusal(vjp::add(&y, &x)).contains("emptied"));
    let second = tape.backward(&vjp::sum(&vjp::mul(&y, &y)?)?)?;
    assert_eq!(second.of(&y).unwrap().to_f64()?, [4.0]);
    assert_eq!(first.of(&x).unwrap().to_f64()?, [1.0]);
    assert!(first.of(&y).is_none() && second.of(&x).is_none(), "gradients of one round are not those of another");
    Ok(())
}

#[test]
fn a_refused_backward_leaves_the_tape_as_it_was() -> Result<()> {
    let tape = Tape::new();
    let x = tape.leaf(numbers(&[1.0, 2.0]));
    let y = vjp::mul(&x, &x)?;
    assert!(refusal(tape.backward(&y)).contains("one number, not of shape (2)"));
    assert!(refusal(tape.backward_from(&[(&y, numbers(&[1.0]))])).contains("shape"));
    let gradients = tape.backward_from(&[(&y, numbers(&[1.0, 10.0]))])?;
    assert_eq!(gradients.of(&x).unwrap().to_f64()?, [2.0, 40.0]);
    Ok(())
}

#[test]
fn several_outputs_add_up() -> Result<()> {
    let tape = Tape::new();
    let x = tape.leaf(numbers(&[3.0]));
    let (y, z) = (vjp::mul(&x, &x)?, vjp::affine(&x, 7.0, 0.0)?);
    let gradients = tape.backward_from(&[(&y, numbers(&[1.0])), (&z, numbers(&[10.0])), (&x, numbers(&[0.5]))])?;
    assert_eq!(gradients.of(&x).unwrap().to_f64()?, [6.0 + 70.0 + 0.5]);
    Ok(())
}

fn refusal<T>(result: Result<T>) -> String {
    result.err().map(|e| e.to_string()).expect("it must be refused")
}

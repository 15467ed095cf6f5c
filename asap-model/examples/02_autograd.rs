//! Lesson 2: a gradient by hand, from the tape, and by finite differences.
//!
//! `cargo run --release -p asap-model --example 02_autograd`

use asap_autograd::check::{self, Mistake};
use asap_autograd::{Tape, Var};
use asap_model::Result;
use asap_tensor::ops::Transpose;
use asap_tensor::{Reference, Tensor};

/// The loss of one neuron: L = (tanh(w·x + b) − t)².
fn loss(w: f64, x: f64, b: f64, t: f64) -> f64 {
    ((w * x + b).tanh() - t).powi(2)
}

fn main() -> Result<()> {
    let backend = Reference::<f64>::new();
    let (w, x, b, t) = (0.7, -1.5, 0.2, 0.4);

    // By hand, from the loss inwards: with y = tanh z, dL/dy = 2(y − t) and dy/dz = 1 − y², and then
    // dL/dw = dL/dz · x, dL/db = dL/dz.
    let y = f64::tanh(w * x + b);
    let by_z = 2.0 * (y - t) * (1.0 - y * y);
    let by_hand = [by_z * x, by_z];

    // From the tape: leaves are what gradients are wanted in; every op on them leaves a rule on the tape, and
    // `backward` applies the rules from last to first.
    let tape = Tape::new();
    let scalar = |value| Tensor::from_f64(&backend, [], &[value]);
    let (leaf_w, leaf_b) = (tape.leaf(scalar(w)?), tape.leaf(scalar(b)?));
    let (constant_x, target) = (Var::constant(scalar(x)?), Var::constant(scalar(t)?));
    let output = leaf_w.mul(&constant_x)?.add(&leaf_b)?.tanh()?;
    let error = output.sub(&target)?;
    let gradients = tape.backward(&error.mul(&error)?)?;
    let from_tape = [&leaf_w, &leaf_b].map(|leaf| gradients.of(leaf).map_or(Ok(0.0), Tensor::item));

    // By finite differences: the loss a little to the right, less that a little to the left.
    let h = 1e-5;
    let by_differences = [
        (loss(w + h, x, b, t) - loss(w - h, x, b, t)) / (2.0 * h),
        (loss(w, x, b + h, t) - loss(w, x, b - h, t)) / (2.0 * h),
    ];

    println!("L = (tanh(w·x + b) − t)²   by hand          from the tape    by differences");
    for (((name, hand), tape), differences) in ["w", "b"].into_iter().zip(by_hand).zip(from_tape).zip(by_differences) {
        let tape = tape?;
        println!("  dL/d{name}                   {hand:<15.12}  {tape:<15.12}  {differences:<15.12}");
        assert!((hand - tape).abs() < 1e-14, "the tape applies the same rules");
        assert!((hand - differences).abs() < 1e-9, "differences err by h² and by the rounding of L over h");
    }
    // Nothing flows into a constant.
    assert!(gradients.of(&constant_x).is_none());

    // A variable that is used twice receives both gradients: d(x² + x)/dx = 2x + 1.
    let tape = Tape::new();
    let twice = tape.leaf(scalar(3.0)?);
    let gradients = tape.backward(&twice.mul(&twice)?.add(&twice)?)?;
    let slope = gradients.of(&twice).map_or(Ok(0.0), Tensor::item)?;
    println!("\nd(x² + x)/dx at 3 is {slope}");
    assert_eq!(slope, 7.0);

    // A whole layer has too many derivatives to write down, but one direction u tests them all at once: the slope of
    // the loss along u must be ⟨gradient, u⟩.
    let matrix = check::normal(1, "weight", [4, 3])?;
    let features = check::normal(1, "features", [5, 4])?;
    let layer = |vars: &[Var<Reference<f64>>]| vars[1].matmul(&vars[0], Transpose::default())?.tanh();
    let right = check::gradient(1, &[matrix.clone(), features.clone()], layer)?;
    // A checker that never fails checks nothing: a gradient that is wrong by a thousandth is noticed.
    let wrong = check::gradient(1, &[matrix, features], |vars| {
        layer(&[check::plant(Mistake::Scaled, &vars[0])?, vars[1].clone()])
    })?;
    println!("tanh(H·W) along random directions: relative error {:.1e}", right.relative_error);
    println!("the same with a planted mistake:   relative error {:.1e}", wrong.relative_error);
    assert!(right.relative_error < 1e-6 && wrong.relative_error > 1e-5);
    Ok(())
}

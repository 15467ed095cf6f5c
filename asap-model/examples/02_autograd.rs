//! Lesson 2: a gradient by hand, from the tape and by finite differences.
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

    // By hand, with y = tanh z: dL/dy = 2(y − t) and dy/dz = 1 − y², so dL/dz is their product, dL/dw = dL/dz · x and
    // dL/db = dL/dz.
    let y = f64::tanh(w * x + b);
    let grad_z = 2.0 * (y - t) * (1.0 - y * y);
    let by_hand = [grad_z * x, grad_z];

    // From the tape: leaves are the variables to differentiate by. Every op on them records its gradient rule, and
    // `backward` applies the rules from last to first.
    let tape = Tape::new();
    let scalar = |value| Tensor::from_f64(&backend, [], &[value]);
    let (leaf_w, leaf_b) = (tape.leaf(scalar(w)?), tape.leaf(scalar(b)?));
    let (constant_x, target) = (Var::constant(scalar(x)?), Var::constant(scalar(t)?));
    let output = leaf_w.mul(&constant_x)?.add(&leaf_b)?.tanh()?;
    let error = output.sub(&target)?;
    let gradients = tape.backward(&error.mul(&error)?)?;
    let from_tape = [&leaf_w, &leaf_b].map(|leaf| gradients.of(leaf).map_or(Ok(0.0), Tensor::item));

    // By central differences: (L(w + h) − L(w − h)) / 2h.
    let h = 1e-5;
    let by_differences = [
        (loss(w + h, x, b, t) - loss(w - h, x, b, t)) / (2.0 * h),
        (loss(w, x, b + h, t) - loss(w, x, b - h, t)) / (2.0 * h),
    ];

    println!("L = (tanh(w·x + b) − t)²   by hand          from the tape    by differences");
    for (((name, hand), tape), differences) in ["w", "b"].into_iter().zip(by_hand).zip(from_tape).zip(by_differences) {
        let tape = tape?;
        println!("  dL/d{name}                   {hand:<15.12}  {tape:<15.12}  {differences:<15.12}");
        assert!((hand - tape).abs() < 1e-14, "the tape applies the chain rule exactly");
        assert!(
            (hand - differences).abs() < 1e-9,
            "the truncation error is of order h², the rounding error of order ε/h"
        );
    }
    // No gradient flows into a constant.
    assert!(gradients.of(&constant_x).is_none());

    // The gradients of a reused variable add up: d(x² + x)/dx = 2x + 1.
    let tape = Tape::new();
    let x = tape.leaf(scalar(3.0)?);
    let gradients = tape.backward(&x.mul(&x)?.add(&x)?)?;
    let slope = gradients.of(&x).map_or(Ok(0.0), Tensor::item)?;
    println!("\nd(x² + x)/dx at 3 is {slope}");
    assert_eq!(slope, 7.0);

    // A layer has many derivatives, but one random direction u tests them all: the slope along u must be ⟨gradient, u⟩.
    let matrix = check::normal(1, "weight", [4, 3])?;
    let features = check::normal(1, "features", [5, 4])?;
    let layer = |vars: &[Var<Reference<f64>>]| vars[1].matmul(&vars[0], Transpose::default())?.tanh();
    let correct = check::gradient(1, &[matrix.clone(), features.clone()], layer)?;
    // The checker must also fail on wrong gradients: here all elements are 0.1% too large.
    let wrong = check::gradient(1, &[matrix, features], |vars| {
        layer(&[check::plant(Mistake::Scaled, &vars[0])?, vars[1].clone()])
    })?;
    println!("tanh(H·W) along random directions: relative error {:.1e}", correct.relative_error);
    println!("with a planted mistake:            relative error {:.1e}", wrong.relative_error);
    assert!(correct.relative_error < 1e-6 && wrong.relative_error > 1e-5);
    Ok(())
}

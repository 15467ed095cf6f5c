//! Lesson 5: each loss on a few values, checked by hand.
//!
//! `cargo run --release -p asap-model --example 05_losses`

use asap_autograd::{Tape, Var};
use asap_model::Result;
use asap_model::networks::discriminator::Features;
use asap_model::networks::vgg::BLOCK_WEIGHTS;
use asap_model::training::losses::{fake_hinge, feature_matching, generator_hinge, l1, perceptual, real_hinge};
use asap_tensor::{Reference, Tensor};

type Double = Reference<f64>;

fn image(values: [f64; 4]) -> Result<Tensor<Double>> {
    Ok(Tensor::from_f64(&Double::new(), [1, 1, 2, 2], &values)?)
}

fn constant(values: [f64; 4]) -> Result<Var<Double>> {
    Ok(Var::constant(image(values)?))
}

/// Prints a loss, checks it against the value computed by hand, and returns its gradient with respect to `leaf`.
fn show(name: &str, loss: &Var<Double>, by_hand: f64, tape: &Tape<Double>, leaf: &Var<Double>) -> Result<Vec<f64>> {
    let value = loss.value().item()?;
    assert!((value - by_hand).abs() < 1e-14, "{name} is {value}, by hand {by_hand}");
    let gradients = tape.backward(loss)?;
    let gradient = gradients.of(leaf).map_or_else(|| Ok(vec![0.0; 4]), Tensor::to_f64)?;
    println!("  {name:18} {value:<10} gradient {gradient:?}");
    Ok(gradient)
}

fn main() -> Result<()> {
    // A discriminator scores each patch: high for real, low for fake. The outputs of its other layers are features.
    // Here it has one layer of features, then the scores.
    let scores = [-2.0, 0.0, 0.5, 1.0];
    let features = constant([0.0; 4])?;
    let scale = |scores: &Var<Double>| -> Features<Double> { vec![features.clone(), scores.clone()] };

    println!("scores {scores:?}");
    let tape = Tape::new();
    let leaf = tape.leaf(image(scores)?);
    // The generator maximizes the scores without bound: −mean(−2, 0, ½, 1).
    let gradient = show("generator", &generator_hinge(&[scale(&leaf)])?, 0.125, &tape, &leaf)?;
    assert_eq!(gradient, [-0.25; 4]);

    let tape = Tape::new();
    let leaf = tape.leaf(image(scores)?);
    // The discriminator pushes fakes below −1: mean(0, 1, 1½, 2). A patch at −1 or below has no gradient.
    let gradient = show("fake, hinge", &fake_hinge(&[scale(&leaf)])?, 1.125, &tape, &leaf)?;
    assert_eq!(gradient, [0.0, 0.25, 0.25, 0.25]);

    let tape = Tape::new();
    let leaf = tape.leaf(image(scores)?);
    // It pushes real images above 1: mean(3, 1, ½, 0).
    let gradient = show("real, hinge", &real_hinge(&[scale(&leaf)])?, 1.125, &tape, &leaf)?;
    assert_eq!(gradient[..3], [-0.25; 3]);

    let tape = Tape::new();
    let leaf = tape.leaf(image(scores)?);
    // Scales have equal weight, however many patches each has: (0.125 − 3) / 2.
    let other = vec![features.clone(), constant([3.0; 4])?];
    show("two scales", &generator_hinge(&[scale(&leaf), other])?, -1.4375, &tape, &leaf)?;

    println!("\nfeatures of a fake [1, 2, 3, 4] and a real image [1, 1, 5, 2]");
    let (fake, real) = ([1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 5.0, 2.0]);
    let tape = Tape::new();
    let (leaf, of_real) = (tape.leaf(image(fake)?), tape.leaf(image(real)?));
    // Feature matching: mean(0, 1, 2, 2). Scores don't count.
    let with_scores = |features: &Var<Double>, score| -> Result<Features<Double>> {
        Ok(vec![features.clone(), constant([score; 4])?])
    };
    let loss = feature_matching(&[with_scores(&leaf, -9.0)?], &[with_scores(&of_real, 9.0)?])?;
    let gradient = show("feature matching", &loss, 1.25, &tape, &leaf)?;
    assert_eq!(gradient, [0.0, 0.25, -0.25, 0.25]);

    let tape = Tape::new();
    let (leaf, of_real) = (tape.leaf(image(fake)?), tape.leaf(image(real)?));
    let loss = feature_matching(&[with_scores(&leaf, 0.0)?], &[with_scores(&of_real, 0.0)?])?;
    // Real features are the target: no gradient flows into them.
    assert!(tape.backward(&loss)?.of(&of_real).is_none());

    let tape = Tape::new();
    let leaf = tape.leaf(image(fake)?);
    show("L1", &l1(&leaf, &constant(real)?)?, 1.25, &tape, &leaf)?;

    // VGG19's five blocks: the same distance in each, with weights that grow with depth.
    let tape = Tape::new();
    let leaf = tape.leaf(image(fake)?);
    let (fakes, reals) = (vec![leaf.clone(); 5], vec![constant(real)?; 5]);
    let weights: f64 = BLOCK_WEIGHTS.iter().sum();
    println!("\nweights of VGG19's blocks: {BLOCK_WEIGHTS:?}");
    show("perceptual", &perceptual(&fakes, &reals)?, 1.25 * weights, &tape, &leaf)?;
    Ok(())
}

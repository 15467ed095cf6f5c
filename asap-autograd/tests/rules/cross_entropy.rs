//! Cross entropy.

use asap_autograd::Var;
use asap_autograd::check::Double;
use asap_tensor::{Ids, Reference, Tensor, ops};

use crate::harness::{assert_found, assert_rule, normal, with_gradient};

/// Ids below `classes`, and every seventh above.
fn ids([n, h, w]: [usize; 3], classes: usize) -> Ids<Double> {
    let ids = (0..n * h * w).map(|i| if i % 7 == 6 { classes + 1 } else { i * i % classes } as u8).collect();
    Ids::from_vec(&Reference::new(), [n, h, w], ids).unwrap()
}

fn weights(values: &[f64]) -> Tensor<Double> {
    Tensor::from_f64(&Reference::new(), [values.len()], values).unwrap()
}

#[test]
fn cross_entropy_matches_differences() {
    for [n, c, h, w] in [[1, 2, 1, 1], [2, 3, 3, 4], [1, 5, 4, 3]] {
        let (x, ids) = ([normal("x", [n, c, h, w])], ids([n, h, w], c));
        assert_rule(&format!("cross_entropy {n}×{c}×{h}×{w}"), &x, |v| v[0].cross_entropy(&ids));
        let weights = weights(&[0.5, 2.0, 1.0, 0.0, 3.0][..c]);
        assert_rule(&format!("mean_cross_entropy {n}×{c}×{h}×{w}"), &x, |v| v[0].mean_cross_entropy(&ids, &weights));
    }
}

#[test]
fn ignored_pixels_with_a_gradient_are_found() {
    let ids = ids([1, 3, 4], 3);
    assert_found("softmax without a mask", &[normal("x", [1, 3, 3, 4])], &[0], |v| {
        let (x, y) = (v[0].value().clone(), ops::cross_entropy(v[0].value(), &ids)?);
        let (counted, ids) = (ids.clone(), ids.clone());
        // As if ids above the classes were class 0.
        let ids = ids.to_vec()?.into_iter().map(|id| if id < 3 { id } else { 0 }).collect();
        let ids = Ids::from_vec(counted.backend(), counted.sizes(), ids)?;
        with_gradient(&v[0], y.losses, move |g| ops::cross_entropy_grad(&x, &y.log_sums, &ids, g))
    });
}

#[test]
fn mean_cross_entropy_matches_hand_computation() {
    // Probabilities ¼, ¾ for ids 0 and 1; ½, ½ for id 1; and a pixel that is ignored.
    let x =
        Tensor::from_f64(&Reference::new(), [1, 2, 1, 4], &[0.0, 0.0, 1.0, 9.0, 3.0_f64.ln(), 3.0_f64.ln(), 1.0, 0.0]);
    let x = Var::constant(x.unwrap());
    let ids = Ids::from_vec(&Reference::new(), [1, 1, 4], vec![0, 1, 1, 200]).unwrap();
    let value = |w: &[f64]| x.mean_cross_entropy(&ids, &weights(w)).unwrap().value().item().unwrap();
    let [a, b, c] = [4.0_f64, 4.0 / 3.0, 2.0].map(f64::ln);
    assert!((value(&[1.0, 1.0]) - (a + b + c) / 3.0).abs() < 1e-15);
    // Balanced: each class counts as much as the other.
    assert!((value(&[1.0, 0.5]) - (a + (b + c) / 2.0) / 2.0).abs() < 1e-15);
    assert!((value(&[0.0, 7.0]) - (b + c) / 2.0).abs() < 1e-15);
    assert_eq!(value(&[0.0, 0.0]), 0.0);
}

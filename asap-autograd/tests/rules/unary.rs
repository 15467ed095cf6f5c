//! Elementwise functions.

use asap_autograd::Var;
use asap_autograd::check::Double;
use asap_tensor::ops::{self, Unary};
use asap_tensor::{Result, Tensor};

use crate::harness::{assert_found, assert_rule, normal, off_zero, with_gradient};

const SHAPES: &[&[usize]] = &[&[], &[5], &[2, 3, 4, 5], &[1, 7, 3, 1]];

fn positive(name: &str, shape: &[usize]) -> Tensor<Double> {
    let x = off_zero(name, shape);
    let values: Vec<f64> = x.to_f64().unwrap().iter().map(|v| v.abs() + 0.5).collect();
    Tensor::from_f64(x.backend(), shape, &values).unwrap()
}

#[test]
fn unary_matches_differences() {
    for &shape in SHAPES {
        for f in Unary::examples() {
            let positive_only = f.apply(-1.0f64).is_nan();
            let x = if positive_only { positive("x", shape) } else { off_zero("x", shape) };
            assert_rule(&format!("{f:?} {shape:?}"), &[x], |v| v[0].unary(f));
        }
    }
    // The gradient of ReLU at a single negative value is 0, where no mistake can be planted.
    for shape in &SHAPES[1..] {
        assert_rule(&format!("relu {shape:?}"), &[off_zero("x", *shape)], |v| v[0].unary(Unary::RELU));
    }
}

#[test]
fn methods_equal_unary() -> Result<()> {
    type Method = fn(&Var<Double>) -> Result<Var<Double>>;
    let methods: &[(Method, Unary)] = &[
        (Var::abs, Unary::Abs),
        (Var::sqrt, Unary::Sqrt),
        (Var::tanh, Unary::Tanh),
        (Var::sigmoid, Unary::Sigmoid),
        (Var::relu, Unary::LeakyRelu { slope: 0.0 }),
        (|x| x.leaky_relu(0.2), Unary::LeakyRelu { slope: 0.2 }),
        (|x| x.affine(-1.7, 0.3), Unary::Affine { scale: -1.7, shift: 0.3 }),
        (|x| x.scale(3.0), Unary::Affine { scale: 3.0, shift: 0.0 }),
        (Var::neg, Unary::Affine { scale: -1.0, shift: 0.0 }),
    ];
    for &(method, f) in methods {
        let x = Var::constant(positive("x", &[7]));
        assert_eq!(method(&x)?.value().to_f64()?, x.unary(f)?.value().to_f64()?, "{f:?}");
    }
    Ok(())
}

fn one_minus_square(y: &Tensor<Double>) -> Result<Tensor<Double>> {
    ops::unary(Unary::Affine { scale: -1.0, shift: 1.0 }, &ops::mul(y, y)?)
}

#[test]
fn tanh_differentiated_at_x_is_found() {
    assert_found("1 − x² for 1 − y²", &[normal("x", [2, 3])], &[0], |v| {
        let x = v[0].value().clone();
        with_gradient(&v[0], ops::unary(Unary::Tanh, &x)?, move |g| ops::mul(g, &one_minus_square(&x)?))
    });
}

#[test]
fn sigmoid_differentiated_as_tanh_is_found() {
    assert_found("1 − y² for y·(1 − y)", &[normal("x", [2, 3])], &[0], |v| {
        let y = ops::unary(Unary::Sigmoid, v[0].value())?;
        with_gradient(&v[0], y.clone(), move |g| ops::mul(g, &one_minus_square(&y)?))
    });
}

#[test]
fn leaky_relu_without_slope_is_found() {
    assert_found("slope 0 for 0.01", &[off_zero("x", [2, 3, 2, 2])], &[0], |v| {
        let x = v[0].value().clone();
        let y = ops::unary(Unary::LeakyRelu { slope: 0.01 }, &x)?;
        with_gradient(&v[0], y.clone(), move |g| ops::unary_grad(Unary::RELU, &x, &y, g))
    });
}

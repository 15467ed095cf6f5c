//! Functions of one and of two numbers, sums.

use asap_autograd::vjp;
use asap_tensor::Tensor;
use asap_tensor::ops::Unary;

use crate::harness::{assert_vjp, normal, off_zero};

const SHAPES: [&[usize]; 4] = [&[], &[5], &[2, 3, 4, 5], &[1, 7, 3, 1]];

#[test]
fn functions_of_one_number_have_right_gradients() {
    for shape in SHAPES {
        let x = off_zero("x", shape);
        let root: Vec<f64> = x.to_f64().unwrap().iter().map(|v| v.abs() + 0.5).collect();
        let positive = Tensor::from_f64(x.backend(), shape, &root).unwrap();
        let x = [x];
        assert_vjp(&format!("abs {shape:?}"), &x, |v| vjp::abs(&v[0]));
        assert_vjp(&format!("sqrt {shape:?}"), &[positive], |v| vjp::sqrt(&v[0]));
        assert_vjp(&format!("tanh {shape:?}"), &x, |v| vjp::tanh(&v[0]));
        assert_vjp(&format!("sigmoid {shape:?}"), &x, |v| vjp::sigmoid(&v[0]));
        for slope in [0.01, 0.2, 1.0, -0.5] {
            assert_vjp(&format!("leaky_relu {slope} {shape:?}"), &x, |v| vjp::leaky_relu(&v[0], slope));
        }
        assert_vjp(&format!("affine {shape:?}"), &x, |v| vjp::affine(&v[0], -1.7, 0.3));
        assert_vjp(&format!("neg {shape:?}"), &x, |v| vjp::neg(&v[0]));
        assert_vjp(&format!("unary tanh {shape:?}"), &x, |v| vjp::unary(Unary::Tanh, &v[0]));
    }
    for shape in &SHAPES[1..] {
        assert_vjp(&format!("relu {shape:?}"), &[off_zero("x", *shape)], |v| vjp::relu(&v[0]));
    }
}

#[test]
fn functions_of_two_numbers_have_right_gradients_under_every_broadcast() {
    let broadcasts: [(&[usize], &[usize]); 7] = [
        (&[2, 3, 4, 5], &[2, 3, 4, 5]),
        (&[2, 3, 4, 5], &[]),
        (&[2, 3, 4, 5], &[3]),
        (&[2, 3], &[3]),
        (&[1, 1, 2, 2], &[1]),
        (&[4], &[4]),
        (&[], &[]),
    ];
    for (a, b) in broadcasts {
        let inputs = [normal("a", a), off_zero("b", b)];
        assert_vjp(&format!("add {a:?} {b:?}"), &inputs, |v| vjp::add(&v[0], &v[1]));
        assert_vjp(&format!("sub {a:?} {b:?}"), &inputs, |v| vjp::sub(&v[0], &v[1]));
        assert_vjp(&format!("mul {a:?} {b:?}"), &inputs, |v| vjp::mul(&v[0], &v[1]));
        assert_vjp(&format!("div {a:?} {b:?}"), &inputs, |v| vjp::div(&v[0], &v[1]));
    }
}

#[test]
fn sums_have_right_gradients() {
    for shape in SHAPES {
        let x = [normal("x", shape)];
        assert_vjp(&format!("sum {shape:?}"), &x, |v| vjp::sum(&v[0]));
        assert_vjp(&format!("mean {shape:?}"), &x, |v| vjp::mean(&v[0]));
    }
    for shape in [&[2, 3][..], &[2, 3, 4], &[2, 3, 4, 5], &[1, 1, 1, 1]] {
        assert_vjp(&format!("sum_channels {shape:?}"), &[normal("x", shape)], |v| vjp::sum_channels(&v[0]));
    }
}

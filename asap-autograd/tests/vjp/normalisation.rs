//! Instance norm.

use asap_autograd::vjp;

use crate::harness::{assert_vjp, normal};

#[test]
fn instance_norm_has_right_gradients_with_and_without_scale_shift_and_activation() {
    for shape in [[2, 3, 4, 5], [1, 2, 3, 3], [2, 1, 1, 7]] {
        for slope in [1.0, 0.2, 0.0] {
            let name = format!("instance_norm {shape:?} slope {slope}");
            let inputs = [normal("x", shape), normal("scale", [shape[1]]), normal("shift", [shape[1]])];
            assert_vjp(&name, &inputs[..1], |v| vjp::instance_norm(&v[0], None, 1e-5, slope));
            let name = format!("{name} affine");
            assert_vjp(&name, &inputs, |v| vjp::instance_norm(&v[0], Some((&v[1], &v[2])), 1e-5, slope));
        }
    }
}

#[test]
fn an_epsilon_as_large_as_the_variance_keeps_the_gradient_right() {
    assert_vjp("instance_norm epsilon 1", &[normal("x", [2, 2, 3, 4])], |v| vjp::instance_norm(&v[0], None, 1.0, 1.0));
}

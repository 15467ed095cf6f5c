//! Pooling.

use asap_autograd::check;
use asap_tensor::Tensor;
use asap_tensor::ops::{self, Conv2d, Taps};

use crate::harness::{SEED, assert_found, assert_rule, normal, with_gradient};

#[test]
fn max_pool2_matches_differences() {
    for shape in [[1, 1, 2, 2], [2, 3, 4, 6], [2, 1, 5, 7]] {
        let x = check::apart(SEED, "x", shape, 0.05).unwrap();
        assert_rule(&format!("max_pool2 {shape:?}"), &[x], |v| v[0].max_pool2());
    }
}

#[test]
fn avg_pool_matches_differences() {
    for shape in [[1, 1, 1, 1], [2, 3, 4, 6], [2, 1, 5, 7], [1, 2, 1, 2]] {
        assert_rule(&format!("avg_pool {shape:?}"), &[normal("x", shape)], |v| v[0].avg_pool());
    }
}

#[test]
fn max_pool2_spreading_its_gradient_is_found() {
    let taps = |size| Taps::bilinear(size, size / 2).unwrap();
    assert_found("max pooling as mean pooling", &[check::apart(SEED, "x", [1, 2, 4, 6], 0.05).unwrap()], &[0], |v| {
        with_gradient(&v[0], ops::max_pool2(v[0].value())?, move |g| ops::resize_grad(g, &taps(4), &taps(6)))
    });
}

#[test]
fn avg_pool_counting_padding_is_found() {
    assert_found("1/9 at the edges", &[normal("x", [1, 2, 5, 5])], &[0], |v| {
        with_gradient(&v[0], ops::avg_pool(v[0].value())?, |g| {
            let ninth = Tensor::full(g.backend(), [2, 2, 3, 3], 1.0 / 9.0)?;
            let diagonal = Tensor::from_f64(g.backend(), [2, 2, 1, 1], &[1.0, 0.0, 0.0, 1.0])?;
            let diagonal = ops::resize(&diagonal, &Taps::mean(1, 3), &Taps::mean(1, 3))?;
            ops::conv2d_grad_input(
                g,
                &ops::mul(&ninth, &diagonal)?,
                [1, 2, 5, 5].into(),
                Conv2d { stride: 2, padding: 1 },
            )
        })
    });
}

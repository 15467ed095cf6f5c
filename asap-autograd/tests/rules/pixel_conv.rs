//! Convolution with a kernel per pixel.

use asap_autograd::Var;
use asap_tensor::ops;

use crate::harness::{assert_found, assert_rule, normal};

#[test]
fn pixel_conv_matches_differences() {
    for [n, c, h, w] in [[1, 1, 1, 2], [1, 2, 2, 1], [2, 3, 4, 5], [1, 1, 3, 3]] {
        let inputs = [normal("x", [n, c, h, w]), normal("kernels", [n, 9 * c, h, w])];
        assert_rule(&format!("pixel_conv {:?}", [n, c, h, w]), &inputs, |v| v[0].pixel_conv(&v[1]));
    }
}

#[test]
fn pixel_conv_with_unflipped_kernels_is_found() {
    let inputs = [normal("x", [1, 2, 3, 4]), normal("kernels", [1, 18, 3, 4])];
    assert_found("each pixel's own kernel for those around it", &inputs, &[0], |v| {
        let (x, kernels) = (v[0].value().clone(), v[1].value().clone());
        Var::record(ops::pixel_conv(&x, &kernels)?, [&v[0], &v[1]], move |g, _| {
            Ok([Some(ops::pixel_conv(g, &kernels)?), Some(ops::pixel_conv_grad_kernels(&x, g)?)])
        })
    });
}

//! Convolutions by pixels' own kernels.

use asap_autograd::vjp;

use crate::harness::{assert_vjp, normal};

#[test]
fn pixel_conv_has_right_gradients_in_image_and_kernels() {
    for [n, c, h, w] in [[1, 1, 1, 2], [1, 2, 2, 1], [2, 3, 4, 5], [1, 1, 3, 3]] {
        let inputs = [normal("x", [n, c, h, w]), normal("kernels", [n, 9 * c, h, w])];
        assert_vjp(&format!("pixel_conv {:?}", [n, c, h, w]), &inputs, |v| vjp::pixel_conv(&v[0], &v[1]));
    }
}

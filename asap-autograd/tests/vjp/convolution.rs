//! Convolutions, of images and of labels.

use asap_autograd::check::Double;
use asap_autograd::vjp;
use asap_tensor::Ids;

use crate::harness::{assert_vjp, normal};

/// x (N, I, H, W), weight (O, I, R, S), stride, padding.
const CASES: [([usize; 4], [usize; 4], usize, usize); 8] = [
    ([1, 1, 1, 1], [1, 1, 1, 1], 1, 0),
    ([2, 3, 5, 6], [4, 3, 3, 3], 1, 0),
    ([2, 3, 5, 6], [4, 3, 3, 3], 1, 1),
    ([2, 3, 5, 6], [2, 3, 1, 1], 1, 0),
    // At stride 2 the last row of 5 + 2 is reached, that of 6 + 2 is not.
    ([2, 2, 5, 6], [3, 2, 3, 3], 2, 1),
    ([2, 2, 7, 6], [3, 2, 4, 4], 2, 2),
    ([1, 2, 4, 9], [2, 2, 2, 3], 3, 1),
    // Wider steps than the kernel: pixels that nothing reads.
    ([1, 2, 7, 7], [2, 2, 2, 2], 3, 0),
];

#[test]
fn conv2d_has_right_gradients_in_image_weight_and_bias() {
    for (x, weight, stride, padding) in CASES {
        let name = format!("conv2d {x:?} {weight:?} stride {stride} padding {padding}");
        let inputs = [normal("x", x), normal("weight", weight), normal("bias", [weight[0]])];
        assert_vjp(&name, &inputs, |v| vjp::conv2d(&v[0], &v[1], Some(&v[2]), stride, padding));
        let name = format!("{name} without bias");
        assert_vjp(&name, &inputs[..2], |v| vjp::conv2d(&v[0], &v[1], None, stride, padding));
    }
}

#[test]
fn conv2d_ids_has_right_gradients_in_weight_and_bias() {
    for ([n, classes, h, w], weight, stride, padding) in CASES {
        let name = format!("conv2d_ids {:?} {weight:?} stride {stride} padding {padding}", [n, h, w]);
        // Steps of 5 through the classes, so that neighbours differ where there is more than one.
        let ids = (0..n * h * w).map(|i| (i * 5 % 7 % classes) as u8).collect();
        let ids = Ids::from_vec(&Double::new(), [n, h, w], ids).unwrap();
        let inputs = [normal("weight", weight), normal("bias", [weight[0]])];
        assert_vjp(&name, &inputs, |v| vjp::conv2d_ids(&ids, &v[0], Some(&v[1]), stride, padding));
        let name = format!("{name} without bias");
        assert_vjp(&name, &inputs[..1], |v| vjp::conv2d_ids(&ids, &v[0], None, stride, padding));
    }
}

#[test]
fn conv2d_stack_has_right_gradients_in_image_weight_and_bias() {
    for ([n, channels, h, w], [o, _, r, s], stride, padding) in CASES {
        let name = format!("conv2d_stack {:?} {:?} stride {stride} padding {padding}", [n, channels, h, w], [o, r, s]);
        let classes = 3;
        let ids = (0..n * h * w).map(|i| (i * 5 % 7 % classes) as u8).collect();
        let ids = Ids::from_vec(&Double::new(), [n, h, w], ids).unwrap();
        let weight = normal("weight", [o, classes + channels, r, s]);
        let inputs = [normal("x", [n, channels, h, w]), weight, normal("bias", [o])];
        assert_vjp(&name, &inputs, |v| vjp::conv2d_stack(&ids, &v[0], &v[1], Some(&v[2]), stride, padding));
        let name = format!("{name} without bias");
        assert_vjp(&name, &inputs[..2], |v| vjp::conv2d_stack(&ids, &v[0], &v[1], None, stride, padding));
    }
}

#[test]
fn conv2d_transposed_has_right_gradients_in_image_weight_and_bias() {
    for (x, weight, stride, padding, output_padding) in [
        ([1, 1, 1, 1], [1, 1, 1, 1], 1, 0, 0),
        ([2, 3, 3, 4], [3, 2, 3, 3], 2, 1, 1),
        ([2, 3, 1, 2], [3, 2, 4, 4], 2, 1, 0),
        ([1, 2, 3, 2], [2, 4, 3, 2], 3, 0, 2),
    ] {
        let name = format!("conv2d_transposed {x:?} {weight:?} stride {stride} padding {padding}+{output_padding}");
        let inputs = [normal("x", x), normal("weight", weight), normal("bias", [weight[1]])];
        assert_vjp(&name, &inputs, |v| {
            vjp::conv2d_transposed(&v[0], &v[1], Some(&v[2]), stride, padding, output_padding)
        });
        let name = format!("{name} without bias");
        assert_vjp(&name, &inputs[..2], |v| {
            vjp::conv2d_transposed(&v[0], &v[1], None, stride, padding, output_padding)
        });
    }
}

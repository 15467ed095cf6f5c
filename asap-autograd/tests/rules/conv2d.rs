//! Convolution of images and of label maps.

use asap_autograd::Var;
use asap_autograd::check::Double;
use asap_tensor::Ids;
use asap_tensor::ops::{self, Conv2d, Conv2dTransposed};

use crate::harness::{assert_found, assert_rule, normal, with_gradient};

/// x (N, I, H, W), weight (O, I, R, S), stride, padding.
const CASES: [([usize; 4], [usize; 4], usize, usize); 8] = [
    ([1, 1, 1, 1], [1, 1, 1, 1], 1, 0),
    ([2, 3, 5, 6], [4, 3, 3, 3], 1, 0),
    ([2, 3, 5, 6], [4, 3, 3, 3], 1, 1),
    ([2, 3, 5, 6], [2, 3, 1, 1], 1, 0),
    // At stride 2 the windows cover all 5 + 2 rows, but not the last of 6 + 2 columns.
    ([2, 2, 5, 6], [3, 2, 3, 3], 2, 1),
    ([2, 2, 7, 6], [3, 2, 4, 4], 2, 2),
    ([1, 2, 4, 9], [2, 2, 2, 3], 3, 1),
    // A stride larger than the kernel: no window covers some pixels.
    ([1, 2, 7, 7], [2, 2, 2, 2], 3, 0),
];

#[test]
fn conv2d_matches_differences() {
    for (x, weight, stride, padding) in CASES {
        let name = format!("conv2d {x:?} {weight:?} stride {stride} padding {padding}");
        let inputs = [normal("x", x), normal("weight", weight), normal("bias", [weight[0]])];
        assert_rule(&name, &inputs, |v| v[0].conv2d(&v[1], Some(&v[2]), Conv2d { stride, padding }));
        let name = format!("{name} without bias");
        assert_rule(&name, &inputs[..2], |v| v[0].conv2d(&v[1], None, Conv2d { stride, padding }));
    }
}

#[test]
fn conv2d_ids_matches_differences() {
    for ([n, classes, h, w], weight, stride, padding) in CASES {
        let name = format!("conv2d_ids {:?} {weight:?} stride {stride} padding {padding}", [n, h, w]);
        // A step of 5 through the classes, so that neighbors differ if there is more than one.
        let ids = (0..n * h * w).map(|i| (i * 5 % 7 % classes) as u8).collect();
        let ids = Ids::from_vec(&Double::new(), [n, h, w], ids).unwrap();
        let inputs = [normal("weight", weight), normal("bias", [weight[0]])];
        assert_rule(&name, &inputs, |v| Var::conv2d_ids(&ids, &v[0], Some(&v[1]), Conv2d { stride, padding }));
        let name = format!("{name} without bias");
        assert_rule(&name, &inputs[..1], |v| Var::conv2d_ids(&ids, &v[0], None, Conv2d { stride, padding }));
    }
}

#[test]
fn conv2d_stack_matches_differences() {
    for ([n, channels, h, w], [o, _, r, s], stride, padding) in CASES {
        let name = format!("conv2d_stack {:?} {:?} stride {stride} padding {padding}", [n, channels, h, w], [o, r, s]);
        let classes = 3;
        let ids = (0..n * h * w).map(|i| (i * 5 % 7 % classes) as u8).collect();
        let ids = Ids::from_vec(&Double::new(), [n, h, w], ids).unwrap();
        let weight = normal("weight", [o, classes + channels, r, s]);
        let inputs = [normal("x", [n, channels, h, w]), weight, normal("bias", [o])];
        assert_rule(&name, &inputs, |v| Var::conv2d_stack(&ids, &v[0], &v[1], Some(&v[2]), Conv2d { stride, padding }));
        let name = format!("{name} without bias");
        assert_rule(&name, &inputs[..2], |v| Var::conv2d_stack(&ids, &v[0], &v[1], None, Conv2d { stride, padding }));
    }
}

#[test]
fn conv2d_transposed_matches_differences() {
    for (x, weight, stride, padding, output_padding) in [
        ([1, 1, 1, 1], [1, 1, 1, 1], 1, 0, 0),
        ([2, 3, 3, 4], [3, 2, 3, 3], 2, 1, 1),
        ([2, 3, 1, 2], [3, 2, 4, 4], 2, 1, 0),
        ([1, 2, 3, 2], [2, 4, 3, 2], 3, 0, 2),
    ] {
        let name = format!("conv2d_transposed {x:?} {weight:?} stride {stride} padding {padding}+{output_padding}");
        let inputs = [normal("x", x), normal("weight", weight), normal("bias", [weight[1]])];
        assert_rule(&name, &inputs, |v| {
            v[0].conv2d_transposed(&v[1], Some(&v[2]), Conv2dTransposed { stride, padding, output_padding })
        });
        let name = format!("{name} without bias");
        assert_rule(&name, &inputs[..2], |v| {
            v[0].conv2d_transposed(&v[1], None, Conv2dTransposed { stride, padding, output_padding })
        });
    }
}

#[test]
fn conv2d_with_unswapped_channels_is_found() {
    assert_found("w for wᵀ", &[normal("x", [2, 3, 4, 4]), normal("weight", [3, 3, 3, 3])], &[0], |v| {
        let (x, weight) = (v[0].value().clone(), v[1].value().clone());
        Var::record(ops::conv2d(&x, &weight, None, Conv2d::padded(1))?, [&v[0], &v[1]], move |g, _| {
            let swapped = ops::permute(&weight, &[1, 0, 2, 3])?;
            Ok([
                Some(ops::conv2d_grad_input(g, &swapped, x.shape(), Conv2d::padded(1))?),
                Some(ops::conv2d_grad_weight(&x, g, weight.shape(), Conv2d::padded(1))?),
            ])
        })
    });
}

#[test]
fn conv2d_ids_of_the_first_image_only_is_found() {
    let ids = Ids::from_vec(&Double::new(), [2, 3, 3], (0..18).map(|i| i * 5 % 7 % 3).collect()).unwrap();
    let first = Ids::from_vec(&Double::new(), [1, 3, 3], (0..9).map(|i| i * 5 % 7 % 3).collect()).unwrap();
    assert_found("one of two images", &[normal("weight", [2, 3, 3, 3])], &[0], |v| {
        let (first, shape) = (first.clone(), v[0].shape());
        with_gradient(&v[0], ops::conv2d_ids(&ids, v[0].value(), None, Conv2d::padded(1))?, move |g| {
            ops::conv2d_ids_grad_weight(&first, &ops::narrow(g, 0, 0, 1)?, shape, Conv2d::padded(1))
        })
    });
}

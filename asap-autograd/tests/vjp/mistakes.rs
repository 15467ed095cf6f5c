//! For each family the mistake that its derivation invites, made on purpose: the checker must find it.

use asap_autograd::check::{self, Double};
use asap_autograd::{Var, vjp};
use asap_tensor::ops::{self, Conv2d, Pad, PadMode, PixelMlp, Pixels, Taps, Transpose, Unary};
use asap_tensor::{Ids, Result, Tensor};

use crate::harness::{SEED, TOLERANCE, normal, off_zero};

type Vars<'a> = &'a [Var<Double>];

/// Asserts that the gradient of `f` is found wrong in the inputs `wrong`, and only there.
fn assert_found(name: &str, inputs: &[Tensor<Double>], wrong: &[usize], f: impl Fn(Vars<'_>) -> Result<Var<Double>>) {
    let report = check::gradient(SEED, inputs, f).unwrap_or_else(|e| panic!("{name}: {e}"));
    for (i, &error) in report.inputs.iter().enumerate() {
        assert_eq!(error >= TOLERANCE, wrong.contains(&i), "{name}: error {error:e} in input {i}");
    }
}

/// An op of one input with the given value and gradient.
fn one(
    x: &Var<Double>,
    y: Tensor<Double>,
    grad: impl FnOnce(&Tensor<Double>) -> Result<Tensor<Double>> + 'static,
) -> Result<Var<Double>> {
    Var::record(y, [x], move |g, _| Ok([Some(grad(g)?)]))
}

fn one_minus_square(y: &Tensor<Double>) -> Result<Tensor<Double>> {
    ops::unary(Unary::Affine { scale: -1.0, shift: 1.0 }, &ops::mul(y, y)?)
}

#[test]
fn tanh_differentiated_at_its_input_is_found() {
    assert_found("1 − x² for 1 − y²", &[normal("x", [2, 3])], &[0], |v| {
        let x = v[0].value().clone();
        one(&v[0], ops::unary(Unary::Tanh, &x)?, move |g| ops::mul(g, &one_minus_square(&x)?))
    });
}

#[test]
fn a_sigmoid_differentiated_like_a_tanh_is_found() {
    assert_found("1 − y² for y·(1 − y)", &[normal("x", [2, 3])], &[0], |v| {
        let y = ops::unary(Unary::Sigmoid, v[0].value())?;
        one(&v[0], y.clone(), move |g| ops::mul(g, &one_minus_square(&y)?))
    });
}

#[test]
fn a_leaky_relu_without_its_slope_is_found() {
    assert_found("slope 0 for 0.01", &[off_zero("x", [2, 3, 2, 2])], &[0], |v| {
        let x = v[0].value().clone();
        let y = ops::unary(Unary::LeakyRelu { slope: 0.01 }, &x)?;
        one(&v[0], y.clone(), move |g| ops::unary_grad(Unary::RELU, &x, &y, g))
    });
}

#[test]
fn a_quotient_without_the_sign_of_its_divisors_gradient_is_found() {
    assert_found("g·a/b² for −g·a/b²", &[normal("a", [2, 3]), off_zero("b", [2, 3])], &[1], |v| {
        let (a, b) = (v[0].value().clone(), v[1].value().clone());
        Var::record(ops::div(&a, &b)?, [&v[0], &v[1]], move |g, _| {
            Ok([Some(ops::div(g, &b)?), Some(ops::div(&ops::mul(g, &a)?, &ops::mul(&b, &b)?)?)])
        })
    });
}

#[test]
fn a_mean_that_forgets_how_many_it_averages_is_found() {
    assert_found("g for g/count", &[normal("x", [2, 3])], &[0], |v| {
        let mean = ops::unary(Unary::Affine { scale: 1.0 / 6.0, shift: 0.0 }, &ops::sum(v[0].value())?)?;
        one(&v[0], mean, |g| ops::add(&Tensor::zeros(g.backend(), [2, 3])?, g))
    });
}

#[test]
fn axes_permuted_forwards_again_are_found() {
    assert_found("the order for its inverse", &[normal("x", [3, 3, 3])], &[0], |v| {
        one(&v[0], ops::permute(v[0].value(), &[1, 2, 0])?, |g| ops::permute(g, &[1, 2, 0]))
    });
}

#[test]
fn a_range_put_back_at_the_start_is_found() {
    assert_found("place at 0 for 1", &[normal("x", [2, 4])], &[0], |v| {
        one(&v[0], ops::narrow(v[0].value(), 1, 1, 2)?, |g| ops::place(g, 1, 0, 4))
    });
}

#[test]
fn joined_pieces_given_each_others_gradients_are_found() {
    assert_found("cat swapped", &[normal("a", [2, 3]), normal("b", [2, 3])], &[0, 1], |v| {
        Var::record(ops::cat(&[v[0].value(), v[1].value()], 1)?, [&v[0], &v[1]], |g, _| {
            Ok([Some(ops::narrow(g, 1, 3, 3)?), Some(ops::narrow(g, 1, 0, 3)?)])
        })
    });
}

#[test]
fn reflections_whose_gradient_is_cropped_are_found() {
    let pad = Pad::all(1);
    assert_found("zeros for reflections", &[normal("x", [1, 2, 4, 4])], &[0], |v| {
        one(&v[0], ops::pad2d(v[0].value(), pad, PadMode::Reflect)?, move |g| ops::pad2d_grad(g, pad, PadMode::Zero))
    });
}

#[test]
fn a_product_that_does_not_transpose_is_found() {
    assert_found("G·B for G·Bᵀ", &[normal("a", [3, 3]), normal("b", [3, 3])], &[0], |v| {
        let (a, b) = (v[0].value().clone(), v[1].value().clone());
        let transposed = Transpose { a: true, b: false };
        Var::record(ops::matmul(&a, &b, Transpose::default())?, [&v[0], &v[1]], move |g, _| {
            Ok([Some(ops::matmul(g, &b, Transpose::default())?), Some(ops::matmul(&a, g, transposed)?)])
        })
    });
}

#[test]
fn a_convolution_that_does_not_swap_its_channels_is_found() {
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
fn a_convolution_of_labels_that_stops_after_the_first_of_a_batch_is_found() {
    let ids = Ids::from_vec(&Double::new(), [2, 3, 3], (0..18).map(|i| i * 5 % 7 % 3).collect()).unwrap();
    let first = Ids::from_vec(&Double::new(), [1, 3, 3], (0..9).map(|i| i * 5 % 7 % 3).collect()).unwrap();
    assert_found("one of two images", &[normal("weight", [2, 3, 3, 3])], &[0], |v| {
        let (first, shape) = (first.clone(), v[0].shape());
        one(&v[0], ops::conv2d_ids(&ids, v[0].value(), None, Conv2d::padded(1))?, move |g| {
            ops::conv2d_ids_grad_weight(&first, &ops::narrow(g, 0, 0, 1)?, shape, Conv2d::padded(1))
        })
    });
}

#[test]
fn a_norm_whose_statistics_are_taken_for_constants_is_found() {
    assert_found("g/σ", &[normal("x", [1, 2, 3, 4])], &[0], |v| {
        let forward = ops::instance_norm(v[0].value(), None, 1e-5, 1.0)?;
        let rstd = forward.rstd.reshape([2])?;
        one(&v[0], forward.y, move |g| ops::mul(g, &rstd))
    });
}

#[test]
fn a_largest_that_shares_its_gradient_with_its_block_is_found() {
    let taps = |size| Taps::bilinear(size, size / 2).unwrap();
    assert_found("max pooling as mean pooling", &[check::apart(SEED, "x", [1, 2, 4, 6], 0.05).unwrap()], &[0], |v| {
        one(&v[0], ops::max_pool2(v[0].value())?, move |g| ops::resize_grad(g, &taps(4), &taps(6)))
    });
}

#[test]
fn a_mean_that_counts_its_padding_is_found() {
    assert_found("1/9 at the edges", &[normal("x", [1, 2, 5, 5])], &[0], |v| {
        one(&v[0], ops::avg_pool(v[0].value())?, |g| {
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

#[test]
fn a_resize_back_by_the_opposite_resize_is_found() {
    let (down, up) = (Taps::bilinear(6, 4).unwrap(), Taps::bilinear(4, 6).unwrap());
    assert_found("upsampling for the transposed", &[normal("x", [1, 2, 6, 6])], &[0], |v| {
        let up = up.clone();
        one(&v[0], ops::resize(v[0].value(), &down, &down)?, move |g| ops::resize(g, &up, &up))
    });
}

#[test]
fn kernels_of_pixels_that_are_not_turned_round_on_the_way_back_are_found() {
    let inputs = [normal("x", [1, 2, 3, 4]), normal("kernels", [1, 18, 3, 4])];
    assert_found("each pixel's own kernel for those around it", &inputs, &[0], |v| {
        let (x, kernels) = (v[0].value().clone(), v[1].value().clone());
        Var::record(ops::pixel_conv(&x, &kernels)?, [&v[0], &v[1]], move |g, _| {
            Ok([Some(ops::pixel_conv(g, &kernels)?), Some(ops::pixel_conv_grad_kernels(&x, g)?)])
        })
    });
}

#[test]
fn a_pixel_mlp_that_forgets_its_tanh_is_found() {
    let mlp = PixelMlp { tile: 2, widths: vec![3, 2] };
    let positions = Tensor::from_f32(&Double::new(), [1, 2, 2], &ops::position_table(2)).unwrap();
    let inputs = [normal("params", [1, 29, 1, 2]), normal("pixels", [1, 2, 2, 4])];
    assert_found("g for g·(1 − y²)", &inputs, &[0, 1], |v| {
        let (params, pixels) = (v[0].value().clone(), v[1].value().clone());
        let y = ops::pixel_mlp(&mlp, &params, Pixels::Dense(&pixels), &positions)?;
        let (mlp, positions, saved) = (mlp.clone(), positions.clone(), y.clone());
        Var::record(y, [&v[0], &v[1]], move |g, _| {
            // The kernel multiplies by the derivative of tanh, so dividing before leaves it out.
            let g = ops::div(g, &one_minus_square(&saved)?)?;
            let (params, pixels) = ops::pixel_mlp_grad(&mlp, &params, Pixels::Dense(&pixels), &positions, &g, true)?;
            Ok([Some(params), pixels])
        })
    });
}

#[test]
fn a_gradient_not_summed_over_where_its_input_was_spread_is_refused() {
    let inputs = [normal("a", [2, 3, 2, 2]), normal("b", [3])];
    let result = check::gradient(SEED, &inputs, |v| {
        Var::record(ops::add(v[0].value(), v[1].value())?, [&v[0], &v[1]], |g, _| {
            Ok([Some(g.clone()), Some(g.clone())])
        })
    });
    let message = result.expect_err("the second gradient has the first's shape").to_string();
    assert!(message.contains("(3)") && message.contains("(2, 3, 2, 2)"), "{message}");
}

#[test]
fn a_gradient_of_numbers_that_are_none_is_found() {
    assert_found("a gradient of NaN", &[normal("x", [3])], &[0], |v| {
        let nan = |g: &Tensor<Double>| Tensor::full(g.backend(), g.shape(), f64::MAX).and_then(|g| ops::add(&g, &g));
        one(&v[0], v[0].value().clone(), nan)
    });
}

#[test]
fn a_right_gradient_is_not_found_wrong() {
    assert_found("tanh", &[normal("x", [2, 3])], &[], |v| vjp::tanh(&v[0]));
}

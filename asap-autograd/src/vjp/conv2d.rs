//! Convolutions: two more convolutions, and the bias's gradient is g summed over everything but the channels.

use asap_tensor::ops::{Conv2d, Conv2dTransposed};
use asap_tensor::{Backend, Ids, Result, Tensor, ops};

use super::{when, with_optional};
use crate::tape::Var;

/// The convolution of x, (N, I, H, W), with a weight (O, I, R, S) and an optional bias (O), zeros around x.
///
/// # Errors
/// As [`ops::conv2d`](fn@ops::conv2d).
pub fn conv2d<B: Backend>(
    x: &Var<B>,
    weight: &Var<B>,
    bias: Option<&Var<B>>,
    stride: usize,
    padding: usize,
) -> Result<Var<B>> {
    let args = Conv2d { stride, padding };
    let y = ops::conv2d(x.value(), weight.value(), bias.map(Var::value), args)?;
    let (shape, saved_weight) = (x.shape(), weight.value().clone());
    // Constant weights, a discriminator's in the generator's round, don't keep the images alive.
    let saved_x = weight.is_recorded().then(|| x.value().clone());
    Var::record(y, &with_optional(&[x, weight], bias), move |g, wants| {
        let weight = &saved_weight;
        let grad_weight = |x| ops::conv2d_grad_weight(x, g, weight.shape(), args);
        Ok(vec![
            when(wants[0], || ops::conv2d_grad_input(g, weight, shape, args))?,
            saved_x.as_ref().map(grad_weight).transpose()?,
            when(wants.get(2) == Some(&true), || ops::sum_channels(g))?,
        ])
    })
}

/// [`conv2d`] of the one-hot form of ids (N, 1, H, W), with a weight (O, classes, R, S).
///
/// # Errors
/// As [`ops::conv2d_ids`].
pub fn conv2d_ids<B: Backend>(
    ids: &Ids<B>,
    weight: &Var<B>,
    bias: Option<&Var<B>>,
    stride: usize,
    padding: usize,
) -> Result<Var<B>> {
    let args = Conv2d { stride, padding };
    let y = ops::conv2d_ids(ids, weight.value(), bias.map(Var::value), args)?;
    let (ids, shape) = (ids.clone(), weight.shape());
    Var::record(y, &with_optional(&[weight], bias), move |g, wants| {
        Ok(vec![
            when(wants[0], || ops::conv2d_ids_grad_weight(&ids, g, shape, args))?,
            when(wants.get(1) == Some(&true), || ops::sum_channels(g))?,
        ])
    })
}

/// [`conv2d`] of the one-hot form of ids (N, 1, H, W) with the channels of x, (N, C, H, W), behind; the weight is
/// (O, classes + C, R, S).
///
/// # Errors
/// As [`ops::conv2d_stack`].
pub fn conv2d_stack<B: Backend>(
    ids: &Ids<B>,
    x: &Var<B>,
    weight: &Var<B>,
    bias: Option<&Var<B>>,
    stride: usize,
    padding: usize,
) -> Result<Var<B>> {
    let args = Conv2d { stride, padding };
    let y = ops::conv2d_stack(ids, x.value(), weight.value(), bias.map(Var::value), args)?;
    let (shape, saved_weight) = (x.shape(), weight.value().clone());
    let saved = weight.is_recorded().then(|| (ids.clone(), x.value().clone()));
    Var::record(y, &with_optional(&[x, weight], bias), move |g, wants| {
        let weight = &saved_weight;
        let channels = shape.dims()[1];
        let classes = weight.dims()[1] - channels;
        let of_x = weight.shape().with(1, channels);
        let grad_input = || {
            let weight = ops::narrow(weight, 1, classes, channels)?;
            ops::conv2d_grad_input(g, &weight, shape, args)
        };
        let grad_weight = |(ids, x): &(Ids<B>, Tensor<B>)| {
            let of_ids = ops::conv2d_ids_grad_weight(ids, g, weight.shape().with(1, classes), args)?;
            ops::cat(&[&of_ids, &ops::conv2d_grad_weight(x, g, of_x, args)?], 1)
        };
        Ok(vec![
            when(wants[0], grad_input)?,
            saved.as_ref().map(grad_weight).transpose()?,
            when(wants.get(2) == Some(&true), || ops::sum_channels(g))?,
        ])
    })
}

/// The transposed convolution of x, (N, I, H, W), with a weight (I, O, R, S) and an optional bias (O).
///
/// # Errors
/// As [`ops::conv2d_transposed`].
pub fn conv2d_transposed<B: Backend>(
    x: &Var<B>,
    weight: &Var<B>,
    bias: Option<&Var<B>>,
    stride: usize,
    padding: usize,
    output_padding: usize,
) -> Result<Var<B>> {
    let args = Conv2dTransposed { stride, padding, output_padding };
    let (x_value, weight_value) = (x.value(), weight.value());
    let y = ops::conv2d_transposed(x_value, weight_value, bias.map(Var::value), args)?;
    let saved_weight = weight_value.clone();
    let saved_x = weight.is_recorded().then(|| x_value.clone());
    Var::record(y, &with_optional(&[x, weight], bias), move |g, wants| {
        let args = Conv2d { stride, padding };
        let weight = &saved_weight;
        let grad_weight = |x| ops::conv2d_grad_weight(g, x, weight.shape(), args);
        Ok(vec![
            when(wants[0], || ops::conv2d(g, weight, None, args))?,
            saved_x.as_ref().map(grad_weight).transpose()?,
            when(wants.get(2) == Some(&true), || ops::sum_channels(g))?,
        ])
    })
}

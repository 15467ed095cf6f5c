//! Convolution: the gradients of x and the weight are convolutions too; the bias's is g summed per channel.

use asap_tensor::ops::{self, Conv2d, Conv2dTransposed};
use asap_tensor::{Backend, Ids, Result};

use crate::tape::Var;

impl<B: Backend> Var<B> {
    /// The zero-padded convolution of x, (N, I, H, W), with a weight (O, I, R, S) and an optional bias (O).
    pub fn conv2d(&self, weight: &Self, bias: Option<&Self>, args: Conv2d) -> Result<Self> {
        let y = ops::conv2d(self.value(), weight.value(), bias.map(Var::value), args)?;
        let (shape, saved_weight) = (self.shape(), weight.value().clone());
        // A frozen weight, as a discriminator's in the generator's update, doesn't keep x alive.
        let saved_x = weight.is_recorded().then(|| self.value().clone());
        Var::record(y, [Some(self), Some(weight), bias], move |g, [wants_x, _, wants_bias]| {
            let weight = &saved_weight;
            let grad_x = wants_x.then(|| ops::conv2d_grad_input(g, weight, shape, args));
            let grad_weight = saved_x.map(|x| ops::conv2d_grad_weight(&x, g, weight.shape(), args));
            let grad_bias = wants_bias.then(|| ops::sum_channels(g));
            Ok([grad_x.transpose()?, grad_weight.transpose()?, grad_bias.transpose()?])
        })
    }

    /// [`conv2d`](Self::conv2d) of the one-hot form of ids (N, H, W), with a weight (O, classes, R, S).
    pub fn conv2d_ids(ids: &Ids<B>, weight: &Self, bias: Option<&Self>, args: Conv2d) -> Result<Self> {
        let y = ops::conv2d_ids(ids, weight.value(), bias.map(Var::value), args)?;
        let (ids, shape) = (ids.clone(), weight.shape());
        Var::record(y, [Some(weight), bias], move |g, [wants_weight, wants_bias]| {
            let grad_weight = wants_weight.then(|| ops::conv2d_ids_grad_weight(&ids, g, shape, args));
            let grad_bias = wants_bias.then(|| ops::sum_channels(g));
            Ok([grad_weight.transpose()?, grad_bias.transpose()?])
        })
    }

    /// [`conv2d`](Self::conv2d) of the one-hot form of ids (N, H, W) followed by the channels of x, (N, C, H, W);
    /// the weight is (O, classes + C, R, S).
    pub fn conv2d_stack(ids: &Ids<B>, x: &Self, weight: &Self, bias: Option<&Self>, args: Conv2d) -> Result<Self> {
        let y = ops::conv2d_stack(ids, x.value(), weight.value(), bias.map(Var::value), args)?;
        let (shape, saved_weight) = (x.shape(), weight.value().clone());
        let saved_input = weight.is_recorded().then(|| (ids.clone(), x.value().clone()));
        Var::record(y, [Some(x), Some(weight), bias], move |g, [wants_x, _, wants_bias]| {
            let weight = &saved_weight;
            let channels = shape.dims()[1];
            let classes = weight.dims()[1] - channels;
            let grad_x = wants_x.then(|| {
                let weight = ops::narrow(weight, 1, classes, channels)?;
                ops::conv2d_grad_input(g, &weight, shape, args)
            });
            let grad_weight = saved_input.map(|(ids, x)| {
                let of_ids = ops::conv2d_ids_grad_weight(&ids, g, weight.shape().with(1, classes), args)?;
                let of_x = ops::conv2d_grad_weight(&x, g, weight.shape().with(1, channels), args)?;
                ops::cat(&[&of_ids, &of_x], 1)
            });
            let grad_bias = wants_bias.then(|| ops::sum_channels(g));
            Ok([grad_x.transpose()?, grad_weight.transpose()?, grad_bias.transpose()?])
        })
    }

    /// The transposed convolution of x, (N, I, H, W), with a weight (I, O, R, S) and an optional bias (O).
    pub fn conv2d_transposed(&self, weight: &Self, bias: Option<&Self>, args: Conv2dTransposed) -> Result<Self> {
        let y = ops::conv2d_transposed(self.value(), weight.value(), bias.map(Var::value), args)?;
        let saved_weight = weight.value().clone();
        let saved_x = weight.is_recorded().then(|| self.value().clone());
        Var::record(y, [Some(self), Some(weight), bias], move |g, [wants_x, _, wants_bias]| {
            let args = Conv2d { stride: args.stride, padding: args.padding };
            let grad_x = wants_x.then(|| ops::conv2d(g, &saved_weight, None, args));
            let grad_weight = saved_x.map(|x| ops::conv2d_grad_weight(g, &x, saved_weight.shape(), args));
            let grad_bias = wants_bias.then(|| ops::sum_channels(g));
            Ok([grad_x.transpose()?, grad_weight.transpose()?, grad_bias.transpose()?])
        })
    }
}

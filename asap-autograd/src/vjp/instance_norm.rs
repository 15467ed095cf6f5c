//! Instance norm with its activation: one gradient kernel gives all gradients.

use asap_tensor::ops::{self, Normalised};
use asap_tensor::{Backend, Result, Tensor};

use crate::tape::Var;

/// Instance norm of x, (N, C, H, W), with `affine` = (γ, β), each (C), followed by a leaky ReLU of that slope (1: no
/// activation, 0: ReLU).
///
/// # Errors
/// As [`ops::instance_norm`](fn@ops::instance_norm).
pub fn instance_norm<B: Backend>(
    x: &Var<B>,
    affine: Option<(&Var<B>, &Var<B>)>,
    epsilon: f64,
    slope: f64,
) -> Result<Var<B>> {
    Ok(instance_norm_with_statistics(x, affine, epsilon, slope)?.0)
}

/// [`instance_norm`], and the μ and 1/√(σ² + ε) that it norms by, each (N, C), as constants.
///
/// # Errors
/// As [`instance_norm`].
pub fn instance_norm_with_statistics<B: Backend>(
    x: &Var<B>,
    affine: Option<(&Var<B>, &Var<B>)>,
    epsilon: f64,
    slope: f64,
) -> Result<(Var<B>, [Tensor<B>; 2])> {
    let values = affine.map(|(scale, shift)| (scale.value(), shift.value()));
    // y is not kept: the gradient needs x and the statistics only.
    let Normalised { y, mean, inverse_deviation } = ops::instance_norm(x.value(), values, epsilon, slope)?;
    let inputs: Vec<_> = [Some(x), affine.map(|a| a.0), affine.map(|a| a.1)].into_iter().flatten().collect();
    let saved_x = x.value().clone();
    let saved_affine = values.map(|(scale, shift)| (scale.clone(), shift.clone()));
    let statistics = [mean.clone(), inverse_deviation.clone()];
    let y = Var::record(y, &inputs, move |g, _| {
        let affine = saved_affine.as_ref().map(|(scale, shift)| (scale, shift));
        let grads = ops::instance_norm_grad(&saved_x, &mean, &inverse_deviation, affine, g, epsilon, slope)?;
        let (scale, shift) = grads.affine.unzip();
        Ok(vec![Some(grads.x), scale, shift])
    })?;
    Ok((y, statistics))
}

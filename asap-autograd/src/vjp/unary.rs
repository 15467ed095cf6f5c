//! Functions of one number: g · f′(x).

use asap_tensor::ops::{self, Unary};
use asap_tensor::{Backend, Result};

use super::when;
use crate::tape::Var;

/// y = f(x).
///
/// # Errors
/// As [`ops::unary`](fn@ops::unary).
pub fn unary<B: Backend>(op: Unary, x: &Var<B>) -> Result<Var<B>> {
    let y = ops::unary(op, x.value())?;
    if let Unary::Affine { scale, .. } = op {
        let slope = Unary::Affine { scale, shift: 0.0 };
        return Var::record(y, &[x], move |g, wants| Ok(vec![when(wants[0], || ops::unary(slope, g))?]));
    }
    // Only these can't tell f′ from y alone; for the others x may be released.
    let needs_x = match op {
        Unary::Abs => true,
        Unary::LeakyRelu { slope } => slope < 0.0,
        Unary::Sqrt | Unary::Tanh | Unary::Sigmoid | Unary::Affine { .. } => false,
    };
    let saved_y = y.clone();
    let saved_x = if needs_x { x.value().clone() } else { y.clone() };
    Var::record(y, &[x], move |g, wants| Ok(vec![when(wants[0], || ops::unary_grad(op, &saved_x, &saved_y, g))?]))
}

/// |x|.
///
/// # Errors
/// As [`ops::unary`](fn@ops::unary).
pub fn abs<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    unary(Unary::Abs, x)
}

/// √x.
///
/// # Errors
/// As [`ops::unary`](fn@ops::unary).
pub fn sqrt<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    unary(Unary::Sqrt, x)
}

/// tanh x.
///
/// # Errors
/// As [`ops::unary`](fn@ops::unary).
pub fn tanh<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    unary(Unary::Tanh, x)
}

/// 1/(1 + e⁻ˣ).
///
/// # Errors
/// As [`ops::unary`](fn@ops::unary).
pub fn sigmoid<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    unary(Unary::Sigmoid, x)
}

/// max(0, x).
///
/// # Errors
/// As [`ops::unary`](fn@ops::unary).
pub fn relu<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    unary(Unary::RELU, x)
}

/// x where x > 0, else `slope`·x.
///
/// # Errors
/// As [`ops::unary`](fn@ops::unary).
pub fn leaky_relu<B: Backend>(x: &Var<B>, slope: f64) -> Result<Var<B>> {
    unary(Unary::LeakyRelu { slope }, x)
}

/// `scale`·x + `shift`.
///
/// # Errors
/// As [`ops::unary`](fn@ops::unary).
pub fn affine<B: Backend>(x: &Var<B>, scale: f64, shift: f64) -> Result<Var<B>> {
    unary(Unary::Affine { scale, shift }, x)
}

/// −x.
///
/// # Errors
/// As [`ops::unary`](fn@ops::unary).
pub fn neg<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    affine(x, -1.0, 0.0)
}

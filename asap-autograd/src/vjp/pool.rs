//! Pooling: to the largest; spread over the block.

use asap_tensor::{Backend, Result, ops};

use super::when;
use crate::tape::Var;

/// The largest of each 2×2 block: (N, C, H, W) → (N, C, H/2, W/2), rounded down.
///
/// # Errors
/// As [`ops::max_pool2`].
pub fn max_pool2<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    let saved = x.value().clone();
    Var::record(ops::max_pool2(x.value())?, &[x], move |g, wants| {
        Ok(vec![when(wants[0], || ops::max_pool2_grad(&saved, g))?])
    })
}

/// The mean of each 3×3 at stride 2, padding 1 not counted: (N, C, H, W) → (N, C, (H + 1)/2, (W + 1)/2), rounded down.
///
/// # Errors
/// As [`ops::avg_pool`].
pub fn avg_pool<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    let y = ops::avg_pool(x.value())?;
    let [_, _, height, width] = x.value().nchw("avg_pool")?;
    Var::record(y, &[x], move |g, wants| Ok(vec![when(wants[0], || ops::avg_pool_grad(g, height, width))?]))
}

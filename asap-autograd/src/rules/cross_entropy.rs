//! Cross entropy: the gradient is softmax minus the one-hot form of the ids.

use asap_tensor::{Backend, Ids, Result, Tensor, ops};

use crate::tape::Var;

impl<B: Backend> Var<B> {
    /// The cross entropy of each pixel, of logits (N, C, H, W) and ids (N, H, W): (N, 1, H, W). It is 0 where an id is C or
    /// more.
    pub fn cross_entropy(&self, ids: &Ids<B>) -> Result<Self> {
        let y = ops::cross_entropy(self.value(), ids)?;
        let (x, log_sums, ids) = (self.value().clone(), y.log_sums, ids.clone());
        Var::record(y.losses, [self], move |g, _| Ok([Some(ops::cross_entropy_grad(&x, &log_sums, &ids, g)?)]))
    }

    /// The [weighted mean](Self::weighted_mean) of the [cross entropy](Self::cross_entropy) over pixels, of shape (): each
    /// has the weight of its class, `weights` (C), or 0 where its id is C or more. 0 if no pixel has a weight.
    pub fn mean_cross_entropy(&self, ids: &Ids<B>, weights: &Tensor<B>) -> Result<Self> {
        let weights = ops::look_up(ids, &weights.reshape([1, weights.count()])?)?;
        self.cross_entropy(ids)?.weighted_mean(&weights)
    }
}

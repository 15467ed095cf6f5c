//! Pooling: the gradient goes to the maximum of each block, or evenly over the window.

use asap_tensor::{Backend, Result, ops};

use crate::tape::Var;

impl<B: Backend> Var<B> {
    /// The maximum of each 2×2 block: (N, C, H, W) → (N, C, ⌊H/2⌋, ⌊W/2⌋).
    pub fn max_pool2(&self) -> Result<Self> {
        let (y, saved_x) = (ops::max_pool2(self.value())?, self.value().clone());
        Var::record(y, [self], move |g, _| Ok([Some(ops::max_pool2_grad(&saved_x, g)?)]))
    }

    /// The mean of each 3×3 window at stride 2 and padding 1, padding not counted: (N, C, H, W) →
    /// (N, C, ⌊(H + 1)/2⌋, ⌊(W + 1)/2⌋).
    pub fn avg_pool(&self) -> Result<Self> {
        let y = ops::avg_pool(self.value())?;
        let [_, _, height, width] = self.value().nchw("avg_pool")?;
        Var::record(y, [self], move |g, _| Ok([Some(ops::avg_pool_grad(g, height, width)?)]))
    }
}

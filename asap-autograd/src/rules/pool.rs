//! Pooling: the gradient goes to the maximum of each block.

use asap_tensor::{Backend, Result, ops};

use crate::tape::Var;

impl<B: Backend> Var<B> {
    /// The maximum of each 2×2 block: (N, C, H, W) → (N, C, ⌊H/2⌋, ⌊W/2⌋).
    pub fn max_pool2(&self) -> Result<Self> {
        let (y, saved_x) = (ops::max_pool2(self.value())?, self.value().clone());
        Var::record(y, [self], move |g, _| Ok([Some(ops::max_pool2_grad(&saved_x, g)?)]))
    }
}

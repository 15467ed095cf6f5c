//! Networks of which only the forward pass is known.

use std::fmt::Debug;

use asap_autograd::Var;
use asap_tensor::Backend;

use super::context::ForwardContext;
use super::input::Input;
use crate::Result;

/// A network, or part of one, from an input to an image.
pub trait Module<B: Backend>: Debug + Send + Sync {
    /// (N, C, H, W) → the image.
    ///
    /// # Errors
    /// If the size or the channels do not fit.
    fn forward(&self, ctx: &ForwardContext<'_, B>, x: &Input<B>) -> Result<Var<B>>;
}

//! What the networks are conditioned on: a label map or an image, and instance edges.

use asap_autograd::{Var, vjp};
use asap_tensor::Backend;

use crate::Result;
use crate::layers::{Labels, Stack};

/// What each pixel's own network sees.
#[derive(Clone)]
pub enum Pixels<B: Backend> {
    /// A label map.
    Labels(Labels<B>),
    /// Numbers, (N, C, H, W): a colour image in [−1, 1], or one-hot labels.
    Dense(Var<B>),
}

/// The input of generator and discriminators.
#[derive(Clone)]
pub struct Condition<B: Backend> {
    /// The label map or image.
    pub pixels: Pixels<B>,
    /// 1 where the instance differs from a neighbour's, (N, 1, H, W); only the low-resolution stream and the
    /// discriminators see it.
    pub edges: Option<Var<B>>,
}

impl<B: Backend> Condition<B> {
    /// All channels in the order of the published weights: labels or image, then edges.
    ///
    /// # Errors
    /// If the edges have another size.
    pub fn stack(&self) -> Result<Stack<B>> {
        Ok(match (&self.pixels, &self.edges) {
            (Pixels::Labels(labels), edges) => Stack { labels: Some(labels.clone()), dense: edges.clone() },
            (Pixels::Dense(x), None) => Stack::dense(x.clone()),
            (Pixels::Dense(x), Some(edges)) => Stack::dense(vjp::cat(&[x, edges], 1)?),
        })
    }
}

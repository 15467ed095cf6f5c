//! Channels stacked for a convolution: labels, whose one-hot form never exists, and dense channels after them.

use asap_autograd::{Var, vjp};
use asap_tensor::ops::{Pad, PadMode, Taps, one_hot, pad_ids, resize_ids};
use asap_tensor::{Backend, Ids};

use crate::Result;

/// A batch of label maps and how many labels there are.
#[derive(Clone, Debug)]
pub struct Labels<B: Backend> {
    /// (N, 1, H, W).
    pub ids: Ids<B>,
    /// C: the channels of the one-hot form.
    pub classes: usize,
}

/// An image of one-hot labels followed by dense channels, either of which may be absent (not both).
#[derive(Clone)]
pub struct Stack<B: Backend> {
    /// The first channels.
    pub labels: Option<Labels<B>>,
    /// The channels after them, (N, C, H, W).
    pub dense: Option<Var<B>>,
}

impl<B: Backend> Stack<B> {
    /// Dense channels alone.
    pub fn dense(x: Var<B>) -> Self {
        Stack { labels: None, dense: Some(x) }
    }

    /// The same with more dense channels behind.
    ///
    /// # Errors
    /// If the sizes differ.
    pub fn with(&self, x: &Var<B>) -> Result<Self> {
        let dense = match &self.dense {
            Some(dense) => vjp::cat(&[dense, x], 1)?,
            None => x.clone(),
        };
        Ok(Stack { labels: self.labels.clone(), dense: Some(dense) })
    }

    /// Convolution with a weight (O, C, R, S) over all channels, zeros around the image.
    ///
    /// # Errors
    /// If the channels are not the weight's.
    pub fn conv2d(&self, weight: &Var<B>, bias: Option<&Var<B>>, stride: usize, padding: usize) -> Result<Var<B>> {
        Ok(match (&self.labels, &self.dense) {
            (Some(labels), None) => vjp::conv2d_ids(&labels.ids, weight, bias, stride, padding)?,
            (None, Some(dense)) => vjp::conv2d(dense, weight, bias, stride, padding)?,
            (Some(labels), Some(dense)) => vjp::conv2d_stack(&labels.ids, dense, weight, bias, stride, padding)?,
            (None, None) => unreachable!("a stack has channels"),
        })
    }

    /// The image mirrored about its outermost pixels, by `amount` on all sides.
    ///
    /// # Errors
    /// If the image is no larger than `amount`.
    pub fn reflect(&self, amount: usize) -> Result<Self> {
        let labels = match &self.labels {
            Some(Labels { ids, classes }) => Some(Labels { ids: pad_ids(ids, Pad::all(amount))?, classes: *classes }),
            None => None,
        };
        let dense = match &self.dense {
            Some(dense) => Some(vjp::pad2d(dense, Pad::all(amount), PadMode::Reflect)?),
            None => None,
        };
        Ok(Stack { labels, dense })
    }

    /// The image resampled: fractions of labels, and so dense.
    ///
    /// # Errors
    /// If the taps were made for another size.
    pub fn resize(&self, rows: &Taps, columns: &Taps) -> Result<Self> {
        let votes = match &self.labels {
            Some(Labels { ids, classes }) => Some(Var::constant(resize_ids(ids, *classes, rows, columns)?)),
            None => None,
        };
        let dense = match &self.dense {
            Some(dense) => Some(vjp::resize(dense, rows, columns)?),
            None => None,
        };
        Ok(match (votes, dense) {
            (Some(votes), Some(dense)) => Stack::dense(vjp::cat(&[&votes, &dense], 1)?),
            (votes, dense) => Stack { labels: None, dense: votes.or(dense) },
        })
    }

    /// All channels as numbers, (N, C, H, W): the labels in their one-hot form.
    ///
    /// # Errors
    /// If the device fails.
    pub fn to_dense(&self) -> Result<Var<B>> {
        let labels = match &self.labels {
            Some(Labels { ids, classes }) => Some(Var::constant(one_hot(ids, *classes)?)),
            None => None,
        };
        Ok(match (labels, &self.dense) {
            (Some(labels), Some(dense)) => vjp::cat(&[&labels, dense], 1)?,
            (Some(only), None) => only,
            (None, Some(only)) => only.clone(),
            (None, None) => unreachable!("a stack has channels"),
        })
    }

    /// (N, H, W).
    pub fn sizes(&self) -> [usize; 3] {
        match (&self.labels, &self.dense) {
            (Some(labels), _) => labels.ids.sizes(),
            (None, Some(dense)) => dense.shape().nchw().map_or([0; 3], |[n, _, h, w]| [n, h, w]),
            (None, None) => [0; 3],
        }
    }
}

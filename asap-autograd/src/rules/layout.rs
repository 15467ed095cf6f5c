//! Ops that move elements without changing them: the gradient moves back.

use asap_tensor::ops::{self, Pad, PadMode};
use asap_tensor::{Backend, Result, Shape};

use crate::tape::Var;

impl<B: Backend> Var<B> {
    /// The same elements, in order, with another shape; nothing is copied.
    pub fn reshape(&self, shape: impl Into<Shape>) -> Result<Self> {
        let (y, from) = (self.value().reshape(shape)?, self.shape());
        Var::record(y, [self], move |g, _| Ok([Some(g.reshape(from)?)]))
    }

    /// The axes in another order: axis i of the output is axis `axes[i]` of x.
    pub fn permute(&self, axes: &[usize]) -> Result<Self> {
        let y = ops::permute(self.value(), axes)?;
        let mut inverse = vec![0; axes.len()];
        for (to, &from) in axes.iter().enumerate() {
            inverse[from] = to;
        }
        Var::record(y, [self], move |g, _| Ok([Some(ops::permute(g, &inverse)?)]))
    }

    /// The range `start..start + length` of one axis.
    pub fn narrow(&self, axis: usize, start: usize, length: usize) -> Result<Self> {
        let y = ops::narrow(self.value(), axis, start, length)?;
        let size = self.value().dims()[axis];
        Var::record(y, [self], move |g, _| Ok([Some(ops::place(g, axis, start, size)?)]))
    }

    /// Concatenation along one axis.
    pub fn cat(inputs: &[&Self], axis: usize) -> Result<Self> {
        let values: Vec<_> = inputs.iter().map(|input| input.value()).collect();
        let y = ops::cat(&values, axis)?;
        let lengths: Vec<usize> = values.iter().map(|value| value.dims()[axis]).collect();
        Var::record_many(y, inputs, move |g, wants| {
            let mut start = 0;
            let mut grads = Vec::with_capacity(lengths.len());
            for (&length, &wanted) in lengths.iter().zip(wants) {
                grads.push(wanted.then(|| ops::narrow(g, axis, start, length)).transpose()?);
                start += length;
            }
            Ok(grads)
        })
    }

    /// Rows and columns added around images: (N, C, H, W) → (N, C, H + top + bottom, W + left + right).
    pub fn pad2d(&self, pad: Pad, mode: PadMode) -> Result<Self> {
        let y = ops::pad2d(self.value(), pad, mode)?;
        Var::record(y, [self], move |g, _| Ok([Some(ops::pad2d_grad(g, pad, mode)?)]))
    }
}

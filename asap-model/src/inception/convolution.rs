//! Convolution – batch norm – ReLU, the batch norm folded into the convolution.

use asap_tensor::ops::{Conv2d, Pad, PadMode, Unary, conv2d, pad2d, unary};
use asap_tensor::{Backend, Tensor};

use crate::Result;
use crate::network::Kind;

/// ε of the batch norms (published code).
const EPSILON: f64 = 1e-3;

/// Gives the numbers of a key of that shape.
pub(super) type Numbers<'a> = dyn FnMut(&str, &[usize], Kind) -> Result<Vec<f32>> + 'a;

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// Channels before.
    pub inputs: usize,
    /// Channels after.
    pub outputs: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// The step.
    pub stride: usize,
    /// Zeros above and below, and on the left and right.
    pub padding: [usize; 2],
}

/// A convolution whose weight and bias hold the batch norm after it.
#[derive(Clone, Debug)]
pub(super) struct Convolution<B: Backend> {
    weight: Tensor<B>,
    bias: Tensor<B>,
    stride: usize,
    padding: [usize; 2],
}

impl<B: Backend> Convolution<B> {
    /// The convolution `name`.conv with the batch norm `name`.bn in inference: with s = γ / √(σ² + ε), the weight is
    /// multiplied by s and the bias is β − μ·s, computed in double precision.
    pub fn new(backend: &B, numbers: &mut Numbers<'_>, name: &str, size: Size) -> Result<Self> {
        let Size { inputs, outputs, kernel: [height, width], stride, padding } = size;
        let shape = [outputs, inputs, height, width];
        let weight = numbers(&format!("{name}.conv.weight"), &shape, Kind::Weight)?;
        let mut norm = |key: &str, kind| numbers(&format!("{name}.bn.{key}"), &[outputs], kind);
        let (scale, shift) = (norm("weight", Kind::Scale)?, norm("bias", Kind::Shift)?);
        let (mean, variance) = (norm("running_mean", Kind::Shift)?, norm("running_var", Kind::Scale)?);
        let factor = |o: usize| f64::from(scale[o]) / (f64::from(variance[o]) + EPSILON).sqrt();
        let folded = weight.chunks_exact(inputs * height * width).enumerate();
        let weight: Vec<f64> = folded
            .flat_map(|(o, row)| row.iter().map(move |&w| (o, w)))
            .map(|(o, w)| f64::from(w) * factor(o))
            .collect();
        let bias: Vec<f64> = (0..outputs).map(|o| f64::from(shift[o]) - f64::from(mean[o]) * factor(o)).collect();
        Ok(Convolution {
            weight: Tensor::from_f64(backend, shape, &weight)?,
            bias: Tensor::from_f64(backend, [outputs], &bias)?,
            stride,
            padding,
        })
    }

    /// (N, inputs, H, W) → (N, outputs, H′, W′), not below 0.
    pub fn forward(&self, x: &Tensor<B>) -> Result<Tensor<B>> {
        let [rows, columns] = self.padding;
        let (stride, bias) = (self.stride, Some(&self.bias));
        let y = if rows == columns {
            conv2d(x, &self.weight, bias, Conv2d { stride, padding: rows })?
        } else {
            let pad = Pad { top: rows, bottom: rows, left: columns, right: columns };
            conv2d(&pad2d(x, pad, PadMode::Zero)?, &self.weight, bias, Conv2d { stride, padding: 0 })?
        };
        Ok(unary(Unary::RELU, &y)?)
    }
}

//! The arguments and sizes of a convolution.

use crate::error::{Error, Result, require, require_argument};
use crate::profile::Cost;
use crate::shape::Shape;

/// The arguments of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv2d {
    /// Step between outputs, in both directions.
    pub stride: usize,
    /// Zeros around x, on all sides.
    pub padding: usize,
}

impl Conv2d {
    /// Stride 1.
    pub const fn padded(padding: usize) -> Self {
        Conv2d { stride: 1, padding }
    }
}

impl Default for Conv2d {
    /// Stride 1 without padding.
    fn default() -> Self {
        Conv2d::padded(0)
    }
}

/// The sizes of a convolution, checked to be consistent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2dSize {
    /// N.
    pub batch: usize,
    /// Channels of x; for ids, the number of classes.
    pub in_channels: usize,
    /// H of x.
    pub in_height: usize,
    /// W of x.
    pub in_width: usize,
    /// Channels of y.
    pub out_channels: usize,
    /// Rows of the kernel.
    pub kernel_height: usize,
    /// Columns of the kernel.
    pub kernel_width: usize,
    /// Step between outputs, in both directions.
    pub stride: usize,
    /// Zeros around x, on all sides.
    pub padding: usize,
    /// H of y: (H + 2·padding − kernel_height) / stride + 1, rounded down.
    pub out_height: usize,
    /// W of y, likewise.
    pub out_width: usize,
}

impl Conv2dSize {
    /// The sizes of convolving x, (N, I, H, W), with a weight (O, I, R, S).
    pub fn new(op: &'static str, x: Shape, weight: Shape, args: Conv2d) -> Result<Self> {
        let Conv2d { stride, padding } = args;
        let (Some([batch, in_channels, in_height, in_width]), Some([out_channels, inner, kernel_height, kernel_width])) =
            (x.nchw(), weight.nchw())
        else {
            let why = "they must be (N, I, H, W) and (O, I, R, S)".into();
            return Err(Error::Shapes { op, left: x.into(), right: weight.into(), why });
        };
        require(in_channels == inner, op, x, weight, || {
            format!("the image has {in_channels} channels, the weight takes {inner}")
        })?;
        require_argument(stride > 0, op, || "the stride must be at least 1".into())?;
        let (padded_height, padded_width) = (in_height + 2 * padding, in_width + 2 * padding);
        let fits = (1..=padded_height).contains(&kernel_height) && (1..=padded_width).contains(&kernel_width);
        require(fits, op, x, weight, || {
            format!("the kernel must be at least 1×1 and at most {padded_height}×{padded_width}, the padded image")
        })?;
        Ok(Conv2dSize {
            batch,
            in_channels,
            in_height,
            in_width,
            out_channels,
            kernel_height,
            kernel_width,
            stride,
            padding,
            out_height: (padded_height - kernel_height) / stride + 1,
            out_width: (padded_width - kernel_width) / stride + 1,
        })
    }

    /// The shape of x.
    pub fn input(&self) -> Shape {
        Shape::from([self.batch, self.in_channels, self.in_height, self.in_width])
    }

    /// The shape of the weight.
    pub fn weight(&self) -> Shape {
        Shape::from([self.out_channels, self.in_channels, self.kernel_height, self.kernel_width])
    }

    /// The shape of y.
    pub fn output(&self) -> Shape {
        Shape::from([self.batch, self.out_channels, self.out_height, self.out_width])
    }

    /// Number of values of x that an element of y is a sum over.
    pub fn patch(&self) -> usize {
        self.in_channels * self.kernel_height * self.kernel_width
    }

    /// The row of x that output row `p` reads with kernel row `r`, or `None` for padding.
    #[inline(always)]
    pub fn source_row(&self, p: usize, r: usize) -> Option<usize> {
        (p * self.stride + r).checked_sub(self.padding).filter(|&y| y < self.in_height)
    }

    /// The column of x that output column `q` reads with kernel column `s`, or `None` for padding.
    #[inline(always)]
    pub fn source_column(&self, q: usize, s: usize) -> Option<usize> {
        (q * self.stride + s).checked_sub(self.padding).filter(|&x| x < self.in_width)
    }

    /// The cost for ids instead of their one-hot form: one weight for each pixel and tap.
    pub(super) fn ids_cost(&self) -> Cost {
        let taps = self.kernel_height * self.kernel_width;
        let elements = self.weight().count() + self.output().count();
        Cost { macs: (self.output().count() * taps) as u64, elements: elements as u64 }
    }

    pub(super) fn cost(&self) -> Cost {
        let elements = self.input().count() + self.weight().count() + self.output().count();
        Cost { macs: (self.output().count() as u64).saturating_mul(self.patch() as u64), elements: elements as u64 }
    }
}

//! Convolutions at stride 1.

use crate::ops::conv2d::size::Conv2dSize;

/// A convolution at stride 1: of x, or of the gradient in y with the kernel flipped, which gives the gradient in x.
#[derive(Clone, Copy, Debug)]
pub(super) struct Convolution {
    pub(super) batch: usize,
    /// Channels, rows and columns of its input.
    pub(super) input: [usize; 3],
    pub(super) output: [usize; 3],
    /// Rows and columns of the kernel.
    pub(super) kernel: [usize; 2],
    /// Rows of zeros above its input, and columns to the left.
    pub(super) padding: [usize; 2],
    /// Whether the weight is that of the forward pass: (inputs, outputs, R, S), and flipped.
    pub(super) flipped: bool,
}

impl Convolution {
    pub(super) fn forward(size: &Conv2dSize) -> Self {
        Convolution {
            batch: size.batch,
            input: [size.in_channels, size.in_height, size.in_width],
            output: [size.out_channels, size.out_height, size.out_width],
            kernel: [size.kernel_height, size.kernel_width],
            padding: [size.padding; 2],
            flipped: false,
        }
    }

    pub(super) fn grad_input(size: &Conv2dSize) -> Self {
        let Convolution { batch, input, output, kernel, padding, .. } = Convolution::forward(size);
        let padding = [kernel[0] - 1 - padding[0], kernel[1] - 1 - padding[1]];
        Convolution { batch, input: output, output: input, kernel, padding, flipped: true }
    }
}

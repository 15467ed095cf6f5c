//! The sizes of the networks, and the pixels as kernels get them.

use crate::profile::Cost;
use crate::shape::Shape;

/// Slope of the leaky ReLU between layers (supplementary 1.2).
pub const SLOPE: f64 = 0.01;

/// The pixels as kernels get them.
#[derive(Debug)]
pub enum RawPixels<'a, Buffer, IdBuffer> {
    /// (N, H, W) ids.
    Ids(&'a IdBuffer),
    /// (N, C, H, W) values.
    Dense(&'a Buffer),
}

/// The sizes of the networks and of the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PixelMlpSize {
    /// N.
    pub batch: usize,
    /// Rows of tiles.
    pub grid_height: usize,
    /// Columns of tiles.
    pub grid_width: usize,
    /// S.
    pub tile: usize,
    /// Label classes or color channels of a pixel.
    pub inputs: usize,
    /// Periods of the position features; each gives four.
    pub periods: usize,
    /// C_0 … C_n; C_0 = inputs + 4·periods.
    pub widths: Vec<usize>,
}

impl PixelMlpSize {
    /// C_total = Σ (C_n·C_{n−1} + C_n): parameters of one tile.
    pub fn parameters(&self) -> usize {
        self.widths.windows(2).map(|w| w[0] * w[1] + w[1]).sum()
    }

    // ANCHOR: offsets
    /// Where layer n's biases and then its weights begin among a tile's parameters, for n from 0.
    pub fn offsets(&self) -> Vec<(usize, usize)> {
        let mut start = 0;
        self.widths
            .windows(2)
            .map(|w| {
                let offsets = (start, start + w[1]);
                start += w[1] + w[0] * w[1];
                offsets
            })
            .collect()
    }
    // ANCHOR_END: offsets

    /// H of the image.
    pub fn height(&self) -> usize {
        self.grid_height * self.tile
    }

    /// W of the image.
    pub fn width(&self) -> usize {
        self.grid_width * self.tile
    }

    /// C_n, the image's channels.
    pub fn outputs(&self) -> usize {
        self.widths[self.widths.len() - 1]
    }

    /// (N, C_n, H, W).
    pub fn output(&self) -> Shape {
        Shape::from([self.batch, self.outputs(), self.height(), self.width()])
    }

    /// (N, P, h, w).
    pub fn params(&self) -> Shape {
        Shape::from([self.batch, self.parameters(), self.grid_height, self.grid_width])
    }

    /// (N, inputs, H, W).
    pub fn pixels(&self) -> Shape {
        Shape::from([self.batch, self.inputs, self.height(), self.width()])
    }

    /// Each weight is used once for each pixel; a label is looked up, not multiplied.
    pub(super) fn cost(&self, labels: bool) -> Cost {
        let pixels = self.batch * self.height() * self.width();
        let products: usize = self.widths.windows(2).map(|w| w[0] * w[1]).sum();
        let looked_up = if labels { (self.inputs - 1) * self.widths[1] } else { 0 };
        let elements = self.params().count() + pixels * (self.outputs() + if labels { 1 } else { self.inputs });
        Cost { macs: (pixels * (products - looked_up)) as u64, elements: elements as u64 }
    }
}

//! Rows and columns around images.

use crate::error::{Result, require_argument};

/// What is beyond the edge of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PadMode {
    /// Zeros.
    Zero,
    /// The image mirrored about its outermost pixels, which are not repeated: … 2 1 | 0 1 2 …
    Reflect,
}

/// How many rows and columns are added on each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pad {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the left.
    pub left: usize,
    /// Columns to the right.
    pub right: usize,
}

impl Pad {
    /// The same on all four sides.
    pub fn all(amount: usize) -> Self {
        Pad { top: amount, bottom: amount, left: amount, right: amount }
    }
}

/// The sizes of padded images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PadSize {
    /// N, and C, which is 1 for label maps.
    pub images: [usize; 2],
    /// H before padding.
    pub height: usize,
    /// W before padding.
    pub width: usize,
    /// What is added.
    pub pad: Pad,
    /// What it is filled with.
    pub mode: PadMode,
}

impl PadSize {
    /// N·C.
    pub fn planes(&self) -> usize {
        self.images[0] * self.images[1]
    }

    /// H·W before padding.
    pub fn plane(&self) -> usize {
        self.height * self.width
    }

    /// H after padding.
    pub fn out_height(&self) -> usize {
        self.height + self.pad.top + self.pad.bottom
    }

    /// W after padding.
    pub fn out_width(&self) -> usize {
        self.width + self.pad.left + self.pad.right
    }

    /// H·W after padding.
    pub fn out_plane(&self) -> usize {
        self.out_height() * self.out_width()
    }

    /// The row that is copied to padded row `y`, or `None` for zeros.
    pub fn source_row(&self, y: usize) -> Option<usize> {
        source(y, self.pad.top, self.height, self.mode)
    }

    /// The column that is copied to padded column `x`, or `None` for zeros.
    pub fn source_column(&self, x: usize) -> Option<usize> {
        source(x, self.pad.left, self.width, self.mode)
    }

    pub(super) fn check(self, op: &'static str) -> Result<Self> {
        let Pad { top, bottom, left, right } = self.pad;
        let fits = self.mode == PadMode::Zero || top.max(bottom) < self.height && left.max(right) < self.width;
        require_argument(fits, op, || {
            format!("an image of {}×{} is too small to be reflected by {:?}", self.height, self.width, self.pad)
        })?;
        Ok(self)
    }
}

/// Which of `size` pixels is at `position` of an axis that has `before` pixels added in front.
fn source(position: usize, before: usize, size: usize, mode: PadMode) -> Option<usize> {
    match mode {
        _ if (before..before + size).contains(&position) => Some(position - before),
        PadMode::Zero => None,
        PadMode::Reflect if position < before => Some(before - position),
        PadMode::Reflect => Some(2 * (size - 1) - (position - before)),
    }
}

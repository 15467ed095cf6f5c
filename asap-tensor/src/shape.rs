//! Sizes of a contiguous, row-major tensor.

use std::fmt;

/// The maximum number of axes: tiling an image for per-tile products takes six.
pub const MAX_RANK: usize = 6;

/// The sizes of a tensor, outermost first; images are (batch, channel, height, width).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    sizes: [usize; MAX_RANK],
    rank: usize,
}

impl Shape {
    /// The sizes as a slice; a scalar has none.
    pub fn dims(&self) -> &[usize] {
        &self.sizes[..self.rank]
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// The number of elements; 1 for a scalar. Saturates at `usize::MAX`, a size that no tensor can have.
    pub fn count(&self) -> usize {
        self.dims().iter().fold(1, |count: usize, &size| count.saturating_mul(size))
    }

    /// The sizes of an image batch (N, C, H, W), or `None` for another rank.
    pub fn nchw(&self) -> Option<[usize; 4]> {
        self.dims().try_into().ok()
    }

    /// (N·C, H, W) of an image batch (N, C, H, W): kernels that treat planes alike take it so.
    ///
    /// # Panics
    /// If the rank is not 4.
    pub fn planes(&self) -> [usize; 3] {
        let [n, c, h, w] = self.nchw().expect("the op has checked that these are images");
        [n * c, h, w]
    }

    /// The product of the sizes before `axis`, its size, and the product of those after it.
    pub fn around(&self, axis: usize) -> [usize; 3] {
        let (before, rest) = self.dims().split_at(axis);
        [before.iter().product(), rest[0], rest[1..].iter().product()]
    }

    /// The same shape with another size of `axis`.
    ///
    /// # Panics
    /// If there is no such axis.
    pub fn with(mut self, axis: usize, size: usize) -> Self {
        assert!(axis < self.rank, "axis {axis} of a tensor of rank {}", self.rank);
        self.sizes[axis] = size;
        self
    }
}

impl From<&[usize]> for Shape {
    /// # Panics
    /// If there are more than [`MAX_RANK`] sizes.
    fn from(dims: &[usize]) -> Self {
        assert!(dims.len() <= MAX_RANK, "a tensor has at most {MAX_RANK} axes, not {}", dims.len());
        let mut sizes = [1; MAX_RANK];
        sizes[..dims.len()].copy_from_slice(dims);
        Shape { sizes, rank: dims.len() }
    }
}

impl<const R: usize> From<[usize; R]> for Shape {
    fn from(dims: [usize; R]) -> Self {
        Shape::from(&dims[..])
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.dims().iter().map(usize::to_string).collect();
        write!(f, "({})", sizes.join(", "))
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

//! Moving values without changing them: permute, narrow, cat, pad, one-hot.
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod plan;
mod reference;

use crate::error::{Error, Result, require, require_argument};
use crate::profile::Cost;
use crate::shape::{MAX_RANK, Shape};
use crate::storage::Storage;
use crate::tensor::{Ids, Tensor};

/// What stands beyond the edge of an image.
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

/// Sizes that padding kernels get: `planes` images of `height`×`width`, before padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PadSize {
    /// N·C.
    pub planes: usize,
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
    /// H after padding.
    pub fn out_height(&self) -> usize {
        self.height + self.pad.top + self.pad.bottom
    }

    /// W after padding.
    pub fn out_width(&self) -> usize {
        self.width + self.pad.left + self.pad.right
    }

    /// The row that padded row `y` shows, or `None` for zeros.
    pub fn source_row(&self, y: usize) -> Option<usize> {
        source(y, self.pad.top, self.height, self.mode)
    }

    /// The column that padded column `x` shows, or `None` for zeros.
    pub fn source_column(&self, x: usize) -> Option<usize> {
        source(x, self.pad.left, self.width, self.mode)
    }
}

/// Which of `size` pixels stands at `position` of an axis that has `before` pixels added in front.
fn source(position: usize, before: usize, size: usize, mode: PadMode) -> Option<usize> {
    match mode {
        _ if (before..before + size).contains(&position) => Some(position - before),
        PadMode::Zero => None,
        PadMode::Reflect if position < before => Some(before - position),
        PadMode::Reflect => Some(2 * (size - 1) - (position - before)),
    }
}

/// Kernels of this family.
pub trait LayoutOps: Storage {
    /// Axes reordered: axis i of the result is axis `axes[i]` of `x`, whose sizes are `shape`.
    fn permute(&self, x: &Self::Buffer, shape: Shape, axes: &[usize]) -> Result<Self::Buffer>;
    /// x seen as (outer, size, inner); the result is (outer, length, inner), from `start` on.
    fn narrow(
        &self,
        x: &Self::Buffer,
        outer: usize,
        size: usize,
        inner: usize,
        start: usize,
        length: usize,
    ) -> Result<Self::Buffer>;
    /// The reverse of narrow: x, (outer, length, inner), put at `start` of zeros (outer, size, inner).
    fn place(
        &self,
        x: &Self::Buffer,
        outer: usize,
        size: usize,
        inner: usize,
        start: usize,
        length: usize,
    ) -> Result<Self::Buffer>;
    /// Pieces (outer, sizeᵢ, inner) joined along the middle.
    fn cat(&self, pieces: &[(&Self::Buffer, usize)], outer: usize, inner: usize) -> Result<Self::Buffer>;
    /// Images with rows and columns added.
    fn pad2d(&self, x: &Self::Buffer, size: &PadSize) -> Result<Self::Buffer>;
    /// The gradient of pad2d: each input pixel's sum over where it shows.
    fn pad2d_grad(&self, grad_output: &Self::Buffer, size: &PadSize) -> Result<Self::Buffer>;
    /// Label maps with rows and columns of reflections added (`size.planes` maps; never zeros).
    fn pad_ids(&self, ids: &Self::IdBuffer, size: &PadSize) -> Result<Self::IdBuffer>;
    /// (N, plane) ids → (N, classes, plane): 1 where the id is the channel, else 0.
    fn one_hot(&self, ids: &Self::IdBuffer, batch: usize, classes: usize, plane: usize) -> Result<Self::Buffer>;
}

/// The axes of x in another order: axis i of the result is axis `axes[i]` of x.
///
/// # Errors
/// If `axes` is not an ordering of x's axes.
pub fn permute<B: LayoutOps>(x: &Tensor<B>, axes: &[usize]) -> Result<Tensor<B>> {
    let mut seen = [false; MAX_RANK];
    let ordering = axes.len() == x.shape().rank()
        && axes.iter().all(|&axis| axis < axes.len() && !std::mem::replace(&mut seen[axis], true));
    require_argument(ordering, "permute", || format!("{axes:?} is not an ordering of the axes of {}", x.shape()))?;
    let sizes: Vec<usize> = axes.iter().map(|&axis| x.dims()[axis]).collect();
    let backend = x.backend();
    let cost = Cost { macs: 0, elements: 2 * x.count() as u64 };
    let y = backend.measure("permute", cost, || backend.permute(x.buffer(), x.shape(), axes))?;
    Ok(Tensor::from_parts(backend, Shape::from(&sizes[..]), y))
}

/// The products of the sizes before and after `axis`.
fn around(op: &'static str, shape: Shape, axis: usize) -> Result<(usize, usize)> {
    require_argument(axis < shape.rank(), op, || format!("shape {shape} has no axis {axis}"))?;
    let (before, rest) = shape.dims().split_at(axis);
    Ok((before.iter().product(), rest[1..].iter().product()))
}

/// The range `start..start + length` of one axis.
pub fn narrow<B: LayoutOps>(x: &Tensor<B>, axis: usize, start: usize, length: usize) -> Result<Tensor<B>> {
    let (outer, inner) = around("narrow", x.shape(), axis)?;
    let size = x.dims()[axis];
    require_argument(start + length <= size, "narrow", || {
        format!("{start}..{} leaves axis {axis} of shape {}", start + length, x.shape())
    })?;
    let backend = x.backend();
    let cost = Cost { macs: 0, elements: 2 * (outer * length * inner) as u64 };
    let y = backend.measure("narrow", cost, || backend.narrow(x.buffer(), outer, size, inner, start, length))?;
    Ok(Tensor::from_parts(backend, x.shape().with(axis, length), y))
}

/// The gradient of [`narrow`]: x at `start` of an axis of `size`, zeros around it.
pub fn place<B: LayoutOps>(x: &Tensor<B>, axis: usize, start: usize, size: usize) -> Result<Tensor<B>> {
    let (outer, inner) = around("place", x.shape(), axis)?;
    let length = x.dims()[axis];
    require_argument(start + length <= size, "place", || {
        format!("{start}..{} leaves an axis of {size}", start + length)
    })?;
    let backend = x.backend();
    let cost = Cost { macs: 0, elements: (outer * (length + size) * inner) as u64 };
    let y = backend.measure("place", cost, || backend.place(x.buffer(), outer, size, inner, start, length))?;
    Ok(Tensor::from_parts(backend, x.shape().with(axis, size), y))
}

/// Tensors joined along one axis.
pub fn cat<B: LayoutOps>(pieces: &[&Tensor<B>], axis: usize) -> Result<Tensor<B>> {
    let Some(first) = pieces.first() else {
        return Err(Error::Argument { op: "cat", why: "there is nothing to join".into() });
    };
    let (outer, inner) = around("cat", first.shape(), axis)?;
    let mut size = 0;
    for piece in pieces {
        let fits =
            piece.shape().rank() == first.shape().rank() && piece.shape().with(axis, 1) == first.shape().with(axis, 1);
        require(fits, "cat", first.shape(), piece.shape(), || format!("they may differ in axis {axis} only"))?;
        size += piece.dims()[axis];
    }
    let backend = first.backend();
    let buffers: Vec<_> = pieces.iter().map(|piece| (piece.buffer(), piece.dims()[axis])).collect();
    let cost = Cost { macs: 0, elements: 2 * (outer * size * inner) as u64 };
    let y = backend.measure("cat", cost, || backend.cat(&buffers, outer, inner))?;
    Ok(Tensor::from_parts(backend, first.shape().with(axis, size), y))
}

fn check_pad(op: &'static str, size: &PadSize) -> Result<()> {
    let Pad { top, bottom, left, right } = size.pad;
    let fits = size.mode == PadMode::Zero || top.max(bottom) < size.height && left.max(right) < size.width;
    require_argument(fits, op, || {
        format!("an image of {}×{} is too small to be reflected by {:?}", size.height, size.width, size.pad)
    })
}

/// Rows and columns added around images: (N, C, H, W) → (N, C, H + top + bottom, W + left + right).
pub fn pad2d<B: LayoutOps>(x: &Tensor<B>, pad: Pad, mode: PadMode) -> Result<Tensor<B>> {
    let [n, c, height, width] = x.nchw("pad2d")?;
    let size = PadSize { planes: n * c, height, width, pad, mode };
    check_pad("pad2d", &size)?;
    let shape = Shape::from([n, c, size.out_height(), size.out_width()]);
    let backend = x.backend();
    let cost = Cost { macs: 0, elements: (x.count() + shape.count()) as u64 };
    let y = backend.measure("pad2d", cost, || backend.pad2d(x.buffer(), &size))?;
    Ok(Tensor::from_parts(backend, shape, y))
}

/// The gradient of [`pad2d`]: (N, C, H + top + bottom, W + left + right) → (N, C, H, W).
pub fn pad2d_grad<B: LayoutOps>(grad_output: &Tensor<B>, pad: Pad, mode: PadMode) -> Result<Tensor<B>> {
    let [n, c, h, w] = grad_output.nchw("pad2d_grad")?;
    let (rows, columns) = (pad.top + pad.bottom, pad.left + pad.right);
    require_argument(rows < h && columns < w, "pad2d_grad", || {
        format!("shape {} can't come from padding by {pad:?}", grad_output.shape())
    })?;
    let size = PadSize { planes: n * c, height: h - rows, width: w - columns, pad, mode };
    check_pad("pad2d_grad", &size)?;
    let shape = Shape::from([n, c, size.height, size.width]);
    let backend = grad_output.backend();
    let cost = Cost { macs: 0, elements: (grad_output.count() + shape.count()) as u64 };
    let y = backend.measure("pad2d_grad", cost, || backend.pad2d_grad(grad_output.buffer(), &size))?;
    Ok(Tensor::from_parts(backend, shape, y))
}

/// Rows and columns of reflections added around label maps.
pub fn pad_ids<B: LayoutOps>(ids: &Ids<B>, pad: Pad) -> Result<Ids<B>> {
    let [n, height, width] = ids.sizes();
    let size = PadSize { planes: n, height, width, pad, mode: PadMode::Reflect };
    check_pad("pad_ids", &size)?;
    let backend = ids.backend();
    let sizes = [n, size.out_height(), size.out_width()];
    let cost = Cost::default();
    let y = backend.measure("pad_ids", cost, || backend.pad_ids(ids.buffer(), &size))?;
    Ok(Ids::from_parts(backend, sizes, y))
}

/// Ids (N, 1, H, W) → (N, `classes`, H, W): 1 in the channel of the pixel's id, else 0. An id outside the classes
/// gives a pixel of zeros; data are checked before they come here.
pub fn one_hot<B: LayoutOps>(ids: &Ids<B>, classes: usize) -> Result<Tensor<B>> {
    let [n, h, w] = ids.sizes();
    let backend = ids.backend();
    let cost = Cost { macs: 0, elements: (n * classes * h * w) as u64 };
    let y = backend.measure("one_hot", cost, || backend.one_hot(ids.buffer(), n, classes, h * w))?;
    Ok(Tensor::from_parts(backend, Shape::from([n, classes, h, w]), y))
}

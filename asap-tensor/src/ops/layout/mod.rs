//! Moving values without changing them: permute, narrow, cat, pad, one-hot.
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod pad;
mod reference;

pub use pad::{Pad, PadMode, PadSize};

use crate::error::{Error, Result, require, require_argument};
use crate::op::{Kernel, Op, op};
use crate::profile::Cost;
use crate::shape::{MAX_RANK, Shape};
use crate::tensor::{Ids, Tensor};

op! {
    /// Axes reordered: axis i of the result is axis `axes[i]` of x. Entries of `axes` beyond the rank mean nothing.
    Permute { x: Shape, axes: [usize; MAX_RANK] }
    "permute", for<'a, B> &'a B::Buffer => Shape:
        |op| (0..op.x.rank()).fold(op.x, |shape, i| shape.with(i, op.x.dims()[op.axes[i]])),
    cost: Cost::elements(2 * op.x.count())
}

op! {
    /// The range `start..start + length` of an axis of x.
    Narrow { x: Shape, axis: usize, start: usize, length: usize }
    "narrow", for<'a, B> &'a B::Buffer => Shape: |op| op.x.with(op.axis, op.length),
    cost: Cost::elements(2 * op.output().count())
}

op! {
    /// The reverse of [`Narrow`]: x at `start` of an axis of `size`, zeros around it.
    Place { x: Shape, axis: usize, start: usize, size: usize }
    "place", for<'a, B> &'a B::Buffer => Shape: |op| op.x.with(op.axis, op.size),
    cost: Cost::elements(op.x.count() + op.output().count())
}

op! {
    /// Pieces, each with its size along the axis, joined along it; y is the shape of all.
    Cat { y: Shape, axis: usize }
    "cat", for<'a, B> &'a [(&'a B::Buffer, usize)] => Shape: |op| op.y,
    cost: Cost::elements(2 * op.y.count())
}

op! {
    /// Images with rows and columns added.
    Pad2d { size: PadSize }
    "pad2d", for<'a, B> &'a B::Buffer => Shape: |op| images(&op.size, [op.size.out_height(), op.size.out_width()]),
    cost: Cost::elements(op.size.planes() * (op.size.plane() + op.size.out_plane()))
}

op! {
    /// The gradient of [`Pad2d`]: for each pixel, the sum over its copies.
    Pad2dGrad { size: PadSize }
    "pad2d_grad", for<'a, B> &'a B::Buffer => Shape: |op| images(&op.size, [op.size.height, op.size.width]),
    cost: Cost::elements(op.size.planes() * (op.size.plane() + op.size.out_plane()))
}

op! {
    /// Label maps with rows and columns of reflections added, never zeros.
    PadIds { size: PadSize }
    "pad_ids", for<'a, B> &'a B::IdBuffer => [usize; 3]:
        |op| [op.size.images[0], op.size.out_height(), op.size.out_width()],
    cost: Cost::default()
}

op! {
    /// Ids, (N, H, W) → (N, classes, H, W): 1 where the id is the channel, else 0.
    OneHot { ids: [usize; 3], classes: usize }
    "one_hot", for<'a, B> &'a B::IdBuffer => Shape: |op| Shape::from([op.ids[0], op.classes, op.ids[1], op.ids[2]]),
    cost: Cost::elements(op.output().count())
}

fn images(size: &PadSize, [height, width]: [usize; 2]) -> Shape {
    Shape::from([size.images[0], size.images[1], height, width])
}

/// The axes of x in another order: axis i of the result is axis `axes[i]` of x.
pub fn permute<B: Kernel<Permute>>(x: &Tensor<B>, axes: &[usize]) -> Result<Tensor<B>> {
    let mut seen = [false; MAX_RANK];
    let ordering = axes.len() == x.shape().rank()
        && axes.iter().all(|&axis| axis < axes.len() && !std::mem::replace(&mut seen[axis], true));
    require_argument(ordering, "permute", || format!("{axes:?} is not an ordering of the axes of {}", x.shape()))?;
    let mut order = [0; MAX_RANK];
    order[..axes.len()].copy_from_slice(axes);
    Permute { x: x.shape(), axes: order }.run(x.backend(), x.buffer())
}

fn check_axis(op: &'static str, shape: Shape, axis: usize) -> Result<()> {
    require_argument(axis < shape.rank(), op, || format!("shape {shape} has no axis {axis}"))
}

/// The range `start..start + length` of one axis.
pub fn narrow<B: Kernel<Narrow>>(x: &Tensor<B>, axis: usize, start: usize, length: usize) -> Result<Tensor<B>> {
    check_axis("narrow", x.shape(), axis)?;
    require_argument(start + length <= x.dims()[axis], "narrow", || {
        format!("{start}..{} is outside axis {axis} of shape {}", start + length, x.shape())
    })?;
    Narrow { x: x.shape(), axis, start, length }.run(x.backend(), x.buffer())
}

/// The gradient of [`narrow`]: x at `start` of an axis of `size`, zeros around it.
pub fn place<B: Kernel<Place>>(x: &Tensor<B>, axis: usize, start: usize, size: usize) -> Result<Tensor<B>> {
    check_axis("place", x.shape(), axis)?;
    let end = start + x.dims()[axis];
    require_argument(end <= size, "place", || format!("{start}..{end} is outside an axis of {size}"))?;
    Place { x: x.shape(), axis, start, size }.run(x.backend(), x.buffer())
}

/// Tensors joined along one axis.
pub fn cat<B: Kernel<Cat>>(pieces: &[&Tensor<B>], axis: usize) -> Result<Tensor<B>> {
    let Some(first) = pieces.first() else {
        return Err(Error::Argument { op: "cat", why: "there is nothing to join".into() });
    };
    check_axis("cat", first.shape(), axis)?;
    for piece in pieces {
        let fits =
            piece.shape().rank() == first.shape().rank() && piece.shape().with(axis, 1) == first.shape().with(axis, 1);
        require(fits, "cat", first.shape(), piece.shape(), || format!("they may differ in axis {axis} only"))?;
    }
    let buffers: Vec<_> = pieces.iter().map(|piece| (piece.buffer(), piece.dims()[axis])).collect();
    let size = buffers.iter().map(|(_, size)| size).sum();
    Cat { y: first.shape().with(axis, size), axis }.run(first.backend(), &buffers)
}

/// Rows and columns added around images: (N, C, H, W) → (N, C, H + top + bottom, W + left + right).
pub fn pad2d<B: Kernel<Pad2d>>(x: &Tensor<B>, pad: Pad, mode: PadMode) -> Result<Tensor<B>> {
    let [n, c, height, width] = x.nchw("pad2d")?;
    let size = PadSize { images: [n, c], height, width, pad, mode }.check("pad2d")?;
    Pad2d { size }.run(x.backend(), x.buffer())
}

/// The gradient of [`pad2d`]: (N, C, H + top + bottom, W + left + right) → (N, C, H, W).
pub fn pad2d_grad<B: Kernel<Pad2dGrad>>(grad_output: &Tensor<B>, pad: Pad, mode: PadMode) -> Result<Tensor<B>> {
    let [n, c, h, w] = grad_output.nchw("pad2d_grad")?;
    let (rows, columns) = (pad.top + pad.bottom, pad.left + pad.right);
    require_argument(rows < h && columns < w, "pad2d_grad", || {
        format!("shape {} can't come from padding by {pad:?}", grad_output.shape())
    })?;
    let size = PadSize { images: [n, c], height: h - rows, width: w - columns, pad, mode }.check("pad2d_grad")?;
    Pad2dGrad { size }.run(grad_output.backend(), grad_output.buffer())
}

/// Rows and columns of reflections added around label maps.
pub fn pad_ids<B: Kernel<PadIds>>(ids: &Ids<B>, pad: Pad) -> Result<Ids<B>> {
    let [n, height, width] = ids.sizes();
    let size = PadSize { images: [n, 1], height, width, pad, mode: PadMode::Reflect }.check("pad_ids")?;
    PadIds { size }.run(ids.backend(), ids.buffer())
}

/// Ids (N, 1, H, W) → (N, `classes`, H, W): 1 in the channel of the pixel's id, else 0. An id outside the classes
/// gives a pixel of zeros; data are checked before they come here.
pub fn one_hot<B: Kernel<OneHot>>(ids: &Ids<B>, classes: usize) -> Result<Tensor<B>> {
    OneHot { ids: ids.sizes(), classes }.run(ids.backend(), ids.buffer())
}

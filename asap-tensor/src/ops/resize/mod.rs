//! Separable linear resampling: y = R·x·Cᵀ for each plane, where R and C have few entries a row, the taps.
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod reference;
mod taps;

pub use taps::Taps;

use crate::error::{Result, require_argument};
use crate::op::{Kernel, Op, op};
use crate::ops::layout::{OneHot, one_hot};
use crate::profile::Cost;
use crate::shape::Shape;
use crate::tensor::{Ids, Tensor};

op! {
    /// R·x·Cᵀ for each plane, from x, (N, C, H, W), R and C; y is the shape (N, C, H′, W′).
    Resize { x: Shape, y: Shape }
    "resize", for<'a, B> (&'a B::Buffer, &'a Taps, &'a Taps) => Shape: |op| op.y,
    cost: Cost::elements(op.x.count() + op.y.count())
}

op! {
    /// [`Resize`] of the one-hot form of ids, (N, H, W); y is the shape (N, classes, H′, W′).
    ResizeIds { y: Shape }
    "resize_ids", for<'a, B> (&'a B::IdBuffer, &'a Taps, &'a Taps) => Shape: |op| op.y,
    cost: Cost::elements(op.y.count()),
    plan: |_inputs, plan| {
        let y = plan.block(op.y.count());
        // The sums as (N, H′, classes, W′), before their axes are permuted.
        drop(plan.block(op.y.count()));
        Ok(y)
    }
}

op! {
    /// Label maps sampled: each output is the label at its first tap of each axis; ids is [N, H, W], y [N, H′, W′].
    PickIds { ids: [usize; 3], y: [usize; 3] }
    "pick_ids", for<'a, B> (&'a B::IdBuffer, &'a Taps, &'a Taps) => [usize; 3]: |op| op.y,
    // Bytes, of which an element has four.
    cost: Cost::elements((op.ids.iter().product::<usize>() + op.y.iter().product::<usize>()).div_ceil(4))
}

fn check_taps(op: &'static str, [h, w]: [usize; 2], rows: &Taps, columns: &Taps) -> Result<()> {
    require_argument(h == rows.inputs() && w == columns.inputs(), op, || {
        format!("the image is {h}×{w}, but the taps are for {}×{}", rows.inputs(), columns.inputs())
    })
}

/// Images resampled: (N, C, H, W) → (N, C, `rows.outputs()`, `columns.outputs()`).
pub fn resize<B: Kernel<Resize>>(x: &Tensor<B>, rows: &Taps, columns: &Taps) -> Result<Tensor<B>> {
    let [n, c, h, w] = x.nchw("resize")?;
    check_taps("resize", [h, w], rows, columns)?;
    if rows.is_identity() && columns.is_identity() {
        return Ok(x.clone());
    }
    let y = Shape::from([n, c, rows.outputs(), columns.outputs()]);
    Resize { x: x.shape(), y }.run(x.backend(), (x.buffer(), rows, columns))
}

/// The gradient of [`resize`] by the same taps: Rᵀ·g·C, which is a resize by the transposed taps.
pub fn resize_grad<B: Kernel<Resize>>(grad_output: &Tensor<B>, rows: &Taps, columns: &Taps) -> Result<Tensor<B>> {
    resize(grad_output, &rows.transposed(), &columns.transposed())
}

/// [`resize`] of the one-hot form of ids: (N, H, W) → (N, classes, H′, W′).
pub fn resize_ids<B: Kernel<ResizeIds> + Kernel<OneHot>>(
    ids: &Ids<B>,
    classes: usize,
    rows: &Taps,
    columns: &Taps,
) -> Result<Tensor<B>> {
    let [n, h, w] = ids.sizes();
    check_taps("resize_ids", [h, w], rows, columns)?;
    if rows.is_identity() && columns.is_identity() {
        return one_hot(ids, classes);
    }
    let y = Shape::from([n, classes, rows.outputs(), columns.outputs()]);
    ResizeIds { y }.run(ids.backend(), (ids.buffer(), rows, columns))
}

/// Label maps sampled by taps of which each output has one: (N, H, W) → (N, `rows.outputs()`, `columns.outputs()`).
pub fn pick_ids<B: Kernel<PickIds>>(ids: &Ids<B>, rows: &Taps, columns: &Taps) -> Result<Ids<B>> {
    let [n, h, w] = ids.sizes();
    check_taps("pick_ids", [h, w], rows, columns)?;
    PickIds { ids: [n, h, w], y: [n, rows.outputs(), columns.outputs()] }
        .run(ids.backend(), (ids.buffer(), rows, columns))
}

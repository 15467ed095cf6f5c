//! Separable linear resampling: y = R·x·Cᵀ for each plane, where R and C have few entries a row, the taps.
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod plan;
mod reference;
mod taps;

pub use taps::Taps;

use crate::error::{Result, require_argument};
use crate::profile::Cost;
use crate::shape::Shape;
use crate::storage::Storage;
use crate::tensor::{Ids, Tensor};

/// What resize kernels get: `planes` images whose rows and columns are resampled.
#[derive(Clone, Copy, Debug)]
pub struct ResizeSize<'a> {
    /// N·C; for ids, N.
    pub planes: usize,
    /// How the H axis is resampled.
    pub rows: &'a Taps,
    /// How the W axis is resampled.
    pub columns: &'a Taps,
}

/// Kernels of this family.
pub trait ResizeOps: Storage {
    /// R·x·Cᵀ for each plane.
    fn resize(&self, x: &Self::Buffer, size: &ResizeSize<'_>) -> Result<Self::Buffer>;
    /// The same of the one-hot form of ids: (N, H, W) → (N, classes, H′, W′).
    fn resize_ids(&self, ids: &Self::IdBuffer, classes: usize, size: &ResizeSize<'_>) -> Result<Self::Buffer>;
}

fn check_taps(op: &'static str, [h, w]: [usize; 2], rows: &Taps, columns: &Taps) -> Result<()> {
    require_argument(h == rows.inputs() && w == columns.inputs(), op, || {
        format!("an image of {h}×{w} met taps made for {}×{}", rows.inputs(), columns.inputs())
    })
}

/// Images resampled: (N, C, H, W) → (N, C, `rows.outputs()`, `columns.outputs()`).
pub fn resize<B: ResizeOps>(x: &Tensor<B>, rows: &Taps, columns: &Taps) -> Result<Tensor<B>> {
    let [n, c, h, w] = x.nchw("resize")?;
    check_taps("resize", [h, w], rows, columns)?;
    let shape = Shape::from([n, c, rows.outputs(), columns.outputs()]);
    let backend = x.backend();
    let cost = Cost { macs: 0, elements: (x.count() + shape.count()) as u64 };
    let size = ResizeSize { planes: n * c, rows, columns };
    let y = backend.measure("resize", cost, || backend.resize(x.buffer(), &size))?;
    Ok(Tensor::from_parts(backend, shape, y))
}

/// The gradient of [`resize`] by the same taps: Rᵀ·g·C, which is a resize by the transposed taps.
pub fn resize_grad<B: ResizeOps>(grad_output: &Tensor<B>, rows: &Taps, columns: &Taps) -> Result<Tensor<B>> {
    resize(grad_output, &rows.transposed(), &columns.transposed())
}

/// [`resize`] of the one-hot form of ids: (N, 1, H, W) → (N, classes, H′, W′).
pub fn resize_ids<B: ResizeOps>(ids: &Ids<B>, classes: usize, rows: &Taps, columns: &Taps) -> Result<Tensor<B>> {
    let [n, h, w] = ids.sizes();
    check_taps("resize_ids", [h, w], rows, columns)?;
    let shape = Shape::from([n, classes, rows.outputs(), columns.outputs()]);
    let backend = ids.backend();
    let cost = Cost { macs: 0, elements: shape.count() as u64 };
    let size = ResizeSize { planes: n, rows, columns };
    let y = backend.measure("resize_ids", cost, || backend.resize_ids(ids.buffer(), classes, &size))?;
    Ok(Tensor::from_parts(backend, shape, y))
}

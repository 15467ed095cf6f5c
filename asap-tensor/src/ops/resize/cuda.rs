//! Kernels of `Cuda`.

use std::sync::Arc;

use super::{PickIds, Resize, ResizeIds, Taps};
use crate::cuda::{Array, Cuda, Source, Table};
use crate::error::Result;
use crate::op::{Inputs, Kernel};

pub(crate) const SOURCE: Source = Source::new("resize.cu", include_str!("resize.cu"), &[]);

impl Cuda {
    /// The taps of an axis in the GPU's memory.
    fn taps(&self, taps: &Taps) -> Result<Arc<Table>> {
        let weight: Vec<f32> = taps.weight().iter().map(|&w| w as f32).collect();
        self.table(taps.index(), &weight)
    }

    /// One axis resampled; the other one of a plane has `across` elements.
    fn resize_axis(
        &self,
        name: &'static str,
        x: &Array<f32>,
        taps: &Taps,
        [planes, across]: [usize; 2],
    ) -> Result<Arc<Array<f32>>> {
        let (table, plane) = (self.taps(taps)?, taps.outputs() * across);
        self.build(planes * plane, |y| {
            let launch = self.kernel(&SOURCE, name)?.output(y).input(x).input(&table.index).input(&table.weight);
            let launch = launch.count(planes).size(taps.inputs()).size(taps.outputs()).size(across);
            launch.size(taps.per_output()).for_each_plane(planes, plane)
        })
    }
}

impl Kernel<Resize> for Cuda {
    fn compute(&self, op: &Resize, (x, rows, columns): Inputs<'_, Resize, Self>) -> Result<Self::Buffer> {
        let [planes, _, width] = op.x.planes();
        let mut y = Arc::clone(x);
        if !rows.is_identity() {
            y = self.resize_axis("resize_rows", &y, rows, [planes, width])?;
        }
        if !columns.is_identity() {
            y = self.resize_axis("resize_columns", &y, columns, [planes, rows.outputs()])?;
        }
        Ok(y)
    }
}

impl Kernel<ResizeIds> for Cuda {
    fn compute(&self, op: &ResizeIds, (ids, rows, columns): Inputs<'_, ResizeIds, Self>) -> Result<Self::Buffer> {
        let ([planes, height, width], classes) = (op.y.planes(), op.y.dims()[1]);
        let (row_taps, column_taps) = (self.taps(rows)?, self.taps(columns)?);
        self.build(planes * height * width, |y| {
            let launch = self.kernel(&SOURCE, "resize_ids")?.output(y).input(ids);
            let launch = launch.input(&row_taps.index).input(&row_taps.weight);
            let launch = launch.input(&column_taps.index).input(&column_taps.weight);
            let launch = launch.count(planes).size(classes).count(rows.inputs() * columns.inputs());
            let launch = launch.size(columns.inputs()).size(height).size(width);
            launch.size(rows.per_output()).size(columns.per_output()).for_each_plane(planes, height * width)
        })
    }
}

impl Kernel<PickIds> for Cuda {
    fn compute(&self, op: &PickIds, (ids, rows, columns): Inputs<'_, PickIds, Self>) -> Result<Self::IdBuffer> {
        let ([_, in_height, in_width], [planes, height, width]) = (op.ids, op.y);
        let (row_taps, column_taps) = (self.taps(rows)?, self.taps(columns)?);
        self.build(planes * height * width, |y| {
            let launch = self.kernel(&SOURCE, "pick_ids")?.output(y).input(ids);
            let launch = launch.input(&row_taps.index).input(&column_taps.index).count(planes);
            let launch = launch.count(in_height * in_width).size(in_width).size(height).size(width);
            launch.size(rows.per_output()).size(columns.per_output()).for_each_plane(planes, height * width)
        })
    }
}

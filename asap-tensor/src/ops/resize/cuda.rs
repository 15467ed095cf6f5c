//! Kernels of `Cuda`.

use std::sync::Arc;

use super::cpu::copies;
use super::{ResizeOps, ResizeSize, Taps};
use crate::cuda::{Cuda, Source, Table};
use crate::error::Result;
use crate::ops::layout::LayoutOps;

pub(crate) const SOURCE: Source = Source::new("resize.cu", include_str!("resize.cu"), &[]);

impl Cuda {
    /// An axis' taps in the GPU's memory.
    fn taps(&self, taps: &Taps) -> Result<Arc<Table>> {
        let weight: Vec<f32> = taps.weight().iter().map(|&w| w as f32).collect();
        self.table(taps.index(), &weight)
    }
}

impl ResizeOps for Cuda {
    fn resize(&self, x: &Self::Buffer, size: &ResizeSize<'_>) -> Result<Self::Buffer> {
        let &ResizeSize { planes, rows, columns } = size;
        let mut x = Arc::clone(x);
        if !copies(rows) {
            let (taps, width) = (self.taps(rows)?, columns.inputs());
            let mut y = self.array(planes * rows.outputs() * width)?;
            let launch = self.kernel(&SOURCE, "resize_rows")?.output(&mut y).input(&x);
            let launch = launch.input(&taps.index).input(&taps.weight).count(planes).size(rows.inputs());
            let launch = launch.size(rows.outputs()).size(width).size(rows.per_output());
            launch.for_each_plane(planes, rows.outputs() * width)?;
            x = Arc::new(y);
        }
        if !copies(columns) {
            let (taps, height) = (self.taps(columns)?, rows.outputs());
            let mut y = self.array(planes * height * columns.outputs())?;
            let launch = self.kernel(&SOURCE, "resize_columns")?.output(&mut y).input(&x);
            let launch = launch.input(&taps.index).input(&taps.weight).count(planes).size(columns.inputs());
            let launch = launch.size(columns.outputs()).size(height).size(columns.per_output());
            launch.for_each_plane(planes, height * columns.outputs())?;
            x = Arc::new(y);
        }
        Ok(x)
    }

    fn resize_ids(&self, ids: &Self::IdBuffer, classes: usize, size: &ResizeSize<'_>) -> Result<Self::Buffer> {
        let &ResizeSize { planes: batch, rows, columns } = size;
        let in_plane = rows.inputs() * columns.inputs();
        if copies(rows) && copies(columns) {
            return self.one_hot(ids, batch, classes, in_plane);
        }
        let (planes, out_plane) = (batch * classes, rows.outputs() * columns.outputs());
        let (row_taps, column_taps) = (self.taps(rows)?, self.taps(columns)?);
        let mut y = self.array(planes * out_plane)?;
        let launch = self.kernel(&SOURCE, "resize_ids")?.output(&mut y).input(ids);
        let launch = launch.input(&row_taps.index).input(&row_taps.weight);
        let launch = launch.input(&column_taps.index).input(&column_taps.weight);
        let launch = launch.count(planes).size(classes).count(in_plane).size(columns.inputs());
        let launch = launch.size(rows.outputs()).size(columns.outputs());
        launch.size(rows.per_output()).size(columns.per_output()).for_each_plane(planes, out_plane)?;
        Ok(Arc::new(y))
    }
}

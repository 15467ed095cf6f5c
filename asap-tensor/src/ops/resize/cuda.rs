//! Kernels of `Cuda`.

use std::sync::Arc;

use super::{Resize, ResizeIds, Taps};
use crate::cuda::{Cuda, Source, Table};
use crate::error::Result;
use crate::op::{Inputs, Kernel};

pub(crate) const SOURCE: Source = Source::new("resize.cu", include_str!("resize.cu"), &[]);

impl Cuda {
    /// An axis' taps in the GPU's memory.
    fn taps(&self, taps: &Taps) -> Result<Arc<Table>> {
        let weight: Vec<f32> = taps.weight().iter().map(|&w| w as f32).collect();
        self.table(taps.index(), &weight)
    }
}

impl Kernel<Resize> for Cuda {
    fn compute(&self, op: &Resize, (x, rows, columns): Inputs<'_, Resize, Self>) -> Result<Self::Buffer> {
        let [planes, ..] = op.x.planes();
        let mut x = Arc::clone(x);
        if !rows.is_identity() {
            let (taps, width) = (self.taps(rows)?, columns.inputs());
            let mut y = self.array(planes * rows.outputs() * width)?;
            let launch = self.kernel(&SOURCE, "resize_rows")?.output(&mut y).input(&x);
            let launch = launch.input(&taps.index).input(&taps.weight).count(planes).size(rows.inputs());
            let launch = launch.size(rows.outputs()).size(width).size(rows.per_output());
            launch.for_each_plane(planes, rows.outputs() * width)?;
            x = Arc::new(y);
        }
        if !columns.is_identity() {
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
}

impl Kernel<ResizeIds> for Cuda {
    fn compute(&self, op: &ResizeIds, (ids, rows, columns): Inputs<'_, ResizeIds, Self>) -> Result<Self::Buffer> {
        let ([planes, height, width], classes) = (op.y.planes(), op.y.dims()[1]);
        let (in_plane, out_plane) = (rows.inputs() * columns.inputs(), height * width);
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

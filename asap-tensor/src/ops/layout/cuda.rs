//! Kernels of `Cuda`.

use std::sync::Arc;

use cudarc::driver::DeviceRepr;

use super::{Cat, Narrow, OneHot, Pad2d, Pad2dGrad, PadIds, PadMode, PadSize, Permute, Place};
use crate::cuda::{Array, Cuda, Source};
use crate::error::Result;
use crate::op::Kernel;
use crate::shape::MAX_RANK;

pub(crate) const SOURCE: Source = Source::new("layout.cu", include_str!("layout.cu"), &[]);

/// Rows of an array: the distance from one to the next, and where the values begin in each.
#[derive(Clone, Copy)]
struct Rows {
    row: usize,
    start: usize,
}

impl Cuda {
    /// Copies `rows` rows of `length` values.
    fn copy_rows(&self, y: (&mut Array<f32>, Rows), x: (&Array<f32>, Rows), rows: usize, length: usize) -> Result<()> {
        let launch = self.kernel(&SOURCE, "copy_rows")?.output(y.0).input(x.0).count(rows).count(length);
        let launch = launch.count(y.1.row).count(y.1.start).count(x.1.row).count(x.1.start);
        // It counts in 64 bits, so that a row may be longer than a plane.
        launch.over_planes(rows, length)
    }

    /// A kernel that pads, or its gradient: a thread for each element of the result.
    fn pad<T: DeviceRepr>(
        &self,
        name: &'static str,
        x: &Array<T>,
        size: &PadSize,
        plane: usize,
    ) -> Result<Arc<Array<T>>> {
        let (planes, pad, reflect) = (size.planes(), size.pad, usize::from(size.mode == PadMode::Reflect));
        let padding = [size.height, size.width, pad.top, pad.bottom, pad.left, pad.right, reflect].map(|v| v as i32);
        self.build(planes * plane, |y| {
            let launch = self.kernel(&SOURCE, name)?.output(y).input(x).count(planes);
            launch.structure(&padding).for_each_plane(planes, plane)
        })
    }
}

impl Kernel<Permute> for Cuda {
    fn compute(&self, op: &Permute, x: &Self::Buffer) -> Result<Self::Buffer> {
        let (dims, rank) = (op.x.dims(), op.x.rank());
        // Rank, sizes and strides, as in the kernel's structure.
        let mut permutation = [1; 1 + 2 * MAX_RANK];
        permutation[0] = rank as i64;
        for (to, &from) in op.axes[..rank].iter().enumerate() {
            permutation[1 + to] = dims[from] as i64;
            permutation[1 + MAX_RANK + to] = dims[from + 1..].iter().product::<usize>() as i64;
        }
        self.build(x.count(), |y| {
            let launch = self.kernel(&SOURCE, "permute")?.output(y).input(x).count(x.count());
            launch.structure(&permutation).for_each(x.count())
        })
    }
}

impl Kernel<Narrow> for Cuda {
    fn compute(&self, op: &Narrow, x: &Self::Buffer) -> Result<Self::Buffer> {
        let (&Narrow { start, length, .. }, [outer, size, inner]) = (op, op.x.around(op.axis));
        let (to, from) = (Rows { row: length * inner, start: 0 }, Rows { row: size * inner, start: start * inner });
        self.build(outer * length * inner, |y| self.copy_rows((y, to), (x, from), outer, length * inner))
    }
}

impl Kernel<Place> for Cuda {
    fn compute(&self, op: &Place, x: &Self::Buffer) -> Result<Self::Buffer> {
        let (&Place { start, size, .. }, [outer, length, inner]) = (op, op.x.around(op.axis));
        let (to, from) = (Rows { row: size * inner, start: start * inner }, Rows { row: length * inner, start: 0 });
        self.build(outer * size * inner, |y| {
            self.clear(y)?;
            self.copy_rows((y, to), (x, from), outer, length * inner)
        })
    }
}

impl Kernel<Cat> for Cuda {
    fn compute(&self, op: &Cat, pieces: &[(&Self::Buffer, usize)]) -> Result<Self::Buffer> {
        let [outer, size, inner] = op.y.around(op.axis);
        self.build(outer * size * inner, |y| {
            let mut to = Rows { row: size * inner, start: 0 };
            for &(piece, length) in pieces {
                let row = length * inner;
                self.copy_rows((y, to), (piece, Rows { row, start: 0 }), outer, row)?;
                to.start += row;
            }
            Ok(())
        })
    }
}

impl Kernel<Pad2d> for Cuda {
    fn compute(&self, op: &Pad2d, x: &Self::Buffer) -> Result<Self::Buffer> {
        self.pad("pad2d", x, &op.size, op.size.out_plane())
    }
}

impl Kernel<Pad2dGrad> for Cuda {
    fn compute(&self, op: &Pad2dGrad, grad_output: &Self::Buffer) -> Result<Self::Buffer> {
        self.pad("pad2d_grad", grad_output, &op.size, op.size.plane())
    }
}

impl Kernel<PadIds> for Cuda {
    fn compute(&self, op: &PadIds, ids: &Self::IdBuffer) -> Result<Self::IdBuffer> {
        self.pad("pad_ids", ids, &op.size, op.size.out_plane())
    }
}

impl Kernel<OneHot> for Cuda {
    fn compute(&self, op: &OneHot, ids: &Self::IdBuffer) -> Result<Self::Buffer> {
        let OneHot { ids: [batch, h, w], classes } = *op;
        let (planes, plane) = (batch * classes, h * w);
        self.build(planes * plane, |y| {
            let launch = self.kernel(&SOURCE, "one_hot")?.output(y).input(ids).count(planes);
            launch.size(classes).size(plane).for_each_plane(planes, plane)
        })
    }
}

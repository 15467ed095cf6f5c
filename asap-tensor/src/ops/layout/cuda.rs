//! Kernels of `Cuda`.

use std::sync::Arc;

use super::{Cat, Narrow, OneHot, Pad2d, Pad2dGrad, PadIds, PadMode, PadSize, Permute, Place};
use crate::cuda::{Array, Cuda, Parameters, Source};
use crate::error::Result;
use crate::op::Kernel;
use crate::shape::MAX_RANK;

pub(crate) const SOURCE: Source = Source::new("layout.cu", include_str!("layout.cu"), &[]);

/// The kernels' `Permutation`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Permutation {
    rank: i32,
    unused: i32,
    sizes: [i64; MAX_RANK],
    strides: [i64; MAX_RANK],
}

// SAFETY: as in layout.cu, and without padding.
unsafe impl Parameters for Permutation {}

/// The kernels' `Padding`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Padding {
    height: i32,
    width: i32,
    top: i32,
    bottom: i32,
    left: i32,
    right: i32,
    reflect: i32,
    unused: i32,
}

// SAFETY: as in layout.cu, and without padding.
unsafe impl Parameters for Padding {}

impl Padding {
    fn of(size: &PadSize) -> Self {
        let [height, width, top, bottom, left, right] =
            [size.height, size.width, size.pad.top, size.pad.bottom, size.pad.left, size.pad.right].map(|v| v as i32);
        Padding {
            height,
            width,
            top,
            bottom,
            left,
            right,
            reflect: i32::from(size.mode == PadMode::Reflect),
            unused: 0,
        }
    }
}

/// Rows of an array: where in each the values begin, and how far one row is from the next.
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
}

impl Kernel<Permute> for Cuda {
    fn compute(&self, op: &Permute, x: &Self::Buffer) -> Result<Self::Buffer> {
        let axes = &op.axes[..op.x.rank()];
        let dims = op.x.dims();
        let stride = |axis: usize| dims[axis + 1..].iter().product::<usize>() as i64;
        let mut permutation =
            Permutation { rank: axes.len() as i32, unused: 0, sizes: [1; MAX_RANK], strides: [0; MAX_RANK] };
        for (to, &from) in axes.iter().enumerate() {
            (permutation.sizes[to], permutation.strides[to]) = (dims[from] as i64, stride(from));
        }
        let mut y = self.array(x.count())?;
        let launch = self.kernel(&SOURCE, "permute")?.output(&mut y).input(x).count(x.count());
        launch.structure(&permutation).for_each(x.count())?;
        Ok(Arc::new(y))
    }
}

impl Kernel<Narrow> for Cuda {
    fn compute(&self, op: &Narrow, x: &Self::Buffer) -> Result<Self::Buffer> {
        let (&Narrow { start, length, .. }, [outer, size, inner]) = (op, op.x.around(op.axis));
        let mut y = self.array(outer * length * inner)?;
        let (to, from) = (Rows { row: length * inner, start: 0 }, Rows { row: size * inner, start: start * inner });
        self.copy_rows((&mut y, to), (x, from), outer, length * inner)?;
        Ok(Arc::new(y))
    }
}

impl Kernel<Place> for Cuda {
    fn compute(&self, op: &Place, x: &Self::Buffer) -> Result<Self::Buffer> {
        let (&Place { start, size, .. }, [outer, length, inner]) = (op, op.x.around(op.axis));
        let mut y = self.array(outer * size * inner)?;
        self.clear(&mut y)?;
        let (to, from) = (Rows { row: size * inner, start: start * inner }, Rows { row: length * inner, start: 0 });
        self.copy_rows((&mut y, to), (x, from), outer, length * inner)?;
        Ok(Arc::new(y))
    }
}

impl Kernel<Cat> for Cuda {
    fn compute(&self, op: &Cat, pieces: &[(&Self::Buffer, usize)]) -> Result<Self::Buffer> {
        let [outer, size, inner] = op.y.around(op.axis);
        let mut y = self.array(outer * size * inner)?;
        let mut start = 0;
        for &(piece, length) in pieces {
            let (to, from) = (Rows { row: size * inner, start: start * inner }, Rows { row: length * inner, start: 0 });
            self.copy_rows((&mut y, to), (piece, from), outer, length * inner)?;
            start += length;
        }
        Ok(Arc::new(y))
    }
}

impl Kernel<Pad2d> for Cuda {
    fn compute(&self, op: &Pad2d, x: &Self::Buffer) -> Result<Self::Buffer> {
        let size = &op.size;
        let plane = size.out_height() * size.out_width();
        let mut y = self.array(size.planes() * plane)?;
        let launch = self.kernel(&SOURCE, "pad2d")?.output(&mut y).input(x).count(size.planes());
        launch.structure(&Padding::of(size)).for_each_plane(size.planes(), plane)?;
        Ok(Arc::new(y))
    }
}

impl Kernel<Pad2dGrad> for Cuda {
    fn compute(&self, op: &Pad2dGrad, grad_output: &Self::Buffer) -> Result<Self::Buffer> {
        let size = &op.size;
        let plane = size.height * size.width;
        let mut grad = self.array(size.planes() * plane)?;
        let launch = self.kernel(&SOURCE, "pad2d_grad")?.output(&mut grad).input(grad_output).count(size.planes());
        launch.structure(&Padding::of(size)).for_each_plane(size.planes(), plane)?;
        Ok(Arc::new(grad))
    }
}

impl Kernel<PadIds> for Cuda {
    fn compute(&self, op: &PadIds, ids: &Self::IdBuffer) -> Result<Self::IdBuffer> {
        let size = &op.size;
        let plane = size.out_height() * size.out_width();
        let mut y = self.array(size.planes() * plane)?;
        let launch = self.kernel(&SOURCE, "pad_ids")?.output(&mut y).input(ids).count(size.planes());
        launch.structure(&Padding::of(size)).for_each_plane(size.planes(), plane)?;
        Ok(Arc::new(y))
    }
}

impl Kernel<OneHot> for Cuda {
    fn compute(&self, op: &OneHot, ids: &Self::IdBuffer) -> Result<Self::Buffer> {
        let OneHot { ids: [batch, h, w], classes } = *op;
        let plane = h * w;
        let planes = batch * classes;
        let mut y = self.array(planes * plane)?;
        let launch = self.kernel(&SOURCE, "one_hot")?.output(&mut y).input(ids).count(planes);
        launch.size(classes).size(plane).for_each_plane(planes, plane)?;
        Ok(Arc::new(y))
    }
}

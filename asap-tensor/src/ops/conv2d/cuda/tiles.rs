//! Convolutions by tiles that read their operands directly from the images (implicit GEMM).

use super::sizes::{Pass, Sizes};
use crate::cuda::{Array, Cuda, GEMM, MMA, PRODUCTS, Parameters, Source};
use crate::error::{Error, Result};
use crate::ops::conv2d::Conv2dSize;

pub(super) const IMAGE: (&str, &str) = ("conv2d/image.cuh", include_str!("image.cuh"));

const F32: &[(&str, &str)] = &[PRODUCTS[0], GEMM, IMAGE];
const TF32: &[(&str, &str)] = &[PRODUCTS[1], MMA, GEMM, IMAGE];
const BF16: &[(&str, &str)] = &[PRODUCTS[2], MMA, GEMM, IMAGE];

/// The kernels of a pass.
pub(super) struct Kernels {
    /// One for each precision, in the order of `MatmulPrecision`.
    pub(super) sources: [Source; 3],
    /// One for each [`Tile`].
    tiles: [&'static str; 3],
    /// Adds the parts of sums.
    sum: &'static str,
}

macro_rules! kernels {
    ($name:literal, $file:literal) => {
        Kernels {
            sources: [
                Source::new(concat!("conv2d/", $file, " (f32)"), include_str!($file), F32),
                Source::new(concat!("conv2d/", $file, " (TF32)"), include_str!($file), TF32),
                Source::new(concat!("conv2d/", $file, " (bf16)"), include_str!($file), BF16),
            ],
            tiles: [concat!($name, "_16"), concat!($name, "_64"), concat!($name, "_128")],
            sum: concat!($name, "_sum"),
        }
    };
}

/// In the order of [`Pass`].
pub(super) static KERNELS: [Kernels; 3] = [
    kernels!("conv2d", "forward.cu"),
    kernels!("conv2d_grad_input", "grad_input.cu"),
    kernels!("conv2d_grad_weight", "grad_weight.cu"),
];

/// Columns of every tile.
const TILE_COLUMNS: usize = 128;
/// Minimum number of terms of a part of a sum: adding the parts must be cheap compared with computing them.
const PART: usize = 256;

/// Sizes of tiles: 16, 64 or 128 rows × 128 columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tile {
    Small,
    Medium,
    Large,
}

impl Tile {
    fn rows(self) -> usize {
        [16, 64, 128][self as usize]
    }

    fn threads(self) -> u32 {
        [128, 128, 256][self as usize]
    }

    /// Blocks that a multiprocessor has registers for.
    fn at_once(self) -> usize {
        [4, 2, 1][self as usize]
    }

    /// The smallest that covers all rows, or of the two larger ones the one with less padding.
    pub(super) fn of(rows: usize) -> Self {
        match rows {
            0..=16 => Tile::Small,
            _ if rows.div_ceil(64) % 2 == 1 => Tile::Medium,
            _ => Tile::Large,
        }
    }
}

/// Parameters that tests choose; `None`: by the sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) tile: Option<Tile>,
    pub(super) parts: Option<usize>,
}

/// `Problem` of gemm.cuh.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Problem {
    rows: i32,
    columns: i32,
    depth: i32,
    parts: i32,
}

// SAFETY: four ints, as in gemm.cuh.
unsafe impl Parameters for Problem {}

impl Cuda {
    /// A pass of a convolution by tiles; the bias is that of the forward pass.
    pub(super) fn conv2d_by_tiles(
        &self,
        pass: Pass,
        choice: Choice,
        [a, b]: [&Array<f32>; 2],
        bias: Option<&Array<f32>>,
        size: &Conv2dSize,
        sizes: &Sizes,
    ) -> Result<Array<f32>> {
        let pixels = size.batch * size.out_height * size.out_width;
        let stride = sizes.stride as usize;
        let (products, [rows, columns, depth]) = match pass {
            Pass::Forward => (1, [size.out_channels, pixels, size.patch()]),
            Pass::GradInput => {
                // A product for each phase of the stride, as large as the largest, that of the first pixels.
                let pixels = size.batch * size.in_height.div_ceil(stride) * size.in_width.div_ceil(stride);
                let taps = size.kernel_height.div_ceil(stride) * size.kernel_width.div_ceil(stride);
                (stride * stride, [size.in_channels, pixels, size.out_channels * taps])
            }
            Pass::GradWeight => (1, [size.out_channels, size.patch(), pixels]),
        };
        let tile = choice.tile.unwrap_or(Tile::of(rows));
        let tiles = products * rows.div_ceil(tile.rows()) * columns.div_ceil(TILE_COLUMNS);
        let at_once = self.limits().multiprocessors * tile.at_once();
        let parts = choice.parts.unwrap_or((at_once / tiles.max(1)).clamp(1, depth.div_ceil(PART).max(1)));
        let grid = u32::try_from(tiles * parts).ok().filter(|&grid| grid < 1 << 31).ok_or_else(|| Error::Argument {
            op: pass.name(),
            why: format!("{tiles} tiles exceed a GPU's grid; use smaller images, batches or strides"),
        })?;
        let count = rows * columns;
        let mut sums = if parts > 1 { Some(self.array::<f32>(products * parts * count)?) } else { None };
        let problem = Problem { rows: rows as i32, columns: columns as i32, depth: depth as i32, parts: parts as i32 };

        let Kernels { sources, tiles: kernels, sum } = &KERNELS[pass as usize];
        let source = &sources[self.precision() as usize];
        let mut y = self.array(pass.result(size).count())?;
        let launch = self.kernel(source, kernels[tile as usize])?.input(a).input(b);
        let launch = if pass == Pass::Forward { launch.optional(bias) } else { launch };
        let launch = launch.output(&mut y).optional_output(sums.as_mut()).structure(sizes).structure(&problem);
        launch.launch([grid, 1, 1], [tile.threads(), 1, 1])?;
        if let Some(sums) = &sums {
            let launch = self.kernel(source, sum)?.input(sums);
            let launch = if pass == Pass::Forward { launch.optional(bias) } else { launch };
            launch.output(&mut y).structure(sizes).structure(&problem).for_each_plane(products, count)?;
        }
        Ok(y)
    }
}

//! Convolutions by tiles that read the images as they are.

use super::sizes::Sizes;
use crate::cuda::{Array, Cuda, GEMM, MMA, PRODUCTS, Parameters, Source};
use crate::error::{Error, Result};
use crate::ops::conv2d::Conv2dSize;

pub(super) const IMAGE: (&str, &str) = ("conv2d/image.cuh", include_str!("image.cuh"));

// One for each precision, in the order of `MatmulPrecision`.
type Sources = [Source; 3];
const F32: &[(&str, &str)] = &[PRODUCTS[0], GEMM, IMAGE];
const TF32: &[(&str, &str)] = &[PRODUCTS[1], MMA, GEMM, IMAGE];
const BF16: &[(&str, &str)] = &[PRODUCTS[2], MMA, GEMM, IMAGE];
pub(super) const FORWARD: Sources = [
    Source::new("conv2d/forward.cu (f32)", include_str!("forward.cu"), F32),
    Source::new("conv2d/forward.cu (TF32)", include_str!("forward.cu"), TF32),
    Source::new("conv2d/forward.cu (bf16)", include_str!("forward.cu"), BF16),
];
pub(super) const GRAD_INPUT: Sources = [
    Source::new("conv2d/grad_input.cu (f32)", include_str!("grad_input.cu"), F32),
    Source::new("conv2d/grad_input.cu (TF32)", include_str!("grad_input.cu"), TF32),
    Source::new("conv2d/grad_input.cu (bf16)", include_str!("grad_input.cu"), BF16),
];
pub(super) const GRAD_WEIGHT: Sources = [
    Source::new("conv2d/grad_weight.cu (f32)", include_str!("grad_weight.cu"), F32),
    Source::new("conv2d/grad_weight.cu (TF32)", include_str!("grad_weight.cu"), TF32),
    Source::new("conv2d/grad_weight.cu (bf16)", include_str!("grad_weight.cu"), BF16),
];

/// Columns of every tile.
const TILE_COLUMNS: usize = 128;
/// Values of a sum that a part of it has at least: adding the parts up must be little beside computing them.
const PART: usize = 256;

/// The tiles that a product is computed by: so many rows × 128 columns.
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

    /// Threads of a block.
    fn threads(self) -> u32 {
        [128, 128, 256][self as usize]
    }

    /// Blocks that a multiprocessor runs at once, by their registers.
    fn at_once(self) -> usize {
        [4, 2, 1][self as usize]
    }

    /// The smallest that takes all rows at once; of the two larger ones, the one whose last tile is emptier less.
    pub(super) fn of(rows: usize) -> Self {
        match rows {
            0..=16 => Tile::Small,
            _ if rows.div_ceil(64) % 2 == 1 => Tile::Medium,
            _ => Tile::Large,
        }
    }
}

/// What a test may choose; `None` leaves it to the sizes.
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

/// A number of products of one size, by tiles.
struct Tiled {
    tile: Tile,
    grid: u32,
    problem: Problem,
    /// The values that each product has.
    count: usize,
    /// Where the parts of their sums go, if they are split.
    sums: Option<Array<f32>>,
}

impl Tiled {
    fn new(
        backend: &Cuda,
        op: &'static str,
        choice: Choice,
        products: usize,
        [rows, columns, depth]: [usize; 3],
    ) -> Result<Self> {
        let tile = choice.tile.unwrap_or(Tile::of(rows));
        let tiles = products * rows.div_ceil(tile.rows()) * columns.div_ceil(TILE_COLUMNS);
        let at_once = backend.limits().multiprocessors * tile.at_once();
        let parts = choice.parts.unwrap_or((at_once / tiles.max(1)).clamp(1, depth.div_ceil(PART).max(1)));
        let count = rows * columns;
        let grid = u32::try_from(tiles * parts).ok().filter(|&grid| grid < 1 << 31).ok_or_else(|| Error::Argument {
            op,
            why: format!("{tiles} tiles are more than a GPU counts; take smaller images, batches or strides"),
        })?;
        let sums = if parts > 1 { Some(backend.array(products * parts * count)?) } else { None };
        let problem = Problem { rows: rows as i32, columns: columns as i32, depth: depth as i32, parts: parts as i32 };
        Ok(Tiled { tile, grid, problem, count, sums })
    }

    fn block(&self) -> [u32; 3] {
        [self.tile.threads(), 1, 1]
    }

    /// The kernel for the tile.
    fn kernel(&self, kernels: [&'static str; 3]) -> &'static str {
        kernels[self.tile as usize]
    }
}

impl Cuda {
    pub(super) fn conv2d_by_tiles(
        &self,
        choice: Choice,
        x: &Array<f32>,
        weight: &Array<f32>,
        bias: Option<&Array<f32>>,
        size: &Conv2dSize,
        sizes: &Sizes,
    ) -> Result<Array<f32>> {
        let source = &FORWARD[self.precision() as usize];
        let pixels = size.batch * size.out_height * size.out_width;
        let mut tiled = Tiled::new(self, "conv2d", choice, 1, [size.out_channels, pixels, size.patch()])?;
        let mut y = self.array(size.output().count())?;
        let kernel = tiled.kernel(["conv2d_16", "conv2d_64", "conv2d_128"]);
        let launch = self.kernel(source, kernel)?.input(x).input(weight).optional(bias).output(&mut y);
        let launch = launch.optional_output(tiled.sums.as_mut()).structure(sizes).structure(&tiled.problem);
        launch.launch([tiled.grid, 1, 1], tiled.block())?;
        if let Some(sums) = &tiled.sums {
            let launch = self.kernel(source, "conv2d_sum")?.input(sums).optional(bias).output(&mut y);
            launch.structure(sizes).structure(&tiled.problem).for_each_plane(1, tiled.count)?;
        }
        Ok(y)
    }

    pub(super) fn conv2d_grad_input_by_tiles(
        &self,
        choice: Choice,
        grad_output: &Array<f32>,
        weight: &Array<f32>,
        size: &Conv2dSize,
        sizes: &Sizes,
    ) -> Result<Array<f32>> {
        let source = &GRAD_INPUT[self.precision() as usize];
        let stride = sizes.stride as usize;
        // The largest phase, which the first pixels are of.
        let pixels = size.batch * size.in_height.div_ceil(stride) * size.in_width.div_ceil(stride);
        let taps = size.kernel_height.div_ceil(stride) * size.kernel_width.div_ceil(stride);
        let product = [size.in_channels, pixels, size.out_channels * taps];
        let mut tiled = Tiled::new(self, "conv2d_grad_input", choice, stride * stride, product)?;
        let mut grad = self.array(size.input().count())?;
        let kernel = tiled.kernel(["conv2d_grad_input_16", "conv2d_grad_input_64", "conv2d_grad_input_128"]);
        let launch = self.kernel(source, kernel)?.input(grad_output).input(weight).output(&mut grad);
        let launch = launch.optional_output(tiled.sums.as_mut()).structure(sizes).structure(&tiled.problem);
        launch.launch([tiled.grid, 1, 1], tiled.block())?;
        if let Some(sums) = &tiled.sums {
            let launch = self.kernel(source, "conv2d_grad_input_sum")?.input(sums).output(&mut grad);
            launch.structure(sizes).structure(&tiled.problem).for_each_plane(stride * stride, tiled.count)?;
        }
        Ok(grad)
    }

    pub(super) fn conv2d_grad_weight_by_tiles(
        &self,
        choice: Choice,
        x: &Array<f32>,
        grad_output: &Array<f32>,
        size: &Conv2dSize,
        sizes: &Sizes,
    ) -> Result<Array<f32>> {
        let source = &GRAD_WEIGHT[self.precision() as usize];
        let pixels = size.batch * size.out_height * size.out_width;
        let product = [size.out_channels, size.patch(), pixels];
        let mut tiled = Tiled::new(self, "conv2d_grad_weight", choice, 1, product)?;
        let mut grad = self.array(size.weight().count())?;
        let kernel = tiled.kernel(["conv2d_grad_weight_16", "conv2d_grad_weight_64", "conv2d_grad_weight_128"]);
        let launch = self.kernel(source, kernel)?.input(x).input(grad_output).output(&mut grad);
        let launch = launch.optional_output(tiled.sums.as_mut()).structure(sizes).structure(&tiled.problem);
        launch.launch([tiled.grid, 1, 1], tiled.block())?;
        if let Some(sums) = &tiled.sums {
            let launch = self.kernel(source, "conv2d_grad_weight_sum")?.input(sums).output(&mut grad);
            launch.structure(&tiled.problem).for_each_plane(1, tiled.count)?;
        }
        Ok(grad)
    }
}

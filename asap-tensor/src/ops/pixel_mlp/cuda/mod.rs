//! Kernels of `Cuda`.
//!
//! | file | what it does |
//! |---|---|
//! | `network` | layout of parameters and values, and distribution of work |
//! | `pixel_mlp.cuh` | shared by all kernels |
//! | `pixel_mlp_layout.cu` | (N, P, h, w) ↔ contiguous parameters of a tile |
//! | `block.cuh`, `pixel_mlp.cu` | forward and backward pass of a tile's pixels, by a block |
//! | `fma.cuh` | products of a layer in single precision |
//! | `tensor_cores.cuh` | products of a layer on the tensor cores |
//! | `pixel_mlp_registers.cu` | forward pass on the tensor cores, with all layers in the registers of a warp |
//! | `operand.cuh` | values rounded to TF32 or bf16 |

mod network;
#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests;

use std::sync::Arc;

use self::network::{Direction, Layout, Plan, REGISTER_WIDTH};
use super::ops::{PixelMlpForward, PixelMlpGrad};
use super::size::{PixelMlpSize, RawPixels};
use crate::cuda::{Array, Cuda, Launch, Limits, MMA, MatmulPrecision, Source, blocks};
use crate::error::Result;
use crate::op::{self, Buffers, Kernel};
use crate::storage::Storage;

type Header = (&'static str, &'static str);

const COMMON: Header = ("pixel_mlp.cuh", include_str!("pixel_mlp.cuh"));
const BLOCK: Header = ("block.cuh", include_str!("block.cuh"));
const FMA: Header = ("fma.cuh", include_str!("fma.cuh"));
const OPERAND: Header = ("operand.cuh", include_str!("operand.cuh"));
const TENSOR_CORES: Header = ("tensor_cores.cuh", include_str!("tensor_cores.cuh"));
const TF32: Header = ("tf32", "#define OPERAND Tf32\n#define PRODUCTS TensorCores<OPERAND>\n#define IS_WIDE false");
const BF16: Header = ("bf16", "#define OPERAND Bf16\n#define PRODUCTS TensorCores<OPERAND>\n#define IS_WIDE false");
const PLAIN: Header = ("plain", "#define PRODUCTS Fma\n#define IS_WIDE false");
const WIDE: Header = ("wide", "#define PRODUCTS Fma\n#define IS_WIDE true");

/// The source of a file, with the name of its variant and headers.
macro_rules! source {
    ($file:literal, $variant:literal, $($header:ident)*) => {
        Source::new(concat!($file, $variant), include_str!($file), &[$($header),*])
    };
}
const LAYOUT_SOURCE: Source = source!("pixel_mlp_layout.cu", "", MMA COMMON);
const PLAIN_SOURCE: Source = source!("pixel_mlp.cu", "", COMMON BLOCK FMA PLAIN);
const WIDE_SOURCE: Source = source!("pixel_mlp.cu", " (wide)", COMMON BLOCK FMA WIDE);
const TF32_SOURCE: Source = source!("pixel_mlp.cu", " (TF32)", MMA COMMON BLOCK OPERAND TENSOR_CORES TF32);
const BF16_SOURCE: Source = source!("pixel_mlp.cu", " (bf16)", MMA COMMON BLOCK OPERAND TENSOR_CORES BF16);
const TF32_REGISTERS_SOURCE: Source = source!("pixel_mlp_registers.cu", " (TF32)", MMA COMMON OPERAND TF32);
const BF16_REGISTERS_SOURCE: Source = source!("pixel_mlp_registers.cu", " (bf16)", MMA COMMON OPERAND BF16);

pub(crate) const SOURCES: [Source; 7] =
    [LAYOUT_SOURCE, PLAIN_SOURCE, WIDE_SOURCE, TF32_SOURCE, BF16_SOURCE, TF32_REGISTERS_SOURCE, BF16_REGISTERS_SOURCE];

/// Threads of a block that moves a square of `SQUARE` × `SQUARE` values.
const SQUARE_THREADS: [u32; 3] = [32, 8, 1];
const SQUARE: usize = 32;

/// The kernels of a call, and their layout.
struct Way {
    plan: Plan,
    source: &'static Source,
    kernel: &'static str,
    lay_out: &'static str,
}

impl Way {
    /// Networks too large for the kernels on tensor cores run in single precision.
    fn forward(size: &PixelMlpSize, labels: bool, precision: MatmulPrecision, limits: &Limits) -> Self {
        let (source, rows, lay_out) = match precision {
            MatmulPrecision::Highest => return Self::blocks(size, labels, Direction::Forward, precision, limits),
            MatmulPrecision::High => (&TF32_REGISTERS_SOURCE, 8, "lay_out_tf32"),
            MatmulPrecision::Medium => (&BF16_REGISTERS_SOURCE, 16, "lay_out_bf16"),
        };
        let plan = Plan::new(size, labels, Layout::Fragments(rows), Direction::Forward, limits);
        if size.widths[1..].iter().any(|&width| width > REGISTER_WIDTH) || plan.shared > limits.shared_memory {
            return Self::blocks(size, labels, Direction::Forward, precision, limits);
        }
        Way { plan, source, kernel: "pixel_mlp_registers", lay_out }
    }

    /// The kernels of `pixel_mlp.cu`.
    fn blocks(
        size: &PixelMlpSize,
        labels: bool,
        direction: Direction,
        precision: MatmulPrecision,
        limits: &Limits,
    ) -> Self {
        let kernel = if direction == Direction::Forward { "pixel_mlp" } else { "pixel_mlp_grad" };
        let way = |plan, source| Way { plan, source, kernel, lay_out: "lay_out_rows" };
        let tensor_cores = match precision {
            MatmulPrecision::Highest => None,
            MatmulPrecision::High => Some(&TF32_SOURCE),
            MatmulPrecision::Medium => Some(&BF16_SOURCE),
        };
        if let Some(source) = tensor_cores {
            let plan = Plan::new(size, labels, Layout::PaddedRows, direction, limits);
            if !plan.is_wide() {
                return way(plan, source);
            }
        }
        let plan = Plan::new(size, labels, Layout::Rows, direction, limits);
        let source = if plan.is_wide() { &WIDE_SOURCE } else { &PLAIN_SOURCE };
        way(plan, source)
    }
}

/// Inputs of a call.
struct Inputs<'a> {
    params: &'a Array<f32>,
    ids: Option<&'a Array<u8>>,
    dense: Option<&'a Array<f32>>,
    positions: &'a Array<f32>,
}

impl<'a> Inputs<'a> {
    fn new(
        params: &'a Array<f32>,
        pixels: &RawPixels<'a, Arc<Array<f32>>, Arc<Array<u8>>>,
        positions: &'a Array<f32>,
    ) -> Self {
        let (ids, dense) = match *pixels {
            RawPixels::Ids(ids) => (Some(&**ids), None),
            RawPixels::Dense(x) => (None, Some(&**x)),
        };
        Inputs { params, ids, dense, positions }
    }
}

/// The blocks of `pixel_mlp_layout.cu` for `count` values of each cell.
fn squares(size: &PixelMlpSize, count: usize) -> [u32; 3] {
    let cells = size.grid_height * size.grid_width;
    [blocks(size.batch * cells.div_ceil(SQUARE) * count.div_ceil(SQUARE), 1), 1, 1]
}

impl Cuda {
    fn pixel_mlp_forward(&self, way: &Way, inputs: &Inputs<'_>, size: &PixelMlpSize) -> Result<Array<f32>> {
        let mut image = self.array(size.output().count())?;
        let layers = self.table(&way.plan.layers, &[])?;
        let laid_out = self.lay_out(way, &layers.index, inputs.params, size)?;
        let launch = self.kernel(way.source, way.kernel)?.output(&mut image).input(&laid_out);
        self.launch(launch, way, inputs, &layers.index, None)?;
        Ok(image)
    }

    fn pixel_mlp_backward(
        &self,
        way: &Way,
        inputs: &Inputs<'_>,
        grad_output: &Array<f32>,
        wants_pixels: bool,
        size: &PixelMlpSize,
    ) -> Result<(Array<f32>, Option<Array<f32>>)> {
        let Plan { laid_out: count, shares, network, .. } = &way.plan;
        let pixel_count = size.pixels().count();
        let mut grad_pixels = if wants_pixels { Some(self.array(pixel_count)?) } else { None };
        let layers = self.table(&way.plan.layers, &[])?;
        let laid_out = self.lay_out(way, &layers.index, inputs.params, size)?;
        let mut sums = self.array::<f32>(shares * count)?;
        let launch = self.kernel(way.source, way.kernel)?.output(&mut sums);
        // Without channels there is nothing to write.
        let grad_dense = grad_pixels.as_mut().filter(|_| pixel_count > 0);
        let launch = launch.optional_output(grad_dense).input(&laid_out);
        self.launch(launch, way, inputs, &layers.index, Some(grad_output))?;
        let mut grad = self.array(size.params().count())?;
        let launch = self.kernel(&LAYOUT_SOURCE, "gather_gradient")?.output(&mut grad).input(&sums);
        let launch = launch.input(&layers.index).structure(network);
        launch.launch(squares(size, size.parameters()), SQUARE_THREADS)?;
        Ok((grad, grad_pixels))
    }

    /// (N, P, h, w) → (N·h·w, laid_out)
    fn lay_out(&self, way: &Way, layers: &Array<u32>, params: &Array<f32>, size: &PixelMlpSize) -> Result<Array<f32>> {
        let count = way.plan.laid_out;
        let mut y = self.array(size.batch * size.grid_height * size.grid_width * count)?;
        let launch = self.kernel(&LAYOUT_SOURCE, way.lay_out)?.output(&mut y).input(params).input(layers);
        launch.structure(&way.plan.network).launch(squares(size, count), SQUARE_THREADS)?;
        Ok(y)
    }

    /// Adds the inputs of the kernels of both directions, and launches one.
    fn launch(
        &self,
        launch: Launch<'_>,
        way: &Way,
        inputs: &Inputs<'_>,
        layers: &Array<u32>,
        grad_output: Option<&Array<f32>>,
    ) -> Result<()> {
        let Plan { network, shared, blocks: count, threads, scratch, .. } = &way.plan;
        let launch = launch.optional(inputs.ids).optional(inputs.dense).input(inputs.positions);
        let launch = if grad_output.is_some() { launch.optional(grad_output) } else { launch };
        let mut scratch = self.array::<f32>(count * scratch)?;
        let launch = launch.input(layers).structure(network).output(&mut scratch);
        launch.shared(*shared).launch([blocks(*count, 1), 1, 1], [*threads, 1, 1])
    }
}

impl Kernel<PixelMlpForward> for Cuda {
    fn compute(
        &self,
        op: &PixelMlpForward,
        (params, pixels, positions): op::Inputs<'_, PixelMlpForward, Self>,
    ) -> Result<Self::Buffer> {
        let (inputs, size) = (Inputs::new(params, &pixels, positions), &op.size);
        if size.output().count() == 0 {
            return Ok(Arc::new(self.array(0)?));
        }
        let way = Way::forward(size, inputs.ids.is_some(), self.precision(), self.limits());
        self.pixel_mlp_forward(&way, &inputs, size).map(Arc::new)
    }
}

impl Kernel<PixelMlpGrad> for Cuda {
    fn compute(
        &self,
        PixelMlpGrad { forward: PixelMlpForward { size, .. }, wants_pixels }: &PixelMlpGrad,
        ((params, pixels, positions), grad_output): op::Inputs<'_, PixelMlpGrad, Self>,
    ) -> Result<Buffers<PixelMlpGrad, Self>> {
        let inputs = Inputs::new(params, &pixels, positions);
        if size.output().count() == 0 {
            let zeros = |count: usize| self.filled(0.0, count);
            let grad_pixels = if *wants_pixels { Some(zeros(size.pixels().count())?) } else { None };
            return Ok((zeros(size.params().count())?, grad_pixels));
        }
        let way = Way::blocks(size, inputs.ids.is_some(), Direction::Backward, self.precision(), self.limits());
        let (grad, grad_pixels) = self.pixel_mlp_backward(&way, &inputs, grad_output, *wants_pixels, size)?;
        Ok((Arc::new(grad), grad_pixels.map(Arc::new)))
    }
}

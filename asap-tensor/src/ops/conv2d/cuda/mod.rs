//! Kernels of `Cuda`: [`tiles`] reads operands directly from the images (implicit GEMM), [`columns`] lays out patches for
//! cuBLAS (explicit GEMM), [`ids`] looks up labels. The README's section "On the GPU" says when and why.

mod columns;
mod ids;
mod sizes;
#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests;
mod tiles;

use std::sync::Arc;

use super::ops::{Conv2dForward, Conv2dGradInput, Conv2dGradWeight, Conv2dIds, Conv2dIdsGradWeight, Conv2dStack};
use super::size::Conv2dSize;
use crate::cuda::{Array, Cuda, Source};
use crate::error::Result;
use crate::op::{Inputs, Kernel};
use sizes::{Pass, Sizes};

/// Output channels from which on patches are worth laying out.
const COLUMNS_PAY: usize = 256;
/// Maximum number of values of patches that are laid out at a time: 32 MB, which fit the L2 cache of larger GPUs.
const COLUMNS: usize = 1 << 23;

/// Every source of this family.
pub(crate) fn sources() -> impl Iterator<Item = Source> {
    tiles::KERNELS.iter().flat_map(|kernels| kernels.sources).chain([columns::SOURCE, ids::SOURCE])
}

/// How a convolution is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    /// By tiles that read the image directly.
    Tiles(tiles::Choice),
    /// By cuBLAS, on patches of which at most so many values are laid out at a time.
    Columns(usize),
}

impl Path {
    /// The faster one, by the model in the README.
    fn of(size: &Conv2dSize) -> Self {
        let empty = size.input().count() == 0 || size.out_channels == 0;
        if !empty && (columns::is_pointwise(size) || size.out_channels >= COLUMNS_PAY) {
            Path::Columns(COLUMNS)
        } else {
            Path::Tiles(tiles::Choice::default())
        }
    }
}

impl Cuda {
    /// A pass of a convolution, of its two operands; the bias is that of the forward pass.
    fn conv2d_by(
        &self,
        pass: Pass,
        path: Path,
        [a, b]: [&Array<f32>; 2],
        bias: Option<&Array<f32>>,
        size: &Conv2dSize,
    ) -> Result<Array<f32>> {
        let sizes = &Sizes::new(pass.name(), size)?;
        match (path, pass) {
            _ if pass.result(size).count() == 0 => self.array(0),
            (Path::Tiles(choice), _) => self.conv2d_by_tiles(pass, choice, [a, b], bias, size, sizes),
            (Path::Columns(max), Pass::Forward) => self.conv2d_forward_by_columns(max, a, b, bias, size, sizes),
            (Path::Columns(max), Pass::GradInput) => self.conv2d_grad_input_by_columns(max, a, b, size, sizes),
            (Path::Columns(max), Pass::GradWeight) => self.conv2d_grad_weight_by_columns(max, a, b, size, sizes),
        }
    }
}

impl Kernel<Conv2dForward> for Cuda {
    fn compute(
        &self,
        Conv2dForward { size }: &Conv2dForward,
        (x, weight, bias): Inputs<'_, Conv2dForward, Self>,
    ) -> Result<Self::Buffer> {
        let bias = bias.map(|bias| &**bias);
        self.conv2d_by(Pass::Forward, Path::of(size), [x, weight], bias, size).map(Arc::new)
    }
}

impl Kernel<Conv2dGradInput> for Cuda {
    fn compute(&self, op: &Conv2dGradInput, [grad_output, weight]: [&Self::Buffer; 2]) -> Result<Self::Buffer> {
        self.conv2d_by(Pass::GradInput, Path::of(&op.size), [grad_output, weight], None, &op.size).map(Arc::new)
    }
}

impl Kernel<Conv2dGradWeight> for Cuda {
    fn compute(&self, op: &Conv2dGradWeight, [x, grad_output]: [&Self::Buffer; 2]) -> Result<Self::Buffer> {
        self.conv2d_by(Pass::GradWeight, Path::of(&op.size), [x, grad_output], None, &op.size).map(Arc::new)
    }
}

impl Kernel<Conv2dIds> for Cuda {
    fn compute(&self, op: &Conv2dIds, (ids, weight, bias): Inputs<'_, Conv2dIds, Self>) -> Result<Self::Buffer> {
        self.conv2d_by_lookup(ids, weight, bias.map(|bias| &**bias), &op.size).map(Arc::new)
    }
}

impl Kernel<Conv2dIdsGradWeight> for Cuda {
    fn compute(
        &self,
        op: &Conv2dIdsGradWeight,
        (ids, grad_output): Inputs<'_, Conv2dIdsGradWeight, Self>,
    ) -> Result<Self::Buffer> {
        self.conv2d_grad_weight_by_lookup(ids, grad_output, &op.size).map(Arc::new)
    }
}

impl Kernel<Conv2dStack> for Cuda {
    fn compute(&self, op: &Conv2dStack, inputs: Inputs<'_, Conv2dStack, Self>) -> Result<Self::Buffer> {
        op.apart(self, inputs)
    }
}

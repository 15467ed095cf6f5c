//! Kernels of `Cuda`: [`tiles`] reads operands directly from the images (implicit GEMM), [`columns`] lays out patches for
//! cuBLAS (explicit GEMM), [`ids`] looks up labels. The README's section "On the GPU" says when and why.

mod columns;
mod ids;
mod sizes;
#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests;
mod tiles;

use std::sync::Arc;

use super::{Conv2dOps, Conv2dSize};
use crate::cuda::{Array, Cuda, Source};
use crate::error::Result;
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

impl Conv2dOps for Cuda {
    fn conv2d(
        &self,
        x: &Self::Buffer,
        weight: &Self::Buffer,
        bias: Option<&Self::Buffer>,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        self.conv2d_by(Pass::Forward, Path::of(size), [x, weight], bias.map(|bias| &**bias), size).map(Arc::new)
    }

    fn conv2d_grad_input(
        &self,
        grad_output: &Self::Buffer,
        weight: &Self::Buffer,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        self.conv2d_by(Pass::GradInput, Path::of(size), [grad_output, weight], None, size).map(Arc::new)
    }

    fn conv2d_grad_weight(
        &self,
        x: &Self::Buffer,
        grad_output: &Self::Buffer,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        self.conv2d_by(Pass::GradWeight, Path::of(size), [x, grad_output], None, size).map(Arc::new)
    }

    fn conv2d_ids(
        &self,
        ids: &Self::IdBuffer,
        weight: &Self::Buffer,
        bias: Option<&Self::Buffer>,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        self.conv2d_by_lookup(ids, weight, bias.map(|bias| &**bias), size).map(Arc::new)
    }

    fn conv2d_ids_grad_weight(
        &self,
        ids: &Self::IdBuffer,
        grad_output: &Self::Buffer,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        self.conv2d_grad_weight_by_lookup(ids, grad_output, size).map(Arc::new)
    }
}

//! Kernels of `Cuda`: [`tiles`] reads operands from the images as they are (implicit GEMM), [`columns`] writes patches
//! out for cuBLAS (explicit GEMM), [`ids`] looks labels up. The README's section "On the GPU" says when and why.

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
use sizes::Sizes;

/// Output channels from which on it pays to write patches out.
const COLUMNS_PAY: usize = 256;
/// Values of patches that are written out at a time: 32 MB, which stay in the second cache of the larger cards.
const COLUMNS: usize = 1 << 23;

/// Every source of this family.
pub(crate) fn sources() -> impl Iterator<Item = Source> {
    [tiles::FORWARD, tiles::GRAD_WEIGHT, tiles::GRAD_INPUT].into_iter().flatten().chain([columns::SOURCE, ids::SOURCE])
}

/// How a convolution of values is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    /// By tiles that read the image as it is.
    Tiles(tiles::Choice),
    /// By cuBLAS, on patches of which at most so many values are written out at a time.
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
    fn conv2d_by(
        &self,
        path: Path,
        x: &Array<f32>,
        weight: &Array<f32>,
        bias: Option<&Array<f32>>,
        size: &Conv2dSize,
    ) -> Result<Array<f32>> {
        let sizes = Sizes::new("conv2d", size)?;
        match path {
            _ if size.output().count() == 0 => self.array(0),
            Path::Tiles(choice) => self.conv2d_by_tiles(choice, x, weight, bias, size, &sizes),
            Path::Columns(most) => self.conv2d_by_columns(most, x, weight, bias, size, &sizes),
        }
    }

    fn conv2d_grad_input_by(
        &self,
        path: Path,
        grad_output: &Array<f32>,
        weight: &Array<f32>,
        size: &Conv2dSize,
    ) -> Result<Array<f32>> {
        let sizes = Sizes::new("conv2d_grad_input", size)?;
        match path {
            _ if size.input().count() == 0 => self.array(0),
            Path::Tiles(choice) => self.conv2d_grad_input_by_tiles(choice, grad_output, weight, size, &sizes),
            Path::Columns(most) => self.conv2d_grad_input_by_columns(most, grad_output, weight, size, &sizes),
        }
    }

    fn conv2d_grad_weight_by(
        &self,
        path: Path,
        x: &Array<f32>,
        grad_output: &Array<f32>,
        size: &Conv2dSize,
    ) -> Result<Array<f32>> {
        let sizes = Sizes::new("conv2d_grad_weight", size)?;
        match path {
            _ if size.weight().count() == 0 => self.array(0),
            Path::Tiles(choice) => self.conv2d_grad_weight_by_tiles(choice, x, grad_output, size, &sizes),
            Path::Columns(most) => self.conv2d_grad_weight_by_columns(most, x, grad_output, size, &sizes),
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
        self.conv2d_by(Path::of(size), x, weight, bias.map(|bias| &**bias), size).map(Arc::new)
    }

    fn conv2d_grad_input(
        &self,
        grad_output: &Self::Buffer,
        weight: &Self::Buffer,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        self.conv2d_grad_input_by(Path::of(size), grad_output, weight, size).map(Arc::new)
    }

    fn conv2d_grad_weight(
        &self,
        x: &Self::Buffer,
        grad_output: &Self::Buffer,
        size: &Conv2dSize,
    ) -> Result<Self::Buffer> {
        self.conv2d_grad_weight_by(Path::of(size), x, grad_output, size).map(Arc::new)
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

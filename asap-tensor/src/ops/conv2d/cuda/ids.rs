//! Convolutions of label ids by table lookup.

use super::sizes::Sizes;
use super::tiles::IMAGE;
use crate::cuda::{Array, Cuda, Parameters, Source, blocks};
use crate::error::Result;
use crate::ops::conv2d::Conv2dSize;

pub(super) const SOURCE: Source = Source::new("conv2d/ids.cu", include_str!("ids.cu"), &[IMAGE]);

/// As in ids.cu: outputs and channels of a block, threads of a warp, warps of a block of the forward kernel.
const PIXELS: usize = 64;
const CHANNELS: usize = 32;
const WARP: usize = 32;
const WARPS: usize = 8;
/// Number of ids.
const IDS: usize = 256;
/// Shared memory for the sums of a block, in bytes: the default 48 kB minus its outputs.
const SHARED: usize = 42 << 10;
/// Maximum number of taps of a block, a warp each.
const TAPS: usize = 16;
/// Minimum number of outputs of a part: adding the parts must be cheap compared with computing them.
const RUN: usize = 256;

/// `Split` of ids.cu.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Split {
    classes: i32,
    taps: i32,
    groups: i32,
    parts: i32,
    run: i32,
}

// SAFETY: five ints, as in ids.cu.
unsafe impl Parameters for Split {}

impl Cuda {
    pub(super) fn conv2d_by_lookup(
        &self,
        ids: &Array<u8>,
        weight: &Array<f32>,
        bias: Option<&Array<f32>>,
        size: &Conv2dSize,
    ) -> Result<Array<f32>> {
        let sizes = Sizes::new("conv2d_ids", size)?;
        let mut y = self.array(size.output().count())?;
        if y.count() == 0 {
            return Ok(y);
        }
        let channels = size.out_channels;
        let mut table = self.array::<f32>(weight.count())?;
        let launch = self.kernel(&SOURCE, "conv2d_ids_table")?.input(weight).output(&mut table);
        launch.size(channels).size(size.patch()).for_each_plane(size.patch(), channels)?;
        let pixels = size.batch * size.out_height * size.out_width;
        let grid = blocks(pixels, PIXELS).saturating_mul(blocks(channels, CHANNELS));
        let launch = self.kernel(&SOURCE, "conv2d_ids")?.input(ids).input(&table).optional(bias).output(&mut y);
        launch.structure(&sizes).launch([grid, 1, 1], [(WARP * WARPS) as u32, 1, 1])?;
        Ok(y)
    }

    pub(super) fn conv2d_grad_weight_by_lookup(
        &self,
        ids: &Array<u8>,
        grad_output: &Array<f32>,
        size: &Conv2dSize,
    ) -> Result<Array<f32>> {
        let sizes = Sizes::new("conv2d_ids_grad_weight", size)?;
        let mut grad = self.array(size.weight().count())?;
        if grad.count() == 0 {
            return Ok(grad);
        }
        let classes = size.in_channels.min(IDS);
        let class_sums = classes * CHANNELS * size_of::<f32>();
        let all_taps = size.kernel_height * size.kernel_width;
        let groups = all_taps.div_ceil((SHARED / class_sums).min(TAPS));
        let taps = all_taps.div_ceil(groups);
        let tiles = size.out_channels.div_ceil(CHANNELS);
        let total = size.batch * size.out_height * size.out_width;
        let wanted = 4 * self.limits().multiprocessors / (tiles * groups);
        let run = total.div_ceil(wanted.max(1)).max(RUN).next_multiple_of(WARP);
        let parts = total.div_ceil(run);

        let mut sums = self.array::<f32>(parts * classes * all_taps * size.out_channels)?;
        let [classes, taps_, groups_, parts_, run] = [classes, taps, groups, parts, run].map(|size| size as i32);
        let split = Split { classes, taps: taps_, groups: groups_, parts: parts_, run };
        let grid = blocks(tiles * groups * parts, 1);
        let launch = self.kernel(&SOURCE, "conv2d_ids_grad_weight")?.input(ids).input(grad_output).output(&mut sums);
        let launch = launch.structure(&sizes).structure(&split).shared(taps * class_sums);
        launch.launch([grid, 1, 1], [(WARP * taps) as u32, 1, 1])?;
        let launch = self.kernel(&SOURCE, "conv2d_ids_grad_weight_sum")?.input(&sums).output(&mut grad);
        launch.structure(&sizes).structure(&split).for_each_plane(size.patch(), size.out_channels)?;
        Ok(grad)
    }
}

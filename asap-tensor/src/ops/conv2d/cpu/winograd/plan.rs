//! When Winograd's algorithm is used, and its blocks.

use super::super::convolution::Convolution;
use super::transform::POINTS;
use crate::ops::conv2d::Conv2dSize;

/// Maximum number of tiles of a block: their values for some channels stay in the L2 cache.
const TILES: usize = 64;
/// Input channels of a block: sums are read and written once for each.
pub(super) const INPUTS: usize = 64;
/// Tiles are padded to a multiple of this, whole registers at every level.
const REGISTER: usize = 16;
/// Values left free between the values of one point and those of the next. A transform writes or reads all 36 points at
/// once: a power of two apart, they would compete for few sets of the L1 cache.
pub(super) const GAP: usize = 16;
/// Number of bands from which on each is a task, and weights are transformed once for all of them.
const MANY: usize = 8;

/// Whether Winograd's algorithm is used: for kernels of 3×3 or 4×4 at stride 1. It takes 36 multiplications for a tile
/// of 16 or 9 outputs instead of 144, but transforms each element of x, each output and each weight: there must be enough
/// channels and tiles to share that, and the tiles, which are padded to registers, must be full enough.
pub(crate) fn pays(size: &Conv2dSize) -> bool {
    let taps = size.kernel_height;
    let kernel = (3..=4).contains(&taps) && size.kernel_width == taps && size.stride == 1;
    let channels = size.in_channels.min(size.out_channels) >= 32;
    let full = |height: usize, width: usize| {
        let out = 7 - taps;
        let tiles = height.div_ceil(out) * width.div_ceil(out);
        16 * height * width >= 5 * out * out * tiles.next_multiple_of(REGISTER)
    };
    kernel
        && channels
        && size.padding < taps
        && size.batch > 0
        && full(size.out_height, size.out_width)
        && full(size.in_height, size.in_width)
}

impl Convolution {
    /// Rows and columns of a tile of outputs.
    pub(super) fn out(&self) -> usize {
        7 - self.kernel[0]
    }
}

/// Blocks of a convolution: images are cut into bands of whole rows of tiles, these into blocks of tiles, channels into
/// blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blocks {
    /// Tiles in a row of tiles.
    pub(super) tiles_x: usize,
    /// Rows of tiles in a band.
    pub(super) band: usize,
    /// Bands of an image.
    pub(super) bands: usize,
    /// Tiles in a block, of which a band has one or more; padded to whole registers.
    pub(super) width: usize,
    /// Blocks of tiles in a band.
    pub(super) tile_blocks: usize,
    /// Input channels in a block.
    pub(super) inputs: usize,
    /// Blocks of input channels.
    pub(super) input_blocks: usize,
    /// Output channels in a block.
    pub(super) outputs: usize,
    /// Output channels that a task computes, whole blocks of them.
    pub(super) task_outputs: usize,
    /// Whether each band is a task, with all output channels and its own transformed tiles.
    pub(super) many: bool,
}

impl Blocks {
    pub(super) fn of(conv: &Convolution) -> Self {
        let (tiles_y, tiles_x) = (conv.output[1].div_ceil(conv.out()), conv.output[2].div_ceil(conv.out()));
        let band = tiles_y.div_ceil(tiles_y.div_ceil((TILES / tiles_x).max(1)));
        let bands = tiles_y.div_ceil(band);
        let tiles = band * tiles_x;
        let width = tiles.div_ceil(tiles.div_ceil(TILES)).next_multiple_of(REGISTER);
        // Multiples of the rows that a product computes at a time: 24 with one register of tiles, else 14.
        let (outputs, task_outputs) = if width == REGISTER { (24, 168) } else { (42, 126) };
        Blocks {
            tiles_x,
            band,
            bands,
            width,
            tile_blocks: tiles.div_ceil(width),
            inputs: INPUTS,
            input_blocks: conv.input[0].div_ceil(INPUTS),
            outputs,
            task_outputs,
            many: conv.batch * bands >= MANY,
        }
    }

    /// From one point of a block of transformed tiles to the next, in values.
    pub(super) fn tiles_step(&self) -> usize {
        self.inputs * self.width + GAP
    }

    /// From one point of a block of transformed weights to the next.
    pub(super) fn weights_step(&self) -> usize {
        self.inputs * self.outputs + GAP
    }

    /// From one point of a block of sums to the next.
    pub(super) fn sums_step(&self) -> usize {
        self.outputs * self.width + GAP
    }

    /// Values of a block of transformed tiles.
    pub(super) fn tiles_count(&self) -> usize {
        POINTS * self.tiles_step()
    }

    /// Values of a block of transformed weights.
    pub(super) fn weights_count(&self) -> usize {
        POINTS * self.weights_step()
    }

    /// Values of the sums of a task: a block of them for each of its blocks of outputs.
    pub(super) fn sums_count(&self, conv: &Convolution) -> usize {
        self.task_outputs.min(conv.output[0]).div_ceil(self.outputs) * POINTS * self.sums_step()
    }

    /// Values of the stage of a transform.
    pub(super) fn stage_count(&self) -> usize {
        // 36 of each tile and a line of x; or the weights of a block of input channels.
        (POINTS * self.width + 4 * self.width + 4).max(16 * self.inputs)
    }

    /// Scratch of a thread, in values.
    pub(super) fn scratch(&self, conv: &Convolution) -> usize {
        let own = if self.many { self.input_blocks * self.tiles_count() } else { self.weights_count() };
        own + self.sums_count(conv) + self.stage_count() + REGISTER
    }

    /// Values that all threads share while the convolution runs: transformed weights, or transformed tiles.
    pub(super) fn shared(&self, conv: &Convolution) -> usize {
        let blocks = if self.many {
            conv.output[0].div_ceil(self.outputs) * self.input_blocks * self.weights_count()
        } else {
            conv.batch * self.bands * self.tile_blocks * self.input_blocks * self.tiles_count()
        };
        blocks + REGISTER
    }
}

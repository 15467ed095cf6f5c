//! Layout of a network's parameters and values in device memory, and distribution of the work.

use crate::cuda::{Limits, Parameters};
use crate::ops::pixel_mlp::size::PixelMlpSize;

/// Maximum number of pixels that a block computes at a time: in the forward pass, and in the backward pass, which reads
/// and writes sums of the gradient, as many as parameters, each time.
const PIXELS: [usize; 2] = [64, 128];
/// Threads of a block that computes up to 64 pixels at a time, and of one that computes more.
const THREADS: [u32; 2] = [128, 256];
/// Minimum number of pixels of a block, to be worth reading the parameters of a tile.
const WORTHWHILE: usize = 512;
/// Blocks for each multiprocessor, to hide latency and to balance the load.
const BLOCKS: usize = 6;
/// Outputs of the widest layer that a warp can hold in its registers: see `pixel_mlp_registers.cu`.
pub(super) const REGISTER_WIDTH: usize = 64;
/// Pixels that a block of `pixel_mlp_registers.cu` computes at a time.
const REGISTER_PIXELS: usize = 128;
/// Values of one fragment of the tensor cores' B: two for each lane of a warp.
const FRAGMENT: usize = 64;

/// Layout of a tile's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// For `fma.cuh`: rows of a multiple of four values.
    Rows,
    /// For `tensor_cores.cuh`: rows and depth in multiples of 16, and 8 more values in each row.
    PaddedRows,
    /// For `pixel_mlp_registers.cu`: fragments of so many rows by 8 columns.
    Fragments(usize),
}

impl Layout {
    /// (depth, stride) of a layer: its product's rows and its columns, padded.
    fn padded(self, inputs: usize, outputs: usize) -> (usize, usize) {
        match self {
            Layout::Rows => (inputs, outputs.next_multiple_of(4)),
            Layout::PaddedRows => (inputs.next_multiple_of(16), outputs.next_multiple_of(16) + 8),
            Layout::Fragments(rows) => (inputs.next_multiple_of(rows), outputs.next_multiple_of(8)),
        }
    }

    /// Rows of activations for the outputs of a layer.
    fn rows(self, outputs: usize) -> usize {
        outputs.next_multiple_of(if self == Layout::Rows { 4 } else { 16 })
    }

    /// Minimum number of pixels that a block can compute at a time.
    fn min_pixels(self) -> usize {
        if self == Layout::Rows { 8 } else { 16 }
    }

    /// Values from one row of activations to the next: avoids bank conflicts.
    fn pitch(self, pixels: usize, direction: Direction) -> usize {
        match (self, direction) {
            (Layout::Rows, Direction::Forward) => pixels,
            (Layout::Rows, Direction::Backward) => pixels + 4,
            _ => pixels + 8,
        }
    }
}

/// Whether the outputs of the layers are kept for the backward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// Layers write to two buffers in turn.
    Forward,
    /// Each layer has its own buffer.
    Backward,
}

/// The kernels' `Network`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct Network {
    tiles: i32,
    grid_height: i32,
    grid_width: i32,
    tile: i32,
    channels: i32,
    outputs: i32,
    layers: i32,
    parameters: i32,
    laid_out: i32,
    splits: i32,
    share: i32,
    pixels: i32,
    pitch: i32,
    rows: i32,
    resident: i32,
}

// SAFETY: as in pixel_mlp.cuh, and without padding.
unsafe impl Parameters for Network {}

/// Number of fields of the kernels' `Layer`.
const LAYER: usize = 11;

/// Layout of the kernels of a call.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) network: Network,
    /// The kernels' `Layer`s.
    pub(super) layers: Vec<u32>,
    /// Values of a tile's parameters in this layout.
    pub(super) laid_out: usize,
    /// Shared memory of a block, in bytes.
    pub(super) shared: usize,
    /// Number of blocks, and threads of each.
    pub(super) blocks: usize,
    pub(super) threads: u32,
    /// Shares of all tiles: one for each block, except in wide networks.
    pub(super) shares: usize,
    /// Values of device memory for a block: only for wide networks, which are too large for shared memory.
    pub(super) scratch: usize,
}

impl Plan {
    /// For networks of this size; `labels`: whether pixels are label ids.
    pub(super) fn new(
        size: &PixelMlpSize,
        labels: bool,
        layout: Layout,
        direction: Direction,
        limits: &Limits,
    ) -> Self {
        let mut layers = Vec::with_capacity(LAYER * size.widths.len());
        let (mut laid_out, mut largest, mut kept) = (0, 0, 0);
        // The rows of h_0 and h_2 …, of h_1 and h_3 …
        let mut in_turn = [0, 0];
        let mut places = Vec::new();
        for (n, &width) in size.widths.iter().enumerate() {
            let rows = match n {
                0 => layout.padded(width - if labels { size.inputs } else { 0 }, 0).0,
                _ => layout.rows(width),
            };
            places.push(kept);
            kept += rows;
            in_turn[n % 2] = rows.max(in_turn[n % 2]);
        }
        for (n, (&(source, _), width)) in size.offsets().iter().zip(size.widths.windows(2)).enumerate() {
            let looked_up = if n == 0 && labels { size.inputs } else { 0 };
            let inputs = width[0] - looked_up;
            let (depth, stride) = layout.padded(inputs, width[1]);
            let (rows, fragments) = match layout {
                Layout::Fragments(rows) => (1 + looked_up, depth / rows * (stride / 8) * FRAGMENT),
                _ => (1 + looked_up + depth, 0),
            };
            let start = laid_out;
            laid_out += rows * stride + fragments;
            largest = largest.max(laid_out - start);
            let [from, to] = match direction {
                Direction::Forward => [n % 2, (n + 1) % 2].map(|turn| turn * in_turn[0]),
                Direction::Backward => [places[n], places[n + 1]],
            };
            let layer: [usize; LAYER] =
                [looked_up, inputs, depth, width[1], stride, source, start, start + rows * stride, laid_out, from, to];
            layers.extend(layer.map(|value| value as u32));
        }
        let rows = if direction == Direction::Forward { in_turn[0] + in_turn[1] } else { kept };
        let area = size.tile * size.tile;
        let max = PIXELS[usize::from(direction == Direction::Backward)];
        let max = area.next_power_of_two().clamp(layout.min_pixels(), max);
        let memory = match layout {
            Layout::Fragments(_) => {
                Some(Memory { pixels: REGISTER_PIXELS, resident: true, bytes: laid_out * size_of::<f32>() })
            }
            _ => Memory::choose(layout, direction, rows, [laid_out, largest], max, limits.shared_memory),
        };
        let tiles = size.batch * size.grid_height * size.grid_width;
        let pixels = memory.as_ref().map_or(max, |memory| memory.pixels);
        let wanted = (limits.multiprocessors * BLOCKS).div_ceil(tiles.max(1)).clamp(1, area.div_ceil(WORTHWHILE));
        let share = area.div_ceil(pixels).div_ceil(wanted) * pixels;
        let splits = area.div_ceil(share);
        let pitch = layout.pitch(pixels, direction);
        let network = Network {
            tiles: tiles as i32,
            grid_height: size.grid_height as i32,
            grid_width: size.grid_width as i32,
            tile: size.tile as i32,
            channels: size.inputs as i32,
            outputs: size.outputs() as i32,
            layers: (size.widths.len() - 1) as i32,
            parameters: size.parameters() as i32,
            laid_out: laid_out as i32,
            splits: splits as i32,
            share: share as i32,
            pixels: pixels as i32,
            pitch: pitch as i32,
            rows: rows as i32,
            resident: i32::from(memory.as_ref().is_some_and(|memory| memory.resident)),
        };
        let shares = tiles * splits;
        let (shared, blocks, scratch) = match memory {
            Some(memory) => (memory.bytes, shares, 0),
            None => (pixels * size_of::<i32>(), shares.min(2 * limits.multiprocessors), rows * pitch),
        };
        let threads = THREADS[usize::from(pixels > PIXELS[0] && !matches!(layout, Layout::Fragments(_)))];
        Plan { network, layers, laid_out, shared, blocks, threads, shares, scratch }
    }

    /// Whether all parameters of a tile are in shared memory.
    #[cfg(test)]
    pub(super) fn is_resident(&self) -> bool {
        self.network.resident == 1
    }

    /// Whether shared memory has no room for the pixels of a block.
    pub(super) fn is_wide(&self) -> bool {
        self.scratch > 0
    }
}

/// Shared memory of a block.
struct Memory {
    pixels: usize,
    /// All parameters, or one layer's at a time.
    resident: bool,
    bytes: usize,
}

impl Memory {
    /// As many pixels as there is room for. All parameters are in shared memory if this leaves room for a second block on
    /// the multiprocessor: one block computes while the other waits for memory.
    fn choose(
        layout: Layout,
        direction: Direction,
        rows: usize,
        [all, largest]: [usize; 2],
        max: usize,
        limit: usize,
    ) -> Option<Self> {
        let mut pixels = max;
        while pixels >= layout.min_pixels() {
            let bytes =
                |parameters: usize| (pixels + rows * layout.pitch(pixels, direction) + parameters) * size_of::<f32>();
            let choices = [(true, limit / 2), (false, limit / 2), (true, limit), (false, limit)];
            for (resident, limit) in choices {
                let bytes = bytes(if resident { all } else { largest });
                if bytes <= limit {
                    return Some(Memory { pixels, resident, bytes });
                }
            }
            pixels /= 2;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::pixel_mlp::tests;

    fn limits(kilobytes: usize) -> Limits {
        Limits {
            name: "a card".into(),
            compute_capability: (8, 0),
            multiprocessors: 132,
            shared_memory: kilobytes << 10,
            memory: 1 << 30,
            driver: 13_000,
        }
    }

    #[test]
    fn memory_of_the_papers_network_matches_the_readme() {
        let size = tests::size(1, [16, 16], 16, 13, true, &[64, 64, 64, 64, 3]);
        let gpus = [64, 99, 163, 227].map(limits);
        let runs = |layout, direction| {
            gpus.each_ref().map(|limits| {
                let plan = Plan::new(&size, true, layout, direction, limits);
                assert!(plan.shared <= limits.shared_memory && plan.scratch == 0);
                (plan.network.pixels, plan.is_resident())
            })
        };
        let forward = [(64, false), (64, false), (64, false), (64, true)];
        let backward = [(32, false), (64, false), (128, false), (128, true)];
        let tensor_cores = [(32, false), (64, true), (128, true)];
        assert_eq!(runs(Layout::Rows, Direction::Forward), forward);
        assert_eq!(runs(Layout::Rows, Direction::Backward), backward);
        assert_eq!(runs(Layout::PaddedRows, Direction::Backward)[1..], tensor_cores);
        let registers = Plan::new(&size, true, Layout::Fragments(8), Direction::Forward, &gpus[0]);
        assert!(registers.shared <= gpus[0].shared_memory);
    }

    #[test]
    fn blocks_of_a_large_tile_share_its_pixels() {
        for (grid, tile, splits) in [([16, 16], 64, 4), ([1, 1], 64, 8), ([16, 16], 16, 1), ([1, 1], 1, 1)] {
            let size = tests::size(1, grid, tile, 13, true, &[64, 3]);
            for direction in [Direction::Forward, Direction::Backward] {
                let plan = Plan::new(&size, true, Layout::Rows, direction, &limits(99));
                let Network { splits: count, share, pixels, .. } = plan.network;
                assert_eq!((count, plan.shares), (splits, grid[0] * grid[1] * splits as usize));
                assert!(share % pixels == 0 && count * share >= (tile * tile) as i32);
                assert!((count - 1) * share < (tile * tile) as i32);
            }
        }
    }
}

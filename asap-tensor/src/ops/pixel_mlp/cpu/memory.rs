//! Scratch memory of the kernels.

use super::layers::{Input, Network};
use crate::cpu::level::Level;
use crate::cpu::scratch::with_scratch;
use crate::ops::pixel_mlp::size::PixelMlpSize;

/// Values of a cache line.
const LINE: usize = 16;
/// Minimum number of parts that work is split into if the shape permits it, for many threads.
const PARTS: usize = 32;

/// Neighboring tiles whose parameters a thread transposes together: those of a cache line, or fewer if there would be too
/// few parts.
pub(super) fn tiles_together(size: &PixelMlpSize) -> usize {
    let parts = size.batch * size.grid_height * size.grid_width / PARTS;
    [LINE, LINE / 2].into_iter().find(|&tiles| tiles <= parts).unwrap_or(LINE / 4)
}

fn network(size: &PixelMlpSize) -> Network<'_> {
    Network::new(size, Input::Ids(&[]), &[], Level::best().lanes())
}

/// Scratch of a thread in `pixel_mlp`, in values: parameters of some tiles, and memory of one tile.
pub(crate) fn forward_scratch(size: &PixelMlpSize) -> [usize; 2] {
    let tiles = tiles_together(size).min(size.grid_height * size.grid_width);
    [tiles * size.parameters(), pieces_count(network(size).forward_counts())]
}

/// Scratch of a thread in `pixel_mlp_grad`: parameters of some tiles and their gradients, and memory of one tile.
pub(crate) fn backward_scratch(size: &PixelMlpSize) -> [usize; 2] {
    let tiles = tiles_together(size).min(size.grid_height * size.grid_width);
    [2 * tiles * size.parameters(), pieces_count(network(size).backward_counts())]
}

/// Scratch of [`with_pieces`].
fn pieces_count<const N: usize>(counts: [usize; N]) -> usize {
    counts.map(|count| count.next_multiple_of(LINE)).iter().sum::<usize>() + LINE - 1
}

/// Calls `work` with uninitialized pieces of scratch, each aligned to a cache line: a register across two lines would be
/// read twice.
pub(super) fn with_pieces<const N: usize, T>(counts: [usize; N], work: impl FnOnce([&mut [f32]; N]) -> T) -> T {
    with_scratch(pieces_count(counts), |scratch| {
        let start = scratch.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE - 1);
        let mut rest = &mut scratch[start..];
        work(counts.map(|count| {
            let (piece, after) = std::mem::take(&mut rest).split_at_mut(count.next_multiple_of(LINE));
            rest = after;
            &mut piece[..count]
        }))
    })
}

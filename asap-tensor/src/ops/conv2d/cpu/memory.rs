//! Which algorithm computes a convolution on `Cpu`, and the memory that it takes besides its result.
//!
//! Each function takes scratch from a plan, and returns memory that is in use until the result is allocated.

use super::convolution::Convolution;
use super::{dense, few, ids, winograd};
use crate::cpu::level::Level;
use crate::ops::conv2d::Conv2dSize;
use crate::plan::Plan;
use crate::storage::Storage;

pub(crate) type Shared = Vec<<Plan as Storage>::Buffer>;

/// The algorithm of a convolution of values, forward or backward.
pub(super) enum Algorithm {
    Winograd,
    Few,
    Dense,
}

impl Algorithm {
    pub(super) fn of(size: &Conv2dSize) -> Self {
        if winograd::pays(size) {
            Algorithm::Winograd
        } else if few::pays(size) {
            Algorithm::Few
        } else {
            Algorithm::Dense
        }
    }
}

/// Whether ids and the channels of an image after them are convolved apart: Winograd's algorithm saves more than writing
/// y once.
pub(crate) fn stack_is_apart(image: Conv2dSize) -> bool {
    winograd::pays(&image)
}

fn take(plan: &Plan, scratch: [usize; 2], shared: usize) -> Shared {
    plan.nested_scratch(scratch);
    vec![plan.block(shared)]
}

pub(crate) fn forward(size: &Conv2dSize, plan: &Plan) -> Shared {
    match Algorithm::of(size) {
        Algorithm::Winograd => {
            let (scratch, shared) = winograd::memory(&Convolution::forward(size));
            take(plan, [scratch, 0], shared)
        }
        Algorithm::Few => take(plan, [few::scratch(Level::best(), &Convolution::forward(size)), 0], 0),
        Algorithm::Dense => take(plan, dense::forward_scratch(size), 0),
    }
}

pub(crate) fn grad_input(size: &Conv2dSize, plan: &Plan) -> Shared {
    match Algorithm::of(size) {
        Algorithm::Winograd => {
            let (scratch, shared) = winograd::memory(&Convolution::grad_input(size));
            take(plan, [scratch, 0], shared)
        }
        // The flipped weight.
        Algorithm::Few => {
            let scratch = few::scratch(Level::best(), &Convolution::grad_input(size));
            take(plan, [scratch, 0], size.weight().count())
        }
        Algorithm::Dense => take(plan, dense::grad_input_scratch(size), 0),
    }
}

pub(crate) fn grad_weight(size: &Conv2dSize, plan: &Plan) -> Shared {
    match Algorithm::of(size) {
        Algorithm::Winograd => {
            let (scratch, sides) = winograd::grad_weight_memory(size);
            plan.nested_scratch([scratch, 0]);
            let transformed = sides.map(|(images, tiles)| {
                let _images = plan.block(images);
                plan.block(tiles)
            });
            transformed.into()
        }
        Algorithm::Few => take(plan, [few::grad_weight_scratch(Level::best(), size), 0], 0),
        Algorithm::Dense => {
            let sums = dense::partial_gradients(size);
            take(plan, dense::grad_weight_scratch(size), if sums > 1 { sums * size.weight().count() } else { 0 })
        }
    }
}

pub(crate) fn ids(size: &Conv2dSize, plan: &Plan) -> Shared {
    take(plan, [ids::scratch(Level::best(), size), 0], ids::forward_table(Level::best(), size))
}

pub(crate) fn ids_grad_weight(size: &Conv2dSize, plan: &Plan) -> Shared {
    let sums = ids::partial_gradients(size) * ids::table(Level::best(), size);
    take(plan, [ids::scratch(Level::best(), size), 0], sums)
}

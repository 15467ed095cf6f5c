//! Device memory: allocations between guard pages in a range of addresses of their own, filled with NaN.

mod arena;
mod table;

pub(crate) use arena::PAGE;
pub(crate) use table::{allocate, check_range, describe, free, is_pointer_valid, used};

/// What fresh memory is filled with: every float, double and half made of it is NaN.
pub(crate) const FRESH: u8 = 0xff;

//! Device memory: allocations between guard pages in a range of addresses of their own, filled with NaN.

mod arena;
mod shared;
mod table;

pub(crate) use arena::PAGE;
pub(crate) use shared::dynamic_shared;
pub(crate) use table::{allocate, allocation_at, check_range, describe, free, is_pointer_valid, used};

/// What fresh memory is filled with: every float, double and half made of it is NaN.
pub(crate) const FRESH: u8 = 0xff;

//! Data races, found exactly: every access of an instrumented kernel is compared with the accesses to the same bytes before it.
//!
//! Two accesses race if they come from different threads, at least one writes, not both are atomic, and nothing orders them. What
//! orders two threads: a block barrier for threads of one block, `__syncwarp` for the lanes it names. Nothing orders two blocks.
//! Because a block barrier orders all of a block's threads at once, one counter per block says which side of it an access lies on;
//! within a warp each lane has a clock per lane. So what is found doesn't depend on the order in which threads ran.

mod cell;
mod clock;
mod shadow;

pub(crate) use shadow::{Access, Kind, Mistake, Races, Region};

//! Runs launches: one block after the other, each thread of a block a fiber, in the order that the caller chose.

mod barrier;
mod calls;
mod machine;
mod memory_access;
mod names;
mod order;
mod report;
mod run;
mod warp;

pub(crate) use calls::{CALLS, Calls};
pub(crate) use machine::Kernel;
pub(crate) use run::launch;

/// Lanes of a warp.
const WARP: u32 = 32;

//! Runs launches: one block after the other, each thread of a block a fiber, in the order that the caller chose.

mod barrier;
mod calls;
mod memory_access;
mod order;
mod report;
mod run;
mod warp;

pub(crate) use calls::{CALLS, Calls};
pub(crate) use run::{Kernel, launch};

use std::collections::VecDeque;

use crate::fiber::Fiber;
use crate::fiber::fault::Fault;
use crate::race::{Access, Races};
use crate::settings::LaunchSettings;
use barrier::Barrier;
use memory_access::Mistake;
use order::{Blocks, Randomness};
use warp::Warp;

/// Lanes of a warp.
const WARP: u32 = 32;

/// A host thread's engine for the running launch.
///
/// Fibers reach it through raw pointers, and no reference to it lives across a stack switch: whoever runs next changes it.
pub(crate) struct Machine {
    /// The saved stack pointer of the launch itself, which gets control when no fiber can run.
    pub launch_stack_pointer: *mut u8,
    /// The running fiber.
    pub current: *mut Fiber,
    /// Set by the signal handler.
    pub fault: Option<Fault>,
    /// Set by a fiber that found a mistake.
    failure: Option<String>,
    kernel: Kernel,
    settings: LaunchSettings,
    randomness: Randomness,
    grid_dim: [u32; 3],
    block_dim: [u32; 3],
    block_index: [u32; 3],
    dynamic_shared: *mut u8,
    dynamic_shared_bytes: usize,
    /// Threads of the block still to start, the next one last.
    unstarted: Vec<u32>,
    /// Fibers that waited and can go on.
    ready: VecDeque<*mut Fiber>,
    /// Free stacks.
    stacks: Vec<*mut Fiber>,
    /// The fibers that started and haven't left, by their number in the block; null otherwise.
    fibers: Vec<*mut Fiber>,
    /// Threads of the block that haven't left the kernel.
    alive: u32,
    barrier: Barrier,
    warps: Vec<Warp>,
    /// The race detector, in a launch that has one.
    races: Option<Box<Races>>,
    /// Set by an instrumented fiber that raced or went astray.
    mistake: Option<(Access, Mistake)>,
    blocks: Blocks,
}

impl Machine {
    fn block_size(&self) -> u32 {
        self.block_dim.iter().product()
    }
}

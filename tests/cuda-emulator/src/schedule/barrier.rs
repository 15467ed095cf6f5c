//! The block barrier behind `__syncthreads` and its variants.

use super::Machine;
use super::run::{fail, park};
use crate::fiber::{Fiber, Place, Wait};

/// The state of a block's barrier.
#[derive(Default)]
pub(super) struct Barrier {
    waiting: Vec<*mut Fiber>,
    variant: u32,
    result: i32,
}

/// `__syncthreads_count`: how many threads' predicates hold.
const COUNT: u32 = 1;
/// `__syncthreads_and`: whether all hold.
const AND: u32 = 2;
/// `__syncthreads_or`: whether one holds.
const OR: u32 = 3;

pub(super) const VARIANTS: [&str; 4] =
    ["__syncthreads", "__syncthreads_count", "__syncthreads_and", "__syncthreads_or"];

impl Barrier {
    /// Which of [`VARIANTS`] the waiting threads called.
    pub fn variant(&self) -> u32 {
        self.variant
    }

    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    fn join(&mut self, variant: u32, predicate: bool) {
        if self.waiting.is_empty() {
            self.variant = variant;
            self.result = i32::from(variant == AND);
        }
        match variant {
            COUNT => self.result += i32::from(predicate),
            AND => self.result &= i32::from(predicate),
            OR => self.result |= i32::from(predicate),
            _ => {}
        }
    }
}

impl Machine {
    /// Why a thread can't join the barrier that others wait at; none if it can.
    fn divergence(&self, variant: u32, place: Place) -> Option<String> {
        let &first = self.barrier.waiting.first()?;
        // SAFETY: waiting fibers are parked and alive.
        let Wait::Block(there) = (unsafe { (*first).waits }) else { return None };
        let same_place =
            there.line == place.line && (there.file == place.file || there.to_string() == place.to_string());
        if same_place && self.barrier.variant == variant {
            return None;
        }
        let (other, name) = (VARIANTS[self.barrier.variant as usize], VARIANTS[variant as usize]);
        Some(format!(
            "divergent barrier: {} wait at {other} ({there}), and this thread reached {name} ({place}); \
             all threads of a block must reach the same one",
            self.names(self.barrier.waiting.iter().copied()),
        ))
    }

    /// Lets the waiting fibers go on if every living thread of the block waits. An error text if that is a mistake.
    fn complete_barrier(&mut self, arriving: u32) -> Result<bool, String> {
        let waiting = self.barrier.waiting.len() as u32 + arriving;
        if waiting == 0 || waiting < self.alive {
            return Ok(false);
        }
        if self.settings.strict_barriers && self.alive < self.block_size() {
            return Err(self.exited_before_barrier());
        }
        for &fiber in &self.barrier.waiting {
            // SAFETY: waiting fibers are parked and alive, and nobody else looks at them now.
            unsafe {
                (*fiber).barrier_result = self.barrier.result;
                (*fiber).waits = Wait::Nothing;
            }
            self.ready.push_back(fiber);
        }
        self.barrier.waiting.clear();
        if let Some(races) = &mut self.races {
            races.block_barrier();
        }
        Ok(true)
    }

    /// To be called when a thread left: the others may have waited for it alone.
    pub(super) fn barrier_after_exit(&mut self) -> Result<(), String> {
        self.complete_barrier(0).map(|_| ())
    }
}

/// Called by `fiber` at a block barrier; returns when all living threads of its block are there.
///
/// # Safety
/// `fiber` is the running fiber of its machine.
pub(super) unsafe fn wait(fiber: *mut Fiber, variant: u32, predicate: bool, place: Place) -> i32 {
    // SAFETY: the machine lives while its fibers run; the reference ends before each switch.
    unsafe {
        let machine = (*fiber).machine;
        let arrived = {
            let machine = &mut *machine;
            match machine.divergence(variant, place) {
                Some(text) => Err(text),
                None => {
                    machine.barrier.join(variant, predicate);
                    machine.complete_barrier(1)
                }
            }
        };
        match arrived {
            Ok(true) => (*machine).barrier.result,
            Ok(false) => {
                (*fiber).waits = Wait::Block(place);
                (*machine).barrier.waiting.push(fiber);
                park(fiber);
                (*fiber).barrier_result
            }
            Err(text) => fail(fiber, text),
        }
    }
}

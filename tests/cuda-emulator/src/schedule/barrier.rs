//! The state of the block barrier behind `__syncthreads` and its variants.

use crate::fiber::{Fiber, Place, Wait};

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

const VARIANTS: [&str; 4] = ["__syncthreads", "__syncthreads_count", "__syncthreads_and", "__syncthreads_or"];

/// The function of the kernel's source behind a variant.
pub(super) fn name(variant: u32) -> &'static str {
    VARIANTS[variant as usize]
}

impl Barrier {
    /// The function that the waiting threads called.
    pub fn name(&self) -> &'static str {
        name(self.variant)
    }

    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    pub fn waiting(&self) -> &[*mut Fiber] {
        &self.waiting
    }

    /// What the barrier returns to its threads.
    pub fn result(&self) -> i32 {
        self.result
    }

    /// Where the others wait, if a thread at `place` can't join them.
    pub fn conflict(&self, variant: u32, place: Place) -> Option<Place> {
        let &first = self.waiting.first()?;
        // SAFETY: waiting fibers are parked and alive.
        let Wait::Block(there) = (unsafe { (*first).waits }) else { return None };
        let same_place =
            there.line == place.line && (there.file == place.file || there.to_string() == place.to_string());
        (!same_place || self.variant != variant).then_some(there)
    }

    /// A thread arrives with its predicate.
    pub fn join(&mut self, variant: u32, predicate: bool) {
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

    /// `fiber` parks at `place` until the barrier completes.
    ///
    /// # Safety
    /// `fiber` is alive, and nothing else accesses its record now.
    pub unsafe fn park(&mut self, fiber: *mut Fiber, place: Place) {
        // SAFETY: the caller guarantees it.
        unsafe { (*fiber).waits = Wait::Block(place) };
        self.waiting.push(fiber);
    }

    /// Hands the result to the waiting fibers and returns them.
    pub fn release(&mut self) -> impl Iterator<Item = *mut Fiber> {
        let result = self.result;
        self.waiting.drain(..).inspect(move |&fiber| {
            // SAFETY: waiting fibers are parked and alive, and nothing else accesses their records now.
            unsafe {
                (*fiber).barrier_result = result;
                (*fiber).waits = Wait::Nothing;
            }
        })
    }
}

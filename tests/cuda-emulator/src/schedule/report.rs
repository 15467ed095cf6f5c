//! What went wrong, in words.

use std::collections::BTreeMap;
use std::ffi::CStr;

use super::Machine;
use super::barrier::VARIANTS;
use crate::driver::status;
use crate::fiber::fault::Fault;
use crate::fiber::{Fiber, Wait, stack};
use crate::memory;
use crate::report::Failure;

impl Machine {
    /// "block (0,0,0) thread (5,0,0)".
    pub(super) fn place_of(&self, fiber: &Fiber) -> String {
        format!("block {} thread {}", triple(self.block_index), triple(fiber.thread_index))
    }

    /// Names threads by number, with ranges: "threads 0–15, 32".
    pub(super) fn names(&self, fibers: impl Iterator<Item = *mut Fiber>) -> String {
        // SAFETY: the caller hands in fibers that are alive.
        let numbers: Vec<u32> = fibers.map(|fiber| unsafe { (*fiber).linear }).collect();
        self.name_numbers(numbers)
    }

    fn name_numbers(&self, mut numbers: Vec<u32>) -> String {
        numbers.sort_unstable();
        let text = ranges(&numbers);
        let word = if numbers.len() == 1 { "thread" } else { "threads" };
        match self.block_dim {
            [_, 1, 1] => format!("{word} {text}"),
            dim => format!("{word} {text} (x + {}·y + {}·z)", dim[0], dim[0] * dim[1]),
        }
    }

    /// Why nobody in the block can run.
    pub(super) fn deadlock(&self) -> String {
        let mut waiting: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for &fiber in self.fibers.iter().filter(|fiber| !fiber.is_null()) {
            // SAFETY: a fiber in the list is alive, and parked now.
            let fiber = unsafe { &*fiber };
            let place = match fiber.waits {
                Wait::Nothing => continue,
                Wait::Block(place) => format!("at {} ({place})", self.variant_name()),
                Wait::Warp(operation, mask, place) => {
                    // SAFETY: operations are names of the shim's, C strings in a loaded module.
                    let name = unsafe { CStr::from_ptr(operation) }.to_string_lossy();
                    format!("at {name} with mask {mask:#010x} ({place})")
                }
            };
            waiting.entry(place).or_default().push(fiber.linear);
        }
        let mut lines: Vec<String> = waiting
            .into_iter()
            .map(|(place, threads)| format!("{} wait {place}", self.name_numbers(threads)))
            .collect();
        let left = self.left();
        if !left.is_empty() {
            lines.push(format!("{} left the kernel", self.name_numbers(left)));
        }
        format!("deadlock in block {}: {}", triple(self.block_index), lines.join("; "))
    }

    /// The error for a barrier that completes without the threads that left.
    pub(super) fn exited_before_barrier(&self) -> String {
        format!(
            "{} left the kernel while the others of the block meet at a block barrier",
            self.name_numbers(self.left())
        )
    }

    fn left(&self) -> Vec<u32> {
        (0..self.block_size()).filter(|&thread| self.fibers[thread as usize].is_null()).collect()
    }

    fn variant_name(&self) -> &'static str {
        VARIANTS[self.barrier.variant() as usize]
    }

    /// A fault inside a kernel as a failure.
    pub(super) fn fault_report(&self, fiber: &Fiber, fault: Fault) -> Failure {
        let place =
            format!("{}{}", self.place_of(fiber), self.line_of_fault(fiber, fault.instruction, fault.stack_pointer));
        let failed = |what: String| Failure::sticky(status::LAUNCH_FAILED, format!("{place}: {what}"));
        match fault.signal {
            libc::SIGFPE => failed("integer division by zero or overflow".into()),
            libc::SIGTRAP => failed("trap".into()),
            libc::SIGILL => {
                let why = "an access at an address that isn't a multiple of the type's alignment";
                Failure::sticky(status::MISALIGNED_ADDRESS, format!("{place}: {why}"))
            }
            _ if fault.stack_pointer < stack::bottom(fiber) + memory::PAGE + 256 => {
                failed(format!("the thread's stack overflowed its {} bytes", stack::STACK))
            }
            _ => {
                let report =
                    format!("illegal address {:#x} in {place}: {}", fault.address, self.describe(fault.address));
                Failure::sticky(status::ILLEGAL_ADDRESS, report)
            }
        }
    }
}

pub(super) fn triple([x, y, z]: [u32; 3]) -> String {
    format!("({x},{y},{z})")
}

/// Ascending numbers with runs drawn together: "0–3, 7, 9–10".
fn ranges(numbers: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let texts =
        runs.iter().map(|&(first, last)| if first == last { first.to_string() } else { format!("{first}–{last}") });
    texts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn runs_of_numbers_are_drawn_together() {
        assert_eq!(super::ranges(&[0, 1, 2, 3, 7, 9, 10]), "0–3, 7, 9–10");
        assert_eq!(super::ranges(&[5]), "5");
    }
}

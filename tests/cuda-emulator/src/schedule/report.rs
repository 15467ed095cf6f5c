//! Reports about faults and deadlocks.

use std::collections::BTreeMap;

use super::machine::Machine;
use super::names::{self, triple};
use super::warp::name_of;
use crate::fiber::fault::Fault;
use crate::fiber::{Fiber, Wait, stack};
use crate::memory;
use crate::report::Failure;
use crate::status;

impl Machine {
    /// "block (0,0,0) thread (5,0,0)".
    pub(super) fn place_of(&self, fiber: &Fiber) -> String {
        format!("block {} thread {}", triple(self.block_index), triple(fiber.thread_index))
    }

    /// Why no thread of the block can run.
    pub(super) fn deadlock(&self) -> String {
        let mut waiting: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for &fiber in self.fibers.iter().filter(|fiber| !fiber.is_null()) {
            // SAFETY: a fiber in the list is alive, and parked now.
            let fiber = unsafe { &*fiber };
            let place = match fiber.waits {
                Wait::Nothing => continue,
                Wait::Block(place) => format!("at {} ({place})", self.barrier.name()),
                Wait::Warp(operation, mask, place) => {
                    // SAFETY: operations are names of the shim's, C strings in a loaded module.
                    let name = unsafe { name_of(operation) };
                    format!("at {name} with mask {mask:#010x} ({place})")
                }
            };
            waiting.entry(place).or_default().push(fiber.linear);
        }
        let mut lines: Vec<String> = waiting
            .into_iter()
            .map(|(place, threads)| format!("{} wait {place}", names::threads(self.block_dim, threads)))
            .collect();
        let left = self.left();
        if !left.is_empty() {
            lines.push(format!("{} left the kernel", names::threads(self.block_dim, left)));
        }
        format!("deadlock in block {}: {}", triple(self.block_index), lines.join("; "))
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

//! Reports about memory: races, illegal addresses, and where both are.

use super::machine::Machine;
use super::names::triple;
use crate::compile::{line_of, variable_at};
use crate::fiber::{Fiber, stack};
use crate::memory;
use crate::race::{Access, Kind, Mistake, Region};
use crate::report::Failure;
use crate::status;

fn verb(kind: Kind) -> &'static str {
    match kind {
        Kind::Read => "read",
        Kind::Write => "wrote",
        Kind::Atomic => "changed atomically",
    }
}

impl Machine {
    /// " at kernel.cu:7", or the address of the instruction where no line is known.
    pub(super) fn line(&self, return_address: usize) -> String {
        // SAFETY: the image lives as long as its module, which is loaded while its kernel runs.
        let image = unsafe { &*self.kernel.image };
        let inside = self.kernel.module.contains(&return_address);
        inside.then(|| line_of(image, return_address - 1 - self.kernel.module.start)).flatten().unwrap_or_default()
    }

    fn where_at(&self, return_address: usize) -> String {
        match self.line(return_address) {
            line if line.is_empty() => String::new(),
            line => format!(" at {line}"),
        }
    }

    /// A forbidden access of this fiber as a failure.
    pub(super) fn mistake_report(&self, fiber: &Fiber, access: Access, mistake: Mistake) -> Failure {
        let here = self.where_at(access.instruction);
        match mistake {
            Mistake::Outside => {
                let (verb, bytes) = (verb(access.kind), access.bytes);
                let report = format!(
                    "illegal address {:#x} in {}: it {verb} {bytes} bytes{here}: {}",
                    access.address,
                    self.place_of(fiber),
                    self.describe(access.address)
                );
                Failure::sticky(status::ILLEGAL_ADDRESS, report)
            }
            Mistake::Race(race) => {
                let [bx, by, _] = self.block_dim;
                let other = [race.thread % bx, race.thread / bx % by, race.thread / bx / by];
                let same_block = self.races.as_ref().is_some_and(|races| races.block() == race.block);
                let other_block = if same_block { self.block_index } else { self.block_at(u64::from(race.block - 1)) };
                let why = if same_block { "with no barrier between" } else { "and nothing orders two blocks" };
                let report = format!(
                    "data race on {}: block {} thread {} {}{}, and block {} thread {} {}{here}, {why}",
                    self.place_in(&race.region, race.address),
                    triple(other_block),
                    triple(other),
                    verb(race.before),
                    self.where_at(race.instruction),
                    triple(self.block_index),
                    triple(fiber.thread_index),
                    verb(access.kind),
                );
                Failure::sticky(status::LAUNCH_FAILED, report)
            }
        }
    }

    /// An address as reports name it: "byte 12 of the block's dynamic shared memory".
    fn place_in(&self, region: &Region, address: usize) -> String {
        match region {
            Region::Device => format!("device memory, {}", memory::describe(address)),
            Region::DynamicShared => {
                format!("byte {} of the block's dynamic shared memory", address - self.dynamic_shared.start)
            }
            Region::StaticShared => {
                // SAFETY: as in `line`.
                let image = unsafe { &*self.kernel.image };
                match variable_at(image, address - self.kernel.variables) {
                    Some((name, offset)) => format!("byte {offset} of shared variable {name}"),
                    None => format!("shared memory at {address:#x}"),
                }
            }
            Region::Module => format!("a global variable at {address:#x}"),
        }
    }

    /// An address relative to the block's shared memory or to the allocations.
    pub(super) fn describe(&self, address: usize) -> String {
        let (start, bytes) = (self.dynamic_shared.start, self.dynamic_shared.len());
        if (start - memory::PAGE..start).contains(&address) {
            return format!(
                "{} bytes before the start of the block's {bytes} bytes of dynamic shared memory",
                start - address
            );
        }
        if (start + bytes..start + bytes + 16 + memory::PAGE).contains(&address) {
            let past = address - start - bytes;
            return format!("{past} bytes past the end of the block's {bytes} bytes of dynamic shared memory");
        }
        let shared = &self.kernel.static_shared;
        if (shared.end..shared.end + memory::PAGE).contains(&address) && !shared.is_empty() {
            return format!("{} bytes past the end of the kernel's shared variables", address - shared.end);
        }
        memory::describe(address)
    }

    /// The source line of a fault: of the instruction, or of the call into the library function that contains it.
    pub(super) fn line_of_fault(&self, fiber: &Fiber, instruction: usize, stack_pointer: usize) -> String {
        if self.kernel.module.contains(&instruction) {
            return self.where_at(instruction + 1);
        }
        let end = stack::bottom(fiber) + stack::STACK - stack::TOP;
        // After an overflow the pointer is in the guard page or below it, which can't be read.
        let start = stack_pointer.max(stack::bottom(fiber) + memory::PAGE).next_multiple_of(8);
        let words = (start..end).step_by(8);
        // SAFETY: the words lie on the lost fiber's stack.
        let mut addresses = words.map(|word| unsafe { *(word as *const usize) });
        addresses
            .find(|address| self.kernel.module.contains(address))
            .map(|address| self.where_at(address))
            .unwrap_or_default()
    }
}

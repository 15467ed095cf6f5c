//! The table of allocations: live ones, and the last freed ones for reports.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard};

use super::FRESH;
use super::arena::{self, PAGE};
use crate::report::{Failure, Outcome};
use crate::settings;
use crate::status;

/// How many freed allocations a report can still name.
const REMEMBERED: usize = 4096;
/// Every allocation's size is rounded up to this, which is also the alignment of its start: the widest access of a kernel.
const ALIGNMENT: usize = 16;

#[derive(Clone, Copy)]
struct Allocation {
    start: usize,
    /// As asked for.
    size: usize,
    /// Which allocation of this process it is, from 1.
    number: u64,
}

impl Allocation {
    fn end(&self) -> usize {
        self.start + self.size
    }

    /// The pages that hold it; a guard page lies on either side.
    fn pages(&self) -> (usize, usize) {
        let start = self.start / PAGE * PAGE;
        (start, self.end().next_multiple_of(PAGE) - start)
    }

    fn name(&self) -> String {
        format!("allocation {} ({} bytes at {:#x})", self.number, self.size, self.start)
    }
}

struct Table {
    live: BTreeMap<usize, Allocation>,
    freed: VecDeque<Allocation>,
    used: usize,
    allocated: u64,
    /// Where the search for the next free addresses begins.
    cursor: usize,
}

static TABLE: Mutex<Table> =
    Mutex::new(Table { live: BTreeMap::new(), freed: VecDeque::new(), used: 0, allocated: 0, cursor: 0 });

fn table() -> MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(|e| e.into_inner())
}

impl Table {
    /// The allocation that holds `address`, or the last one before it.
    fn at_or_before(&self, address: usize) -> Option<&Allocation> {
        self.live.range(..=address).next_back().map(|(_, allocation)| allocation)
    }

    /// Finds `bytes` unused addresses of the arena, going on where the last search ended.
    fn find_addresses(&mut self, bytes: usize) -> Option<usize> {
        let arena = arena::arena()?;
        let mut wrapped = false;
        let mut start = self.cursor.max(arena.start);
        loop {
            if start + bytes > arena.end {
                if std::mem::replace(&mut wrapped, true) {
                    return None;
                }
                start = arena.start;
            }
            let in_the_way = self.at_or_before(start + bytes - 1).filter(|last| {
                let (first, length) = last.pages();
                first + length + PAGE > start
            });
            match in_the_way {
                Some(allocation) => {
                    let (first, length) = allocation.pages();
                    start = first + length + PAGE;
                }
                None => {
                    self.cursor = start + bytes;
                    return Some(start);
                }
            }
        }
    }
}

/// Allocates `size` bytes of device memory, filled with NaN. The last byte, rounded up to 16, lies before a guard page.
pub(crate) fn allocate(size: usize) -> Outcome<usize> {
    let out_of_memory = |used: usize| {
        let total = settings::device_memory();
        let report =
            format!("out of memory: {size} bytes asked for, {} of {total} bytes free", total.saturating_sub(used));
        Err(Failure::new(status::OUT_OF_MEMORY, report))
    };
    let body = size.next_multiple_of(ALIGNMENT);
    let start = {
        let mut table = table();
        if body > settings::device_memory().saturating_sub(table.used) {
            return out_of_memory(table.used);
        }
        let pages = body.next_multiple_of(PAGE);
        let Some(guard) = table.find_addresses(PAGE + pages + PAGE) else { return out_of_memory(table.used) };
        // SAFETY: the table gives these whole pages of the arena only to this allocation.
        if !unsafe { arena::open(guard + PAGE, pages) } {
            return out_of_memory(table.used);
        }
        table.allocated += 1;
        table.used += body;
        let allocation = Allocation { start: guard + PAGE + pages - body, size, number: table.allocated };
        table.live.insert(allocation.start, allocation);
        allocation.start
    };
    // SAFETY: the bytes were just made accessible, and the address is not shared yet.
    unsafe { std::ptr::write_bytes(start as *mut u8, FRESH, body) };
    Ok(start)
}

/// Frees an allocation: its pages become inaccessible, so that a use after free faults.
pub(crate) fn free(address: usize) -> Outcome {
    if address == 0 {
        return Ok(());
    }
    let mut table = table();
    let Some(allocation) = table.live.remove(&address) else {
        drop(table);
        let report = format!("free of {address:#x}, which no live allocation starts at: {}", describe(address));
        return Err(Failure::new(status::INVALID_VALUE, report));
    };
    table.used -= allocation.size.next_multiple_of(ALIGNMENT);
    if table.freed.len() == REMEMBERED {
        table.freed.pop_front();
    }
    table.freed.push_back(allocation);
    let (start, bytes) = allocation.pages();
    // SAFETY: the table gave these pages to this allocation alone, and it is gone.
    unsafe { arena::close(start, bytes) };
    Ok(())
}

/// Bytes in live allocations.
pub(crate) fn used() -> usize {
    table().used
}

/// Whether a kernel may be given this pointer: null, inside a live allocation or just past its end.
pub(crate) fn is_pointer_valid(address: usize) -> bool {
    address == 0 || table().at_or_before(address).is_some_and(|allocation| address <= allocation.end())
}

/// Fails unless `bytes` bytes from `address` lie inside one live allocation. `what` says what they are, for the report.
pub(crate) fn check_range(what: &str, address: usize, bytes: usize) -> Outcome {
    if bytes == 0 {
        return Ok(());
    }
    let inside = |allocation: &Allocation| address < allocation.end() && bytes <= allocation.end() - address;
    if table().at_or_before(address).is_some_and(inside) {
        return Ok(());
    }
    let last = address.saturating_add(bytes - 1);
    let outside = if is_pointer_valid(address) { last } else { address };
    let report = format!(
        "{what}: {bytes} bytes at {address:#x} don't lie in one allocation: {outside:#x} is {}",
        describe(outside)
    );
    Err(Failure::new(status::INVALID_VALUE, report))
}

/// The live allocation that holds an address.
pub(crate) fn allocation_at(address: usize) -> Option<std::ops::Range<usize>> {
    let table = table();
    table
        .at_or_before(address)
        .map(|allocation| allocation.start..allocation.end())
        .filter(|range| range.contains(&address))
}

/// Where an address lies in relation to the allocations, as in "4 bytes past the end of allocation 7 (…)".
pub(crate) fn describe(address: usize) -> String {
    let table = table();
    if let Some(allocation) = table.at_or_before(address)
        && address < allocation.end()
    {
        return format!("{} bytes into {}", address - allocation.start, allocation.name());
    }
    let freed = table.freed.iter().rev().find(|freed| (freed.start..freed.end()).contains(&address));
    if let Some(freed) = freed {
        return format!("{} bytes into {}, which was freed", address - freed.start, freed.name());
    }
    let after = table
        .at_or_before(address)
        .map(|before| (address - before.end(), format!("past the end of {}", before.name())));
    let next = table.live.range(address..).next().map(|(_, next)| next);
    let before = next.map(|next| (next.start - address, format!("before the start of {}", next.name())));
    match [after, before].into_iter().flatten().min() {
        Some((distance, side)) => format!("{distance} bytes {side}"),
        None => "outside of every allocation".into(),
    }
}

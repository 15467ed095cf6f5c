//! Warp collectives: shuffles, votes and `__syncwarp` are all one exchange. Each lane named by the mask hands in up to 64 bytes,
//! then reads those of the others.

use std::ffi::{CStr, c_char};

use super::WARP;
use crate::fiber::{NO_EXCHANGE, Place};
use crate::memory;

/// The maximum number of bytes that a lane hands in.
const SLOT: usize = 64;

type Slots = [[u8; SLOT]; WARP as usize];

/// One exchange, while lanes arrive and until the last one has read.
struct Exchange {
    mask: u32,
    operation: *const c_char,
    size: u32,
    place: Place,
    arrived: u32,
    /// Lanes that may still read.
    readers: u32,
    collecting: bool,
    slots: Box<Slots>,
}

impl Exchange {
    /// `__syncwarp` orders its lanes' accesses to memory; shuffles and votes don't.
    fn orders_memory(&self) -> bool {
        // SAFETY: operations are names of the shim's, C strings in a loaded module.
        unsafe { CStr::from_ptr(self.operation) == c"__syncwarp" }
    }
}

/// A completed exchange.
pub(super) struct Completed {
    /// The lanes that took part, as a mask.
    pub lanes: u32,
    pub orders_memory: bool,
}

/// A warp's state.
#[derive(Default)]
pub(super) struct Warp {
    alive: u32,
    exchanges: Vec<Exchange>,
}

impl Warp {
    /// Begins a block with the first `lanes` lanes alive.
    pub fn begin(&mut self, lanes: u32) {
        self.alive = if lanes >= WARP { u32::MAX } else { (1 << lanes) - 1 };
        for exchange in &mut self.exchanges {
            exchange.collecting = false;
            exchange.readers = 0;
        }
    }

    /// A lane has read an exchange's slots.
    pub fn release(&mut self, exchange: usize) {
        if exchange != NO_EXCHANGE {
            self.exchanges[exchange].readers -= 1;
        }
    }

    /// Finds the exchange that a lane joins, or begins one. An error if the lane can't join.
    pub fn join(
        &mut self,
        lane: u32,
        mask: u32,
        operation: *const c_char,
        size: u32,
        place: Place,
    ) -> Result<usize, String> {
        // SAFETY: operations are names of the shim's, C strings in a loaded module.
        let name = |operation| unsafe { name_of(operation) };
        if mask >> lane & 1 == 0 {
            return Err(format!(
                "{} ({place}): lane {lane} calls with mask {mask:#010x}, which lacks its own bit",
                name(operation)
            ));
        }
        if size as usize > SLOT {
            return Err(format!("{} ({place}): {size} bytes per lane; the maximum is {SLOT}", name(operation)));
        }
        // Lanes of one mask that wait at two different calls would wait forever. Exchanges with other masks may overlap: a lane
        // that isn't part of one can be ahead.
        let collecting = self.exchanges.iter().position(|e| e.collecting && e.mask == mask);
        if let Some(index) = collecting {
            let other = &self.exchanges[index];
            if other.operation == operation && other.size == size && other.place.line == place.line {
                return Ok(index);
            }
            return Err(format!(
                "divergent warp: lanes {:#010x} wait at {} with mask {mask:#010x} ({}), and this thread reached {} with the same \
                 mask ({place}); all lanes in the mask must reach the same one",
                other.arrived,
                name(other.operation),
                other.place,
                name(operation),
            ));
        }
        let free = self.exchanges.iter().position(|e| !e.collecting && e.readers == 0);
        let index = free.unwrap_or_else(|| {
            let slots = Box::new([[0; SLOT]; WARP as usize]);
            self.exchanges.push(Exchange {
                mask,
                operation,
                size,
                place,
                arrived: 0,
                readers: 0,
                collecting: false,
                slots,
            });
            self.exchanges.len() - 1
        });
        let exchange = &mut self.exchanges[index];
        (exchange.mask, exchange.operation, exchange.size, exchange.place) = (mask, operation, size, place);
        (exchange.arrived, exchange.collecting) = (0, true);
        Ok(index)
    }

    /// A lane hands in its value. Returns the exchange's slots, 64 bytes for each lane.
    ///
    /// # Safety
    /// `value` points to as many bytes as the lane joined with.
    pub unsafe fn arrive(&mut self, index: usize, lane: u32, value: *const u8) -> *const u8 {
        let exchange = &mut self.exchanges[index];
        // SAFETY: the caller guarantees it, and `join` checked that the size fits a slot.
        unsafe {
            std::ptr::copy_nonoverlapping(value, exchange.slots[lane as usize].as_mut_ptr(), exchange.size as usize);
        }
        exchange.arrived |= 1 << lane;
        exchange.slots.as_ptr().cast()
    }

    /// Completes an exchange if all the living lanes that it names have arrived.
    pub fn complete(&mut self, index: usize) -> Option<Completed> {
        let exchange = &mut self.exchanges[index];
        if !exchange.collecting || exchange.arrived != exchange.mask & self.alive || exchange.arrived == 0 {
            return None;
        }
        exchange.collecting = false;
        exchange.readers = exchange.arrived.count_ones();
        for lane in (0..WARP).filter(|lane| exchange.arrived >> lane & 1 == 0) {
            // The value of an absent lane is undefined; NaN makes that visible.
            exchange.slots[lane as usize] = [memory::FRESH; SLOT];
        }
        Some(Completed { lanes: exchange.arrived, orders_memory: exchange.orders_memory() })
    }

    /// A lane left the kernel.
    pub fn leave(&mut self, lane: u32, exchange: usize) {
        self.release(exchange);
        self.alive &= !(1 << lane);
    }

    /// Exchanges there are or were; each can be passed to [`Warp::complete`].
    pub fn exchanges(&self) -> std::ops::Range<usize> {
        0..self.exchanges.len()
    }
}

/// A C string from a kernel's module.
///
/// # Safety
/// `text` is a C string in a loaded module.
pub(super) unsafe fn name_of(text: *const c_char) -> String {
    // SAFETY: the caller guarantees it.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

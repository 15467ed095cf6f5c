//! Warp collectives: shuffles, votes and `__syncwarp` are all one exchange, in which every named lane gives up to 64 bytes and
//! then reads what the others gave.

use std::ffi::{CStr, c_char};

use super::Machine;
use super::WARP;
use super::run::{fail, park};
use crate::fiber::{Fiber, NO_EXCHANGE, Place, Wait};

/// Bytes a lane can give.
pub(super) const SLOT: usize = 64;

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
    /// Shuffles and votes say nothing of memory; `__syncwarp` orders what its lanes did before and do after.
    fn orders_memory(&self) -> bool {
        // SAFETY: operations are names of the shim's, C strings in a loaded module.
        unsafe { CStr::from_ptr(self.operation) == c"__syncwarp" }
    }
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

    fn release(&mut self, exchange: usize) {
        if exchange != NO_EXCHANGE {
            self.exchanges[exchange].readers -= 1;
        }
    }

    /// Finds the exchange that a lane joins, or begins one.
    fn join(&mut self, mask: u32, operation: *const c_char, size: u32, place: Place) -> Result<usize, String> {
        let name = |operation| {
            // SAFETY: operations are names of the shim's, C strings in a loaded module.
            unsafe { CStr::from_ptr(operation) }.to_string_lossy().into_owned()
        };
        // Lanes of one mask that wait for each other at two calls would wait for ever. Exchanges of other masks may well overlap:
        // a lane that isn't awaited there can be ahead.
        let collecting = self.exchanges.iter().position(|e| e.collecting && e.mask == mask);
        if let Some(index) = collecting {
            let other = &self.exchanges[index];
            if other.operation == operation && other.size == size && other.place.line == place.line {
                return Ok(index);
            }
            return Err(format!(
                "divergent warp: lanes {:#010x} wait at {} with mask {mask:#010x} ({}), and this thread reached {} with the same \
                 mask ({place}); all lanes named must reach the same one",
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
}

impl Machine {
    /// If all living lanes that an exchange names have arrived, lets them read: makes all but `arriving` ready.
    fn complete_exchange(&mut self, warp: u32, index: usize, arriving: Option<u32>) -> bool {
        let Warp { alive, exchanges } = &mut self.warps[warp as usize];
        let exchange = &mut exchanges[index];
        if exchange.arrived != exchange.mask & *alive || exchange.arrived == 0 {
            return false;
        }
        exchange.collecting = false;
        exchange.readers = exchange.arrived.count_ones();
        if let Some(races) = &mut self.races
            && exchange.orders_memory()
        {
            races.warp_barrier(warp, exchange.arrived);
        }
        for lane in 0..WARP {
            if exchange.arrived >> lane & 1 == 0 {
                // What an absent lane would give is undefined: not a number, so that it shows.
                exchange.slots[lane as usize] = [crate::memory::FRESH; SLOT];
            } else if Some(lane) != arriving {
                let fiber = self.fibers[(warp * WARP + lane) as usize];
                // SAFETY: a lane that arrived is parked and alive.
                unsafe { (*fiber).waits = Wait::Nothing };
                self.ready.push_back(fiber);
            }
        }
        true
    }

    /// To be called when a lane left: the others may have waited for it alone.
    pub(super) fn exchanges_after_exit(&mut self, warp: u32, lane: u32, exchange: usize) {
        let state = &mut self.warps[warp as usize];
        state.release(exchange);
        state.alive &= !(1 << lane);
        for index in 0..self.warps[warp as usize].exchanges.len() {
            if self.warps[warp as usize].exchanges[index].collecting {
                self.complete_exchange(warp, index, None);
            }
        }
    }
}

/// Called by `fiber` at a warp collective; returns the 32 lanes' slots, which stay until its next collective.
///
/// # Safety
/// `fiber` is the running fiber of its machine, and `value` points to `size` bytes.
pub(super) unsafe fn exchange(
    fiber: *mut Fiber,
    mask: u32,
    operation: *const c_char,
    value: *const u8,
    size: u32,
    place: Place,
) -> *const u8 {
    // SAFETY: the machine lives while its fibers run; the references end before each switch.
    unsafe {
        let machine = (*fiber).machine;
        let (warp, lane) = ((*fiber).warp, (*fiber).lane);
        let joined = {
            let state = &mut (&mut (*machine).warps)[warp as usize];
            state.release((*fiber).exchange);
            (*fiber).exchange = NO_EXCHANGE;
            if mask >> lane & 1 == 0 {
                let name = CStr::from_ptr(operation).to_string_lossy();
                Err(format!("{name} ({place}): lane {lane} calls with mask {mask:#010x}, which lacks its own bit"))
            } else if size as usize > SLOT {
                let name = CStr::from_ptr(operation).to_string_lossy();
                Err(format!("{name} ({place}): {size} bytes a lane, the most is {SLOT}"))
            } else {
                state.join(mask, operation, size, place)
            }
        };
        let index = match joined {
            Ok(index) => index,
            Err(text) => fail(fiber, text),
        };
        (*fiber).exchange = index;
        let (complete, slots) = {
            let machine = &mut *machine;
            let exchange = &mut machine.warps[warp as usize].exchanges[index];
            std::ptr::copy_nonoverlapping(value, exchange.slots[lane as usize].as_mut_ptr(), size as usize);
            exchange.arrived |= 1 << lane;
            let slots = exchange.slots.as_ptr().cast::<u8>();
            (machine.complete_exchange(warp, index, Some(lane)), slots)
        };
        if !complete {
            (*fiber).waits = Wait::Warp(operation, mask, place);
            park(fiber);
        }
        slots
    }
}

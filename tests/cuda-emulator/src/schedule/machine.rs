//! The state of a launch, and what arriving and leaving threads change in it.

use std::ffi::c_void;
use std::ops::Range;

use super::barrier::{self, Barrier};
use super::order::{Blocks, Queue};
use super::warp::Warp;
use super::{WARP, names};
use crate::compile::Image;
use crate::fiber::fault::Running;
use crate::fiber::{Fiber, NO_EXCHANGE, Place, Wait};
use crate::memory::FRESH;
use crate::race::{Access, Mistake, Races};

/// What to run: a kernel's entry, its arguments, and the memory of its module.
#[derive(Clone)]
pub(crate) struct Kernel {
    /// Calls the kernel with the arguments behind the pointer, as `cuLaunchKernel` takes them.
    pub entry: unsafe extern "C" fn(*mut *mut c_void),
    pub arguments: *mut *mut c_void,
    /// The start of this host thread's variables in the module.
    pub variables: usize,
    /// Its static shared memory: the part of the variables that the kernel uses.
    pub static_shared: Range<usize>,
    /// The module in memory.
    pub module: Range<usize>,
    /// What the module was loaded from.
    pub image: *const Image,
}

/// A launch on a host thread.
///
/// Fibers reach it through raw pointers. No reference to it lives across a stack switch: the fiber that runs next changes it.
pub(super) struct Machine {
    pub running: Running,
    /// Set by a fiber that found a mistake.
    pub failure: Option<String>,
    pub kernel: Kernel,
    pub strict_barriers: bool,
    pub queue: Queue,
    pub blocks: Blocks,
    pub grid_dim: [u32; 3],
    pub block_dim: [u32; 3],
    pub block_index: [u32; 3],
    /// The block's dynamic shared memory.
    pub dynamic_shared: Range<usize>,
    /// Free stacks.
    pub stacks: Vec<*mut Fiber>,
    /// The fibers that started and haven't left the kernel, by linear thread index; null otherwise.
    pub fibers: Vec<*mut Fiber>,
    /// Threads of the block that haven't left the kernel.
    pub alive: u32,
    pub barrier: Barrier,
    pub warps: Vec<Warp>,
    /// The race detector, if the launch has one.
    pub races: Option<Box<Races>>,
    /// Set by an instrumented fiber with a forbidden access.
    pub mistake: Option<(Access, Mistake)>,
}

impl Machine {
    /// The machine that runs a fiber.
    ///
    /// # Safety
    /// `fiber` is alive.
    pub unsafe fn of(fiber: *const Fiber) -> *mut Machine {
        // SAFETY: the caller guarantees it; every fiber starts with its machine in this field.
        unsafe { (*fiber).machine.cast() }
    }

    pub fn block_size(&self) -> u32 {
        self.block_dim.iter().product()
    }

    /// The index in the grid of the block that runs `i`th.
    pub fn block_at(&self, i: u64) -> [u32; 3] {
        let block = self.blocks.at(i);
        let [gx, gy, _] = self.grid_dim.map(u64::from);
        [(block % gx) as u32, (block / gx % gy) as u32, (block / gx / gy) as u32]
    }

    /// Prepares a block: fresh shared memory, no thread started.
    pub fn begin_block(&mut self, index: [u32; 3]) {
        let count = self.block_size();
        self.block_index = index;
        // SAFETY: both are this launch's shared memory, and no fiber runs.
        unsafe {
            let (dynamic, fixed) = (&self.dynamic_shared, &self.kernel.static_shared);
            std::ptr::write_bytes(dynamic.start as *mut u8, FRESH, dynamic.len().next_multiple_of(16));
            std::ptr::write_bytes(fixed.start as *mut u8, FRESH, fixed.len());
        }
        if let Some(races) = &mut self.races {
            races.begin_block(count.div_ceil(WARP) as usize);
        }
        self.alive = count;
        self.barrier.clear();
        self.fibers.clear();
        self.fibers.resize(count as usize, std::ptr::null_mut());
        self.warps.resize_with(count.div_ceil(WARP) as usize, Warp::default);
        for (warp, first) in self.warps.iter_mut().zip((0..count).step_by(WARP as usize)) {
            warp.begin(count - first);
        }
        self.queue.begin_block(count);
    }

    /// Makes `fiber` the thread with this linear index.
    ///
    /// # Safety
    /// `fiber` is at the top of a stack of this machine.
    pub unsafe fn assign_thread(&mut self, fiber: *mut Fiber, thread: u32) {
        let [bx, by, _] = self.block_dim;
        // SAFETY: the caller guarantees that the memory is the machine's; the fields are plain data, so nothing needs dropping.
        unsafe {
            (*fiber).thread_index = [thread % bx, thread / bx % by, thread / bx / by];
            (*fiber).linear = thread;
            (*fiber).lane = thread % WARP;
            (*fiber).warp = thread / WARP;
            (*fiber).waits = Wait::Nothing;
            (*fiber).exchange = NO_EXCHANGE;
        }
        self.fibers[thread as usize] = fiber;
    }

    /// A thread left the kernel. An error if other threads wrongly waited for it.
    pub fn leave(&mut self, fiber: &Fiber) -> Result<(), String> {
        self.alive -= 1;
        self.fibers[fiber.linear as usize] = std::ptr::null_mut();
        let warp = &mut self.warps[fiber.warp as usize];
        warp.leave(fiber.lane, fiber.exchange);
        // The other lanes may have waited only for this one.
        for index in warp.exchanges() {
            self.complete_exchange(fiber.warp, index, None);
        }
        self.complete_barrier(0).map(|_| ())
    }

    /// A thread arrives at a block barrier. True if it was the last one; an error if it can't join.
    pub fn arrive_at_barrier(&mut self, variant: u32, predicate: bool, place: Place) -> Result<bool, String> {
        if let Some(there) = self.barrier.conflict(variant, place) {
            // SAFETY: waiting fibers are parked and alive.
            let waiting = self.barrier.waiting().iter().map(|&fiber| unsafe { (*fiber).linear }).collect();
            return Err(format!(
                "divergent barrier: {} wait at {} ({there}), and this thread reached {} ({place}); \
                 all threads of a block must reach the same one",
                names::threads(self.block_dim, waiting),
                self.barrier.name(),
                barrier::name(variant),
            ));
        }
        self.barrier.join(variant, predicate);
        self.complete_barrier(1)
    }

    /// Releases the waiting fibers if every living thread of the block waits or is one of the `arriving`.
    fn complete_barrier(&mut self, arriving: u32) -> Result<bool, String> {
        let waiting = self.barrier.waiting().len() as u32 + arriving;
        if waiting == 0 || waiting < self.alive {
            return Ok(false);
        }
        if self.strict_barriers && self.alive < self.block_size() {
            let left = names::threads(self.block_dim, self.left());
            return Err(format!("{left} left the kernel while the others of the block meet at a block barrier"));
        }
        self.barrier.release().for_each(|fiber| self.queue.push(fiber));
        if let Some(races) = &mut self.races {
            races.block_barrier();
        }
        Ok(true)
    }

    /// Releases the lanes of an exchange, but for `arriving`, if all living lanes that it names have arrived.
    pub fn complete_exchange(&mut self, warp: u32, index: usize, arriving: Option<u32>) -> bool {
        let Some(completed) = self.warps[warp as usize].complete(index) else { return false };
        if let Some(races) = &mut self.races
            && completed.orders_memory
        {
            races.warp_barrier(warp, completed.lanes);
        }
        for lane in (0..WARP).filter(|&lane| completed.lanes >> lane & 1 == 1 && Some(lane) != arriving) {
            let fiber = self.fibers[(warp * WARP + lane) as usize];
            // SAFETY: a lane that arrived is parked and alive.
            unsafe { (*fiber).waits = Wait::Nothing };
            self.queue.push(fiber);
        }
        true
    }

    /// The threads that left the kernel.
    pub fn left(&self) -> Vec<u32> {
        (0..self.block_size()).filter(|&thread| self.fibers[thread as usize].is_null()).collect()
    }
}

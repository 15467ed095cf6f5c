//! The launch loop, and how control passes from fiber to fiber.

use std::ffi::c_void;
use std::ops::Range;

use super::order::{Blocks, Next, Randomness};
use super::warp::Warp;
use super::{Machine, WARP};
use crate::compile::Image;
use crate::driver::status;
use crate::fiber::fault::Guard;
use crate::fiber::{Fiber, NO_EXCHANGE, Wait, first_stack_pointer, stack, switch};
use crate::memory::{self, FRESH};
use crate::race::{Races, Region};
use crate::report::{Failure, Outcome};
use crate::settings;

/// What to run: a kernel's entry, its arguments and what it may touch.
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

/// Runs a launch to its end on the calling host thread.
///
/// # Safety
/// The kernel's entry and arguments fit each other, and its module stays loaded meanwhile.
pub(crate) unsafe fn launch(kernel: Kernel, grid_dim: [u32; 3], block_dim: [u32; 3], dynamic_shared: usize) -> Outcome {
    let mut settings = settings::launch();
    settings::change_launch(|launch| launch.launches += 1);
    settings.launches += 1;
    let seed = match settings.order {
        settings::Order::Random(seed) => seed.wrapping_mul(0x0100_0000_01b3).wrapping_add(settings.launches),
        _ => 0,
    };
    let Some(shared) = memory::dynamic_shared(dynamic_shared) else {
        return Err(Failure::new(status::OUT_OF_MEMORY, "the system has no memory for shared memory"));
    };
    let races = settings.races.then(|| {
        let regions = [
            (shared.clone(), Region::DynamicShared),
            (kernel.static_shared.clone(), Region::StaticShared),
            (kernel.module.clone(), Region::Module),
        ];
        Box::new(Races::new(regions.to_vec()))
    });
    let mut machine = Machine {
        launch_stack_pointer: std::ptr::null_mut(),
        current: std::ptr::null_mut(),
        fault: None,
        failure: None,
        kernel,
        settings,
        randomness: Randomness::new(seed),
        grid_dim,
        block_dim,
        block_index: [0; 3],
        dynamic_shared: shared.start as *mut u8,
        dynamic_shared_bytes: dynamic_shared,
        unstarted: Vec::new(),
        ready: Default::default(),
        stacks: Vec::new(),
        fibers: Vec::new(),
        alive: 0,
        barrier: Default::default(),
        warps: Vec::new(),
        races,
        mistake: None,
        blocks: Blocks::default(),
    };
    let machine: *mut Machine = &mut machine;
    let _guard = Guard::new(machine);
    // SAFETY: the machine lives to the end of this function, and only this host thread's fibers use it.
    unsafe {
        let outcome = run_blocks(machine);
        let machine = &mut *machine;
        let started = machine.fibers.iter().copied().filter(|fiber| !fiber.is_null());
        stack::give_back(machine.stacks.iter().copied().chain(started));
        outcome
    }
}

/// # Safety
/// As [`launch`].
unsafe fn run_blocks(machine: *mut Machine) -> Outcome {
    // SAFETY: see `launch`; each reference ends before the switch to a fiber.
    unsafe {
        let [gx, gy, gz] = (*machine).grid_dim.map(u64::from);
        (*machine).blocks = Blocks::new((*machine).settings.order, gx * gy * gz, &mut (*machine).randomness);
        for number in 0..gx * gy * gz {
            let index = (&*machine).block_number(number);
            (&mut *machine).begin_block(index);
            run_block(machine)?;
        }
    }
    Ok(())
}

/// # Safety
/// As [`launch`].
unsafe fn run_block(machine: *mut Machine) -> Outcome {
    // SAFETY: see `launch`; each reference ends before the switch to a fiber.
    unsafe {
        loop {
            let next = (&mut *machine).next();
            let fiber = match next {
                Next::Start(thread) => start(machine, thread),
                Next::Resume(fiber) => Some(fiber),
                Next::Nobody => {
                    let machine = &*machine;
                    return match machine.alive {
                        0 => Ok(()),
                        _ => Err(Failure::sticky(status::LAUNCH_TIMEOUT, machine.deadlock())),
                    };
                }
            };
            let Some(fiber) = fiber else {
                return Err(Failure::new(status::OUT_OF_MEMORY, "the system has no memory for another thread's stack"));
            };
            (*machine).current = fiber;
            switch(&raw mut (*machine).launch_stack_pointer, (*fiber).stack_pointer);
            let machine = &mut *machine;
            let fiber = std::mem::replace(&mut machine.current, std::ptr::null_mut());
            if let Some(fault) = machine.fault.take() {
                return Err(machine.fault_report(&*fiber, fault));
            }
            if let Some((access, mistake)) = machine.mistake.take() {
                return Err(machine.mistake_report(&*fiber, access, mistake));
            }
            if let Some(text) = machine.failure.take() {
                return Err(Failure::sticky(status::LAUNCH_FAILED, format!("{}: {text}", machine.place_of(&*fiber))));
            }
        }
    }
}

impl Machine {
    /// The index in the grid of the block that runs as this one, from 0.
    pub(super) fn block_number(&self, number: u64) -> [u32; 3] {
        let block = self.blocks.at(number);
        let [gx, gy, _] = self.grid_dim.map(u64::from);
        [(block % gx) as u32, (block / gx % gy) as u32, (block / gx / gy) as u32]
    }

    /// Makes everything ready for a block: fresh shared memory, no thread started.
    fn begin_block(&mut self, index: [u32; 3]) {
        let count = self.block_size();
        self.block_index = index;
        // SAFETY: both are this launch's shared memory, and no fiber runs.
        unsafe {
            std::ptr::write_bytes(self.dynamic_shared, FRESH, self.dynamic_shared_bytes.next_multiple_of(16));
            std::ptr::write_bytes(self.kernel.static_shared.start as *mut u8, FRESH, self.kernel.static_shared.len());
        }
        if let Some(races) = &mut self.races {
            races.begin_block(count.div_ceil(WARP) as usize);
        }
        self.alive = count;
        self.ready.clear();
        self.barrier.clear();
        self.fibers.clear();
        self.fibers.resize(count as usize, std::ptr::null_mut());
        self.warps.resize_with(count.div_ceil(WARP) as usize, Warp::default);
        for (warp, first) in self.warps.iter_mut().zip((0..count).step_by(WARP as usize)) {
            warp.begin(count - first);
        }
        self.line_up_threads();
    }

    /// Makes `fiber` the thread of this number.
    ///
    /// # Safety
    /// `fiber` is at the top of a stack of this machine's.
    unsafe fn become_thread(&mut self, fiber: *mut Fiber, thread: u32) {
        let [bx, by, _] = self.block_dim;
        // SAFETY: the memory is the machine's, says the caller; the fields are plain data, so nothing needs dropping.
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

    /// Strikes out a thread that left the kernel. An error text if others waited for it wrongly.
    fn strike_out(&mut self, fiber: &Fiber) -> Result<(), String> {
        self.alive -= 1;
        self.fibers[fiber.linear as usize] = std::ptr::null_mut();
        self.exchanges_after_exit(fiber.warp, fiber.lane, fiber.exchange);
        self.barrier_after_exit()
    }
}

/// Puts a thread on a free stack, ready for the first switch to it. None when there is no memory for a stack.
///
/// # Safety
/// The machine's launch runs.
unsafe fn start(machine: *mut Machine, thread: u32) -> Option<*mut Fiber> {
    // SAFETY: the stack is free, so nobody else looks at it.
    unsafe {
        let fiber = (*machine).stacks.pop().or_else(stack::take)?;
        (*fiber).machine = machine;
        (*fiber).block_index = (*machine).block_index;
        (*fiber).block_dim = (*machine).block_dim;
        (*fiber).grid_dim = (*machine).grid_dim;
        (*fiber).dynamic_shared = (*machine).dynamic_shared;
        (&mut *machine).become_thread(fiber, thread);
        (*fiber).stack_pointer = first_stack_pointer(fiber.cast(), fiber_main);
        Some(fiber)
    }
}

/// Where each fiber begins: runs its thread, and then further threads as long as those come next, on the same stack.
extern "C" fn fiber_main() -> ! {
    // SAFETY: the fiber's record is found from the stack that we stand on; its machine's launch runs; references end before switches.
    unsafe {
        let here = 0u8;
        let fiber = (stack::bottom((&raw const here).cast()) + stack::STACK - stack::TOP) as *mut Fiber;
        let machine = (*fiber).machine;
        loop {
            ((*machine).kernel.entry)((*machine).kernel.arguments);
            if let Err(text) = (&mut *machine).strike_out(&*fiber) {
                (*machine).stacks.push(fiber);
                fail(fiber, text);
            }
            let next = (&mut *machine).next();
            if let Next::Start(thread) = next {
                (&mut *machine).become_thread(fiber, thread);
                continue;
            }
            (*machine).stacks.push(fiber);
            let to = match next {
                Next::Resume(other) => {
                    (*machine).current = other;
                    (*other).stack_pointer
                }
                _ => (*machine).launch_stack_pointer,
            };
            switch(&raw mut (*fiber).stack_pointer, to);
            // Nobody switches back: the stack is free, and its next thread begins anew.
            std::process::abort();
        }
    }
}

/// Lets others run until someone makes `fiber` ready again.
///
/// # Safety
/// `fiber` is the running fiber of its machine, and no reference to the machine is held.
pub(super) unsafe fn park(fiber: *mut Fiber) {
    // SAFETY: the machine's launch runs; references end before the switch.
    unsafe {
        let machine = (*fiber).machine;
        let next = (&mut *machine).next();
        let other = match next {
            Next::Start(thread) => start(machine, thread),
            Next::Resume(other) => Some(other),
            Next::Nobody => None,
        };
        let to = match other {
            Some(other) => {
                (*machine).current = other;
                (*other).stack_pointer
            }
            None => (*machine).launch_stack_pointer,
        };
        switch(&raw mut (*fiber).stack_pointer, to);
    }
}

/// Ends the launch because of a mistake that the running fiber made.
///
/// # Safety
/// As [`park`].
pub(super) unsafe fn fail(fiber: *mut Fiber, text: String) -> ! {
    // SAFETY: the machine's launch runs, and goes on where it switched to a fiber.
    unsafe {
        let machine = (*fiber).machine;
        (*machine).failure = Some(text);
        switch(&raw mut (*fiber).stack_pointer, (*machine).launch_stack_pointer);
    }
    std::process::abort()
}

//! The launch loop, and the switches from fiber to fiber.

use std::ptr::null_mut;

use super::machine::{Kernel, Machine};
use super::order::{Blocks, Next, Queue};
use crate::fiber::fault::{Guard, Running};
use crate::fiber::{Fiber, first_stack_pointer, stack, switch};
use crate::memory;
use crate::race::{Races, Region};
use crate::report::{Failure, Outcome};
use crate::settings;
use crate::status;

/// Runs a launch to its end on the calling host thread.
///
/// # Safety
/// The kernel's arguments fit its entry, and its module stays loaded until this returns.
pub(crate) unsafe fn launch(kernel: Kernel, grid_dim: [u32; 3], block_dim: [u32; 3], dynamic_shared: usize) -> Outcome {
    let mut settings = settings::launch();
    settings::change_launch(|launch| launch.launches += 1);
    settings.launches += 1;
    let seed = match settings.order {
        settings::Order::Random(seed) => seed.wrapping_mul(0x0100_0000_01b3).wrapping_add(settings.launches),
        _ => 0,
    };
    let Some(shared) = memory::dynamic_shared(dynamic_shared) else {
        return Err(Failure::new(status::OUT_OF_MEMORY, "the host has no memory for the block's shared memory"));
    };
    let races = settings.races.then(|| {
        let regions = [
            (shared.clone(), Region::DynamicShared),
            (kernel.static_shared.clone(), Region::StaticShared),
            (kernel.module.clone(), Region::Module),
        ];
        Box::new(Races::new(regions.to_vec()))
    });
    let mut queue = Queue::new(settings.order, seed);
    let count = grid_dim.iter().map(|&n| u64::from(n)).product();
    let mut machine = Machine {
        running: Running { launch_stack_pointer: null_mut(), current: null_mut(), fault: None },
        failure: None,
        kernel,
        strict_barriers: settings.strict_barriers,
        blocks: Blocks::new(settings.order, count, &mut queue.randomness),
        queue,
        grid_dim,
        block_dim,
        block_index: [0; 3],
        dynamic_shared: shared,
        stacks: Vec::new(),
        fibers: Vec::new(),
        alive: 0,
        barrier: Default::default(),
        warps: Vec::new(),
        races,
        mistake: None,
    };
    let machine: *mut Machine = &mut machine;
    // SAFETY: the machine lives to the end of this function, and only this host thread's fibers use it.
    unsafe {
        let _guard = Guard::new(&raw mut (*machine).running);
        let outcome = run_blocks(machine, count);
        let machine = &mut *machine;
        let started = machine.fibers.iter().copied().filter(|fiber| !fiber.is_null());
        stack::give_back(machine.stacks.iter().copied().chain(started));
        outcome
    }
}

/// # Safety
/// As [`launch`].
unsafe fn run_blocks(machine: *mut Machine, count: u64) -> Outcome {
    // SAFETY: see `launch`; each reference ends before the switch to a fiber.
    unsafe {
        for i in 0..count {
            let index = (&*machine).block_at(i);
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
            let next = (&mut *machine).queue.next();
            let fiber = match next {
                Next::Start(thread) => start(machine, thread),
                Next::Resume(fiber) => Some(fiber),
                Next::Nothing => {
                    let machine = &*machine;
                    return match machine.alive {
                        0 => Ok(()),
                        _ => Err(Failure::sticky(status::LAUNCH_TIMEOUT, machine.deadlock())),
                    };
                }
            };
            let Some(fiber) = fiber else {
                return Err(Failure::new(status::OUT_OF_MEMORY, "the host has no memory for another thread's stack"));
            };
            (*machine).running.current = fiber;
            switch(&raw mut (*machine).running.launch_stack_pointer, (*fiber).stack_pointer);
            let machine = &mut *machine;
            let fiber = std::mem::replace(&mut machine.running.current, null_mut());
            if let Some(fault) = machine.running.fault.take() {
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

/// Prepares a thread on a free stack. None without memory for a stack.
///
/// # Safety
/// The machine's launch runs.
unsafe fn start(machine: *mut Machine, thread: u32) -> Option<*mut Fiber> {
    // SAFETY: the stack is free, so nothing else accesses it.
    unsafe {
        let fiber = (*machine).stacks.pop().or_else(stack::take)?;
        (*fiber).machine = machine.cast();
        (*fiber).block_index = (*machine).block_index;
        (*fiber).block_dim = (*machine).block_dim;
        (*fiber).grid_dim = (*machine).grid_dim;
        (*fiber).dynamic_shared = (&*machine).dynamic_shared.start as *mut u8;
        (&mut *machine).assign_thread(fiber, thread);
        (*fiber).stack_pointer = first_stack_pointer(fiber.cast(), fiber_main);
        Some(fiber)
    }
}

/// Where each fiber begins. It runs its thread, then reuses the stack as long as the next to run is a thread that starts.
extern "C" fn fiber_main() -> ! {
    // SAFETY: the fiber's record is at the top of the running stack; its machine's launch runs; references end before switches.
    unsafe {
        let here = 0u8;
        let fiber = (stack::bottom((&raw const here).cast()) + stack::STACK - stack::TOP) as *mut Fiber;
        let machine = Machine::of(fiber);
        loop {
            ((*machine).kernel.entry)((*machine).kernel.arguments);
            if let Err(text) = (&mut *machine).leave(&*fiber) {
                (*machine).stacks.push(fiber);
                fail(fiber, text);
            }
            let next = (&mut *machine).queue.next();
            if let Next::Start(thread) = next {
                (&mut *machine).assign_thread(fiber, thread);
                continue;
            }
            (*machine).stacks.push(fiber);
            let to = match next {
                Next::Resume(other) => {
                    (*machine).running.current = other;
                    (*other).stack_pointer
                }
                _ => (*machine).running.launch_stack_pointer,
            };
            switch(&raw mut (*fiber).stack_pointer, to);
            // Nothing switches back: the stack is free, and its next thread starts from the top.
            std::process::abort();
        }
    }
}

/// Runs other fibers until one makes `fiber` ready again.
///
/// # Safety
/// `fiber` is the running fiber of its machine, and no reference to the machine is held.
pub(super) unsafe fn park(fiber: *mut Fiber) {
    // SAFETY: the machine's launch runs; references end before the switch.
    unsafe {
        let machine = Machine::of(fiber);
        let next = (&mut *machine).queue.next();
        let other = match next {
            Next::Start(thread) => start(machine, thread),
            Next::Resume(other) => Some(other),
            Next::Nothing => None,
        };
        let to = match other {
            Some(other) => {
                (*machine).running.current = other;
                (*other).stack_pointer
            }
            None => (*machine).running.launch_stack_pointer,
        };
        switch(&raw mut (*fiber).stack_pointer, to);
    }
}

/// Ends the launch because of a mistake of the running fiber.
///
/// # Safety
/// As [`park`].
pub(super) unsafe fn fail(fiber: *mut Fiber, text: String) -> ! {
    // SAFETY: the machine's launch runs, and continues where it switched to a fiber.
    unsafe {
        let machine = Machine::of(fiber);
        (*machine).failure = Some(text);
        switch(&raw mut (*fiber).stack_pointer, (*machine).running.launch_stack_pointer);
    }
    std::process::abort()
}

//! Faults inside kernels: the signal handler ends the launch, and passes all other faults to the previous handler.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

use super::stack::{STACK, bottom};
use super::{Fiber, switch};

/// A launch as its fibers and the signal handler share it.
pub(crate) struct Running {
    /// The saved stack pointer of the launch itself, which runs again when no fiber can.
    pub launch_stack_pointer: *mut u8,
    /// The running fiber; null while the launch itself runs.
    pub current: *mut Fiber,
    /// Set by the signal handler.
    pub fault: Option<Fault>,
}

/// A hardware fault of a fiber.
#[derive(Clone, Copy)]
pub(crate) struct Fault {
    pub signal: c_int,
    /// What was accessed, where the signal has an address.
    pub address: usize,
    /// The instruction that faulted.
    pub instruction: usize,
    /// The stack pointer at the fault.
    pub stack_pointer: usize,
}

const SIGNALS: [c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP];

thread_local! {
    /// The launch that runs on this host thread; null outside of launches.
    static RUNNING: Cell<*mut Running> = const { Cell::new(std::ptr::null_mut()) };
}

/// The previous handlers, in the order of [`SIGNALS`].
static PREVIOUS: OnceLock<[libc::sigaction; 5]> = OnceLock::new();

/// While this lives, a fault on one of this host thread's fibers ends the launch.
pub(crate) struct Guard;

impl Guard {
    pub fn new(running: *mut Running) -> Guard {
        install();
        set_alternate_stack();
        RUNNING.set(running);
        Guard
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        RUNNING.set(std::ptr::null_mut());
    }
}

fn install() {
    PREVIOUS.get_or_init(|| {
        SIGNALS.map(|signal| {
            // SAFETY: an all-zero sigaction is valid; the handler does only what a signal handler may do.
            unsafe {
                let mut ours: libc::sigaction = std::mem::zeroed();
                ours.sa_sigaction = handle as *const () as usize;
                ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
                let mut previous: libc::sigaction = std::mem::zeroed();
                libc::sigaction(signal, &ours, &mut previous);
                previous
            }
        })
    });
}

/// A fiber that overflowed its stack can't run the handler on it. Rust gives its threads an alternate stack; others get one here.
fn set_alternate_stack() {
    const SIZE: usize = 64 << 10;
    // SAFETY: the mapping is new, and the kernel of the operating system keeps it for this host thread from now on.
    unsafe {
        let mut current: libc::stack_t = std::mem::zeroed();
        libc::sigaltstack(std::ptr::null(), &mut current);
        if current.ss_flags & libc::SS_DISABLE != 0 {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let memory = libc::mmap(std::ptr::null_mut(), SIZE, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
            if memory != libc::MAP_FAILED {
                let stack = libc::stack_t { ss_sp: memory, ss_flags: 0, ss_size: SIZE };
                libc::sigaltstack(&stack, std::ptr::null_mut());
            }
        }
    }
}

extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the system gives a handler valid `info` and `context`; `Running` outlives its launch, and while a fiber of
    // this host thread is stopped here nothing else uses either.
    unsafe {
        let registers = &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs;
        let stack_pointer = registers[libc::REG_RSP as usize] as usize;
        let running = RUNNING.get();
        if running.is_null() {
            return forward(signal, info, context);
        }
        let fiber = (*running).current;
        // After an overflow the stack pointer may be a little below the stack.
        let on_stack = |fiber| (bottom(fiber) - STACK / 2..bottom(fiber) + STACK).contains(&stack_pointer);
        if fiber.is_null() || !on_stack(fiber) {
            return forward(signal, info, context);
        }
        (*running).fault = Some(Fault {
            signal,
            address: (*info).si_addr() as usize,
            instruction: registers[libc::REG_RIP as usize] as usize,
            stack_pointer,
        });
        // The fiber is lost; the middle of its stack is used once more to get back to the launch.
        registers[libc::REG_RIP as usize] = landing as *const () as i64;
        registers[libc::REG_RSP as usize] = (bottom(fiber) + STACK / 2 + 8) as i64;
    }
}

/// Where a faulted fiber continues.
extern "C" fn landing() -> ! {
    // SAFETY: the handler sends only the current fiber of a running launch here; nothing on its stack is borrowed any more.
    unsafe {
        let running = RUNNING.get();
        let fiber: *mut Fiber = (*running).current;
        switch(&raw mut (*fiber).stack_pointer, (*running).launch_stack_pointer);
    }
    std::process::abort()
}

/// Handles the signal as the previous handler would.
///
/// # Safety
/// The arguments are those of a running signal handler.
unsafe fn forward(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let index = SIGNALS.iter().position(|&s| s == signal);
    let (Some(index), Some(all)) = (index, PREVIOUS.get()) else { return };
    let previous = &all[index];
    // SAFETY: the handler stored by the system has the signature that its flags say.
    unsafe {
        match previous.sa_sigaction {
            // Back to the default, and the instruction faults again.
            libc::SIG_DFL | libc::SIG_IGN => {
                libc::sigaction(signal, previous, std::ptr::null_mut());
            }
            handler if previous.sa_flags & libc::SA_SIGINFO != 0 => {
                let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = std::mem::transmute(handler);
                handler(signal, info, context);
            }
            handler => {
                let handler: extern "C" fn(c_int) = std::mem::transmute(handler);
                handler(signal);
            }
        }
    }
}

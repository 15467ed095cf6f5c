//! What a caller can choose: per host thread through [`crate::control`], for other processes through the environment.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// In which order the threads of a block, and the blocks of a grid, get to run.
///
/// CUDA guarantees no order, so a correct kernel computes the same in each; a missing barrier often doesn't.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Ascending thread and block indices; the longest wait continues first.
    Fifo,
    /// Descending indices; the shortest wait continues first.
    Lifo,
    /// A different order at each launch, derived from this seed and the number of launches since it was set.
    Random(u64),
}

impl Order {
    /// Reads `fifo`, `lifo` or `random:SEED`.
    pub(crate) fn parse(text: &str) -> Option<Order> {
        match text {
            "fifo" => Some(Order::Fifo),
            "lifo" => Some(Order::Lifo),
            _ => text.strip_prefix("random:")?.parse().ok().map(Order::Random),
        }
    }
}

/// What holds for the launches of one host thread.
#[derive(Clone, Copy)]
pub(crate) struct LaunchSettings {
    pub order: Order,
    /// Launches since the order was set: it is mixed into a random order's seed.
    pub launches: u64,
    /// Whether threads that left the kernel while others wait at a block barrier are an error.
    pub strict_barriers: bool,
    /// Whether kernels run instrumented, so that data races are found.
    pub races: bool,
}

thread_local! {
    static LAUNCH: Cell<Option<LaunchSettings>> = const { Cell::new(None) };
}

/// The calling thread's settings; they start from the environment.
pub(crate) fn launch() -> LaunchSettings {
    LAUNCH.get().unwrap_or_else(|| {
        let settings = LaunchSettings {
            order: environment_order(),
            launches: 0,
            strict_barriers: flag("CUDA_EMULATOR_STRICT_BARRIERS"),
            races: flag("CUDA_EMULATOR_RACES"),
        };
        LAUNCH.set(Some(settings));
        settings
    })
}

/// Changes the calling thread's settings.
pub(crate) fn change_launch(change: impl FnOnce(&mut LaunchSettings)) {
    let mut settings = launch();
    change(&mut settings);
    LAUNCH.set(Some(settings));
}

fn environment_order() -> Order {
    match std::env::var("CUDA_EMULATOR_ORDER") {
        Ok(text) => Order::parse(&text).unwrap_or_else(|| {
            eprintln!("cuda-emulator: CUDA_EMULATOR_ORDER is {text:?}, not fifo, lifo or random:SEED; taking fifo");
            Order::Fifo
        }),
        Err(_) => Order::Fifo,
    }
}

fn flag(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| value != "0" && !value.is_empty())
}

/// A whole number from the environment, or `default` where it is absent; an invalid value is reported and ignored.
pub(crate) fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| {
            eprintln!("cuda-emulator: {name} is {text:?}, not a whole number; taking {default}");
            default
        }),
        Err(_) => default,
    }
}

/// The compute capability that the device reports, such as `(8, 0)`.
pub(crate) fn compute_capability() -> (i32, i32) {
    static VALUE: OnceLock<(i32, i32)> = OnceLock::new();
    *VALUE.get_or_init(|| {
        let text = std::env::var("CUDA_EMULATOR_COMPUTE_CAPABILITY").unwrap_or_else(|_| "8.0".into());
        let parsed = text.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        parsed.unwrap_or_else(|| {
            eprintln!("cuda-emulator: CUDA_EMULATOR_COMPUTE_CAPABILITY is {text:?}, not like 8.0; taking 8.0");
            (8, 0)
        })
    })
}

/// The largest shared memory that one block can be granted, in bytes.
pub(crate) fn shared_memory_optin() -> usize {
    static VALUE: OnceLock<usize> = OnceLock::new();
    *VALUE.get_or_init(|| number("CUDA_EMULATOR_SHARED_MEMORY", 99 << 10) as usize)
}

static DEVICE_MEMORY: AtomicUsize = AtomicUsize::new(0);

/// The device's memory in bytes.
pub(crate) fn device_memory() -> usize {
    match DEVICE_MEMORY.load(Ordering::Relaxed) {
        0 => {
            static VALUE: OnceLock<usize> = OnceLock::new();
            *VALUE.get_or_init(|| number("CUDA_EMULATOR_MEMORY", 2 << 30) as usize)
        }
        bytes => bytes,
    }
}

/// Sets the device's memory for this process; 0 goes back to the environment's value.
pub(crate) fn set_device_memory(bytes: usize) {
    DEVICE_MEMORY.store(bytes, Ordering::Relaxed);
}

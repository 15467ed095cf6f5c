//! The GPU that tests run on: the emulator, or with `ASAP_CUDA=real` the machine's own.
//!
//! Where there is none the tests pass over it and say so, unless `ASAP_REQUIRE_CUDA` is set.

use std::sync::LazyLock;

use asap_tensor::{Cuda, MatmulPrecision};

/// A GPU for tests, computing in single precision.
#[derive(Debug)]
pub struct Gpu {
    /// The backend.
    pub cuda: Cuda,
    /// Whether it is emulated.
    pub emulated: bool,
}

impl Gpu {
    /// Runs `work` once for each order in which an emulated GPU's threads may run; once on a real one.
    pub fn in_every_order<T>(&self, mut work: impl FnMut(&str, &Cuda) -> T) -> Vec<T> {
        if !self.emulated {
            return vec![work("cuda", &self.cuda)];
        }
        emulator::ORDERS.iter().map(|order| work(&emulator::set(order), &self.cuda)).collect()
    }
}

/// The GPU, if there is one.
///
/// # Panics
/// If there is none and `ASAP_REQUIRE_CUDA` is set.
pub fn gpu() -> Option<&'static Gpu> {
    static GPU: LazyLock<Result<Gpu, String>> = LazyLock::new(open);
    match &*GPU {
        Ok(gpu) => Some(gpu),
        Err(why) if std::env::var_os("ASAP_REQUIRE_CUDA").is_some() => panic!("{why}"),
        Err(why) => {
            eprintln!("without a GPU: {why}");
            None
        }
    }
}

fn open() -> Result<Gpu, String> {
    let emulated = std::env::var_os("ASAP_CUDA").is_none_or(|which| which != "real");
    if emulated {
        emulator::install()?;
    }
    let cuda = Cuda::new(0, MatmulPrecision::Highest).map_err(|error| error.to_string())?;
    Ok(Gpu { cuda, emulated })
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod emulator {
    use std::process::Command;

    use cuda_emulator::Order;

    /// The orders that the GPU's threads run in, one after the other for every case.
    pub const ORDERS: [Order; 5] = [Order::Fifo, Order::Lifo, Order::Random(1), Order::Random(2), Order::Random(3)];

    pub fn install() -> Result<(), String> {
        let name = std::env::var_os("CUDA_EMULATOR_CXX").unwrap_or_else(|| "g++".into());
        let compiler = Command::new(&name).arg("--version").output();
        compiler.map_err(|error| format!("the emulator needs a C++ compiler, {}: {error}", name.display()))?;
        cuda_emulator::install();
        Ok(())
    }

    /// Lets the calling thread's kernels run in an order, and names it.
    pub fn set(order: &Order) -> String {
        cuda_emulator::set_order(*order);
        format!("cuda, emulated in order {order:?}")
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod emulator {
    pub const ORDERS: [&str; 1] = ["none"];

    pub fn install() -> Result<(), String> {
        Err("the emulator runs on x86-64 Linux only; ASAP_CUDA=real takes the machine's GPU".into())
    }

    pub fn set(order: &&str) -> String {
        (*order).into()
    }
}

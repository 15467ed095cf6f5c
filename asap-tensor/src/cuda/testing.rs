//! The GPU for tests of kernels: the emulator, or with `ASAP_CUDA=real` the machine's own.

use cuda_emulator::Order;

use super::backend::{Cuda, MatmulPrecision};

fn is_real() -> bool {
    std::env::var_os("ASAP_CUDA").is_some_and(|which| which == "real")
}

pub(crate) fn gpu(precision: MatmulPrecision) -> Cuda {
    if !is_real() {
        cuda_emulator::install();
    }
    Cuda::new(0, precision).expect("a GPU")
}

/// Calls `run` with the name of each order in which the emulator runs threads and blocks; a real GPU has only its own.
pub(crate) fn each_order(mut run: impl FnMut(&str)) {
    if is_real() {
        return run("the GPU's order");
    }
    for order in [Order::Fifo, Order::Lifo, Order::Random(1), Order::Random(2)] {
        cuda_emulator::set_order(order);
        run(&format!("{order:?}"));
    }
    cuda_emulator::set_order(Order::Fifo);
}

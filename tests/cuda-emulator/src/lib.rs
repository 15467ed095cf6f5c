//! Stands in for libcuda, NVRTC and cuBLAS under unmodified [cudarc](https://docs.rs/cudarc), so that programs and kernels are
//! tested on machines without a GPU.
//!
//! [`install`] makes the three libraries loadable in this process; [`library_folder`] serves other processes through
//! `LD_LIBRARY_PATH`. NVRTC becomes a run of the C++ compiler, a launch runs every CUDA thread as a fiber, and mistakes come back
//! as CUDA's own error codes with a report a person can read ([`last_report`]). The README has the whole image.
//!
//! The package builds twice: as a shared object, which is what cudarc loads, and as this Rust library, which finds the shared
//! object and talks to it. State lives in the shared object only; see `control`.

// Fibers and fault handling are written for one kind of machine; elsewhere the crate is empty.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod compile;
mod control;
mod cublas;
mod driver;
mod fiber;
mod install;
mod memory;
mod race;
mod report;
mod schedule;
mod settings;
mod status;

pub use control::{last_report, recover, set_device_memory, set_order, set_race_detection, set_strict_barriers};
pub use install::{install, library_folder};
pub use settings::Order;

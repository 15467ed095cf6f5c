//! Arrays, and every kernel of ASAP-Net, forward and gradient.
//!
//! | start with | for |
//! |---|---|
//! | [`backend`] | the index: every op, its formula, shapes, gradient and folder |
//! | [`tensor`] | [`Tensor`], [`Ids`] and [`Shape`]: contiguous, row-major arrays on a backend |
//! | [`op`] | [`Op`] and [`Kernel`]: an op as data, and a backend's kernel for it |
//! | [`ops`] | a folder per op family: checks, public functions, kernels, derivation |
//! | [`reference`](mod@reference) | `Reference<f32>` and `Reference<f64>`: written to be read |
//! | [`cpu`] | `Cpu`: threads, packed matrix products, SIMD |
//! | `cuda` | `Cuda`: NVIDIA GPUs, with the feature of that name |
//! | [`plan`] | `Plan`: computes nothing, counts the memory that `Cpu` would take |
//! | [`profile`], [`roofline`] | the cost of each op, and the minimum time that the device allows |
//!
//! Gradients are ordinary ops, which `asap-autograd` calls; there is no tape here.

pub mod backend;
pub mod cpu;
#[cfg(feature = "cuda")]
pub mod cuda;
pub mod error;
pub mod op;
pub mod ops;
pub mod plan;
pub mod profile;
pub mod random;
pub mod reference;
pub mod roofline;
pub mod shape;
pub mod storage;
pub mod tensor;

pub use backend::Backend;
pub use cpu::Cpu;
#[cfg(feature = "cuda")]
pub use cuda::{Cuda, MatmulPrecision};
pub use error::{Error, Result};
pub use op::{Kernel, Op};
pub use plan::Plan;
pub use profile::Profiler;
pub use reference::Reference;
pub use shape::Shape;
pub use storage::{Element, Storage};
pub use tensor::{Ids, Tensor};

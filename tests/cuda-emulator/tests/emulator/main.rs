//! The emulator through unmodified cudarc, as its users have it.

mod compiler;
mod cublas;
mod environment;
mod memory;
mod mistakes;
mod orders;
mod primitives;
mod races;
mod speed;
mod support;

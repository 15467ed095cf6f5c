//! The emulator through unmodified cudarc, as its users have it.

mod cublas;
mod speed;
mod support;

//! "NVRTC": kernel source becomes a shared object through the C++ compiler, and an image holds that shared object.

mod build;
mod elf;
mod image;
mod lines;
mod nvrtc;
mod options;
mod rewrite;

pub(crate) use build::{compiler, instrumented, scratch_file};
pub(crate) use image::Image;
pub(crate) use lines::{line_of, static_shared_of, variable_at};

//! "NVRTC": kernel source becomes a shared object through the C++ compiler, and an image holds that shared object.

mod build;
mod image;
mod nvrtc;
mod options;
mod rewrite;

pub(crate) use build::compiler;
pub(crate) use image::Image;

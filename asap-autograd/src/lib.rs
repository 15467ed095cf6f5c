#![doc = include_str!("../README.md")]

pub mod check;
mod rules;
pub mod tape;

pub use rules::pixel_mlp::VarPixels;
pub use tape::{Gradients, Tape, Var};

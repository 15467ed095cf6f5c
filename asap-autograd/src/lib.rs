#![doc = include_str!("../README.md")]

pub mod check;
pub mod tape;
pub mod vjp;

pub use tape::{Gradients, Tape, Var};

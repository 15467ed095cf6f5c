//! Reverse-mode automatic differentiation over `asap-tensor`.
//!
//! | module | holds |
//! |---|---|
//! | [`tape`] | [`Tape`] and [`Var`]: what is recorded, and how gradients flow back; knows no op |
//! | [`vjp`] | one rule per op, in the same families as `asap_tensor::ops` |
//! | [`check`] | the gradient checker |

pub mod check;
pub mod tape;
pub mod vjp;

pub use tape::{Gradients, Tape, Var};

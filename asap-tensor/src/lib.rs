//! Arrays, and every kernel of ASAP-Net, forward and gradient.

pub mod error;
pub mod shape;

pub use error::{Error, Result};
pub use shape::Shape;

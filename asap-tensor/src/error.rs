//! The one error type of this crate.

use crate::shape::Shape;

/// Why an op failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Two shapes do not fit.
    #[error("{op}: shapes {left} and {right} do not fit: {why}")]
    Shapes {
        /// The op's name in code.
        op: &'static str,
        /// The first argument's shape.
        left: Box<Shape>,
        /// The second argument's shape.
        right: Box<Shape>,
        /// What they must be.
        why: String,
    },
    /// An argument is invalid.
    #[error("{op}: {why}")]
    Argument {
        /// The op's name in code.
        op: &'static str,
        /// What is wrong and what is expected.
        why: String,
    },
    /// A device is missing or failed.
    #[error("{device}: {why}")]
    Device {
        /// The device, as named on the command line.
        device: String,
        /// What is missing and how to get it.
        why: String,
    },
}

/// This crate's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Returns an error that names both shapes unless `condition` is true.
pub(crate) fn require(
    condition: bool,
    op: &'static str,
    left: Shape,
    right: Shape,
    why: impl FnOnce() -> String,
) -> Result<()> {
    if condition { Ok(()) } else { Err(Error::Shapes { op, left: left.into(), right: right.into(), why: why() }) }
}

/// Returns an error about an argument unless `condition` is true.
pub(crate) fn require_argument(condition: bool, op: &'static str, why: impl FnOnce() -> String) -> Result<()> {
    if condition { Ok(()) } else { Err(Error::Argument { op, why: why() }) }
}

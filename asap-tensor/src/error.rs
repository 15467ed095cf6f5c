//! The one error type of this crate.

use crate::shape::Shape;

/// Why an operation on tensors could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Two shapes that must fit do not.
    #[error("{op}: shapes {left} and {right} do not fit: {why}")]
    Shapes {
        /// The operation, as it is called in code.
        op: &'static str,
        /// The first argument's shape.
        left: Box<Shape>,
        /// The second argument's shape.
        right: Box<Shape>,
        /// The rule that is broken.
        why: String,
    },
    /// One argument is outside what the operation takes.
    #[error("{op}: {why}")]
    Argument {
        /// The operation, as it is called in code.
        op: &'static str,
        /// What is wrong and what would be right.
        why: String,
    },
    /// A device that is missing, or that failed.
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

/// Refuses two shapes that do not fit, naming both.
pub(crate) fn require(
    holds: bool,
    op: &'static str,
    left: Shape,
    right: Shape,
    why: impl FnOnce() -> String,
) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::Shapes { op, left: left.into(), right: right.into(), why: why() }) }
}

/// Refuses an argument, saying what would be right.
pub(crate) fn require_argument(holds: bool, op: &'static str, why: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::Argument { op, why: why() }) }
}

//! The gradient checker.

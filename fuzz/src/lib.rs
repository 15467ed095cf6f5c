//! The properties that every parser must keep for any input.

pub mod properties;

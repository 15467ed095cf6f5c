//! What crosses crates.

mod book;
mod checkpoint;
mod properties;
mod published_numbers;

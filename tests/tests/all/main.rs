//! What crosses crates.

mod book;
mod checkpoint;
mod properties;
mod published_numbers;
mod whole_round_gradient;

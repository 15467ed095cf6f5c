//! What crosses crates.

mod book;
mod checkpoint;
mod empty_tensors;
mod fuzz_seeds;
mod masked_round;
mod properties;
mod published_numbers;
mod whole_round_gradient;

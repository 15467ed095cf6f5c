//! Tests across crates.

mod book;
mod checkpoint;
mod empty_tensors;
mod fuzz_seeds;
mod masked_step;
mod oasis_step;
mod own_backend;
mod properties;
mod published_numbers;
mod training_step_gradient;

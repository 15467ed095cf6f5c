//! Data sets on disk, the synthetic facades, augmentation, batches.

pub mod synthetic;

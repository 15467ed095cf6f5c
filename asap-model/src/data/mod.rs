//! Data sets on disk, the synthetic facades, augmentation, batches.

//! What the tests that cross crates share.
//!
//! | module | it holds |
//! |---|---|
//! | [`property`] | an op on random inputs, and the search for inputs on which a backend is wrong |
//! | [`source`] | random inputs: tensors and label maps from a seed and a name |
//! | [`gpu`] | the GPU that tests run on: emulated, or real |
//! | [`bound`] | how far single precision may be from double |

pub mod bound;
pub mod gpu;
pub mod property;
pub mod source;

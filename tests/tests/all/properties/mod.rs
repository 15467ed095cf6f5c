//! Every op of every backend against `Reference<f64>`, forward and gradients, on random inputs of awkward sizes: 1, odd
//! numbers, primes, and one more or less than a power of two.

mod adam;
mod binary;
mod conv2d;
mod cross_entropy;
mod instance_norm;
mod layout;
mod matmul;
mod pixel_conv;
mod pixel_mlp;
mod planted;
mod pool;
mod reduce;
mod resize;
mod unary;

use proptest::prelude::*;

/// The size of one axis of an image.
fn side() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 1usize..=6, 2 => prop::sample::select(vec![7, 9, 13, 15, 17, 19])]
}

/// The size of an axis that nothing is squared over.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![2 => 1usize..=8, 1 => prop::sample::select(vec![11, 13, 17, 31, 33, 37]), 1 => 1usize..=70]
}

/// A number of channels.
fn channels() -> impl Strategy<Value = usize> {
    prop::sample::select(vec![1usize, 2, 3, 4, 5, 7, 9, 17])
}

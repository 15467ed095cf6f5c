//! Every rule against finite differences on `Reference<f64>`, and the checker against planted mistakes.
//!
//! `cargo test --release -p asap-autograd --test vjp -- --nocapture` prints each case's relative error.

mod convolution;
mod harness;
mod layout;
mod matmul;
mod mistakes;
mod normalisation;
mod pixel_conv;
mod pixel_mlp;
mod pointwise;
mod sampling;

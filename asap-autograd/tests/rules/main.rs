//! Every gradient rule against central differences on `Reference<f64>`, and planted mistakes that the checker must find.
//!
//! `cargo test -p asap-autograd --test rules -- --nocapture` prints the relative error of each case.

mod binary;
mod checker;
mod conv2d;
mod cross_entropy;
mod harness;
mod instance_norm;
mod layout;
mod matmul;
mod pixel_conv;
mod pixel_mlp;
mod pool;
mod reduce;
mod resize;
mod unary;

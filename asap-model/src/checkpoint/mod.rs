//! Weights by their published names: safetensors and `.pth`.
//!
//! | file | holds |
//! |---|---|
//! | [`safetensors`] | reading and writing safetensors, with strings in the header |
//! | [`pth`] | reading PyTorch's `.pth`, the zip format and the legacy one; writing the zip format |
//! | `pickle` | the pickle of a written `.pth` |
//! | [`load`](mod@load) | a checkpoint from a run folder or a file of either kind, and the checks that networks need |
//! | [`adapt`] | a checkpoint under the keys of a network: without prefixes, converted from older forms |
//! | `wrapped`, `spectral` | prefixes of wrappers and of several networks in a file; forms of spectral norm |
//! | `mismatch` | tensors that a network needs and a checkpoint lacks, or the reverse |
//! | [`atomic`] | crash-safe writing of files |
//! | `deferred` | a writer that reports its first error at the end |
//! | `content_hash` | the SHA-256 of a file that contains its own hash |
//! | `elements` | element types of files as `f32` |
//! | `json` | refuses a header with a repeated key |
//! | `bounds` | refuses a `.pth` whose description would take too much memory |

pub mod adapt;
pub mod atomic;
mod bounds;
mod content_hash;
mod deferred;
mod elements;
mod json;
pub mod load;
mod mismatch;
mod pickle;
pub mod pth;
pub mod safetensors;
mod spectral;
mod wrapped;

use std::collections::BTreeMap;
use std::path::Path;

pub use adapt::Adapted;
pub use content_hash::HASH_KEY;
pub use load::{Checkpoint, file_of, load, load_keys, save};
pub use mismatch::Mismatch;
pub use wrapped::Unused;

use crate::Error;
use crate::error::shown;

/// A tensor in host memory, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct HostTensor {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// The elements.
    pub data: Vec<f32>,
}

/// Tensors by their published key names, in key order.
pub type Weights = BTreeMap<String, HostTensor>;

/// Strings in the header of a safetensors file.
pub type Metadata = BTreeMap<String, String>;

/// The error of a checkpoint that can't be used.
fn fault(file: &Path, problem: impl Into<String>) -> Error {
    Error::Checkpoint { file: file.into(), problem: problem.into() }
}

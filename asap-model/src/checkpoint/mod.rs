//! Weights by their published names: safetensors and `.pth`.

use std::collections::BTreeMap;

/// A tensor in host memory, row-major, as files hold it.
#[derive(Clone, Debug, PartialEq)]
pub struct HostTensor {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// The elements; as many as the product of the sizes.
    pub data: Vec<f32>,
}

/// Tensors by their published key names, in key order.
pub type Weights = BTreeMap<String, HostTensor>;

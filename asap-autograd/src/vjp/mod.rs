//! One rule per op, in the same families as `asap_tensor::ops`.

//! The fixed downsampling in front of the low-resolution stream.

use asap_tensor::Backend;
use asap_tensor::ops::Taps;

use crate::Result;
use crate::layers::Stack;

/// The image shrunk by S1 with a tent filter of 2·S1 taps, reflected at its edges (published code; the paper says
/// bilinear). S1 = 1 changes nothing, and labels stay labels.
///
/// # Errors
/// If H or W is not a multiple of S1.
pub fn downsample<B: Backend>(x: &Stack<B>, factor: usize) -> Result<Stack<B>> {
    if factor == 1 {
        return Ok(x.clone());
    }
    let [_, h, w] = x.sizes();
    x.resize(&Taps::tent(h, factor)?, &Taps::tent(w, factor)?)
}

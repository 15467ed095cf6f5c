//! How the images of SPADE and of CC-FPSE grow: block after block, each conditioned on the input at its own size, with
//! height and width doubled between them.

use asap_autograd::Var;
use asap_tensor::Backend;
use asap_tensor::ops::Taps;

use crate::Result;
use crate::nn::Input;

/// Slope of the leaky ReLU.
pub(super) const SLOPE: f64 = 0.2;

/// Channels before and after each block, as multiples of those after the last of them.
pub(super) const BLOCKS: [(&str, [usize; 2]); 7] = [
    ("head_0", [16, 16]),
    ("G_middle_0", [16, 16]),
    ("G_middle_1", [16, 16]),
    ("up_0", [16, 8]),
    ("up_1", [8, 4]),
    ("up_2", [4, 2]),
    ("up_3", [2, 1]),
];

/// Twice the height and width, each pixel repeated.
pub(super) fn upsample<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    let [_, _, h, w] = x.value().nchw("upsample")?;
    Ok(x.resize(&Taps::nearest(h, 2 * h)?, &Taps::nearest(w, 2 * w)?)?)
}

/// The input of `height`×`width`, by nearest neighbor.
fn resized<B: Backend>(input: &Input<B>, [height, width]: [usize; 2]) -> Result<Input<B>> {
    let [_, h, w] = input.sizes();
    if [h, w] == [height, width] {
        return Ok(input.clone());
    }
    input.resize(&Taps::nearest(h, height)?, &Taps::nearest(w, width)?)
}

/// The output of the last of `count` blocks. `first` makes features of the input at the smallest size; `block` takes its
/// number, features, the input at their size, and the doublings before it. The input's sides are multiples of
/// 2^`doublings`.
pub(super) fn grow<B: Backend>(
    input: &Input<B>,
    doublings: usize,
    count: usize,
    first: impl FnOnce(&Input<B>) -> Result<Var<B>>,
    block: impl Fn(usize, &Var<B>, &Input<B>, usize) -> Result<Var<B>>,
) -> Result<Var<B>> {
    let [_, height, width] = input.sizes();
    let sides = |done: usize| [height, width].map(|side| side >> (doublings - done));
    let mut seen = resized(input, sides(0))?;
    let mut y = first(&seen)?;
    let mut done = 0;
    for number in 0..count {
        // The second middle block follows a doubling only if there are more than five.
        let doubles = match number {
            0 => false,
            2 => doublings > 5,
            _ => true,
        };
        if doubles {
            done += 1;
            y = upsample(&y)?;
            seen = resized(input, sides(done))?;
        }
        y = block(number, &y, &seen, done)?;
    }
    Ok(y)
}

//! How the pictures of SPADE and of CC-FPSE grow: blocks, one after the other, each by what is known of its size, and
//! sides doubled between them.

use asap_autograd::{Var, vjp};
use asap_tensor::Backend;
use asap_tensor::ops::Taps;

use crate::Result;
use crate::layers::Stack;

/// Slope of the leaky ReLU.
pub(super) const SLOPE: f64 = 0.2;

/// Channels before and after each block, by those after the last of them.
pub(super) const BLOCKS: [(&str, [usize; 2]); 7] = [
    ("head_0", [16, 16]),
    ("G_middle_0", [16, 16]),
    ("G_middle_1", [16, 16]),
    ("up_0", [16, 8]),
    ("up_1", [8, 4]),
    ("up_2", [4, 2]),
    ("up_3", [2, 1]),
];

/// The picture doubled, each pixel four times.
pub(super) fn doubled<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    let [_, _, h, w] = x.value().nchw("doubled")?;
    Ok(vjp::resize(x, &Taps::nearest(h, 2 * h)?, &Taps::nearest(w, 2 * w)?)?)
}

/// Labels of `height`×`width`: every so many-th pixel.
fn resized<B: Backend>(labels: &Stack<B>, [height, width]: [usize; 2]) -> Result<Stack<B>> {
    let [_, h, w] = labels.sizes();
    if [h, w] == [height, width] {
        return Ok(labels.clone());
    }
    labels.resize(&Taps::nearest(h, height)?, &Taps::nearest(w, width)?)
}

/// What comes out of the last of `count` blocks. `first` makes features of the labels at the smallest size; `block` takes
/// its number, features, the labels at their size, and how often sides were doubled before it. The labels' sides are
/// multiples of 2^`doublings`.
pub(super) fn grown<B: Backend>(
    labels: &Stack<B>,
    doublings: usize,
    count: usize,
    first: impl FnOnce(&Stack<B>) -> Result<Var<B>>,
    block: impl Fn(usize, &Var<B>, &Stack<B>, usize) -> Result<Var<B>>,
) -> Result<Var<B>> {
    let [_, height, width] = labels.sizes();
    let sides = |done: usize| [height, width].map(|side| side >> (doublings - done));
    let mut seen = resized(labels, sides(0))?;
    let mut y = first(&seen)?;
    let mut done = 0;
    for number in 0..count {
        // The second middle block has a doubling before it where there are more than five.
        let larger = match number {
            0 => false,
            2 => doublings > 5,
            _ => true,
        };
        if larger {
            done += 1;
            y = doubled(&y)?;
            seen = resized(labels, sides(done))?;
        }
        y = block(number, &y, &seen, done)?;
    }
    Ok(y)
}

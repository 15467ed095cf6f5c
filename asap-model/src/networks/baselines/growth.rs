//! How the images of SPADE and of CC-FPSE grow: block after block, each conditioned on the input at its own size, with
//! height and width doubled between them.

use asap_autograd::Var;
use asap_tensor::Backend;
use asap_tensor::ops::Taps;

use super::adaptive_norm::{NormConv, SLOPE};
use crate::Result;
use crate::config::DataConfig;
use crate::nn::{Builder, Conv2d, ConvOptions, ForwardContext, Input};

/// Channels before and after each block, as multiples of those after the last of them.
const BLOCKS: [(&str, [usize; 2]); 7] = [
    ("head_0", [16, 16]),
    ("G_middle_0", [16, 16]),
    ("G_middle_1", [16, 16]),
    ("up_0", [16, 8]),
    ("up_1", [8, 4]),
    ("up_2", [4, 2]),
    ("up_3", [2, 1]),
];

/// A first convolution at the smallest size, blocks, and a last convolution to the image.
#[derive(Clone, Debug)]
pub(super) struct Growth<P> {
    first: Conv2d,
    blocks: Vec<Block<P>>,
    last: Conv2d,
    doublings: usize,
}

/// A residual block.
#[derive(Clone, Debug)]
struct Block<P> {
    name: String,
    parts: [P; 2],
    /// On the skip connection, where channels change.
    shortcut: Option<NormConv>,
}

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

impl<P> Growth<P> {
    /// A network of 5, 6 or 7 doublings with `width` channels after the sixth. The norms on skip connections have
    /// `conditions` channels and hidden ones. `parts` builds the parts of a block from its input and output channels.
    pub fn new<B: Backend>(
        mut b: Builder<'_, B>,
        data: &DataConfig,
        conditions: [usize; 2],
        width: usize,
        doublings: usize,
        parts: impl Fn(&mut Builder<'_, B>, [usize; 2]) -> Result<[P; 2]>,
    ) -> Result<Self> {
        let first = Conv2d::new(b.at("fc"), ConvOptions::new(data.lowres_channels(), 16 * width, 3))?;
        let mut block = |name: &str, [inputs, outputs]: [usize; 2]| -> Result<_> {
            let mut b = b.at(name);
            let parts = parts(&mut b, [inputs, outputs])?;
            let shortcut = match inputs == outputs {
                true => None,
                false => Some(NormConv::new(&mut b, "s", conditions, [inputs, outputs], 1)?),
            };
            Ok(Block { name: b.path().to_owned(), parts, shortcut })
        };
        let mut blocks = Vec::with_capacity(BLOCKS.len() + 1);
        for (name, channels) in BLOCKS {
            blocks.push(block(name, channels.map(|times| times * width))?);
        }
        let mut channels = width;
        if doublings > 6 {
            channels = (width / 2).max(1);
            blocks.push(block("up_4", [width, channels])?);
        }
        let last = Conv2d::new(b.at("conv_img"), ConvOptions::new(channels, data.output_channels(), 3))?;
        Ok(Growth { first, blocks, last, doublings })
    }

    /// (N, C, H, W) → the image; H and W are multiples of 2^doublings. `conditions` makes the conditions of blocks
    /// after that many doublings from the input at their size, and `part` runs a part of a block.
    pub fn forward<B: Backend>(
        &self,
        ctx: &ForwardContext<'_, B>,
        input: &Input<B>,
        conditions: impl Fn(&Input<B>, usize) -> Result<Input<B>>,
        part: impl Fn(&P, &Var<B>, &Input<B>) -> Result<Var<B>>,
    ) -> Result<Var<B>> {
        let [_, height, width] = input.sizes();
        let sides = |done: usize| [height, width].map(|side| side >> (self.doublings - done));
        let mut seen = resized(input, sides(0))?;
        let mut y = ctx.layer("fc", || self.first.forward(ctx, &seen))?;
        let mut done = 0;
        for (number, block) in self.blocks.iter().enumerate() {
            // The second middle block follows a doubling only if there are more than five.
            let doubles = match number {
                0 => false,
                2 => self.doublings > 5,
                _ => true,
            };
            if doubles {
                done += 1;
                y = upsample(&y)?;
                seen = resized(input, sides(done))?;
            }
            let conditions = conditions(&seen, done)?;
            y = ctx.layer(&block.name, || {
                let skip = match &block.shortcut {
                    Some(shortcut) => shortcut.forward(ctx, &y, &conditions, false)?,
                    None => y.clone(),
                };
                let mut x = y.clone();
                for layers in &block.parts {
                    x = part(layers, &x, &conditions)?;
                }
                Ok(skip.add(&x)?)
            })?;
        }
        let y = y.leaky_relu(SLOPE)?;
        Ok(ctx.layer("conv_img", || self.last.forward(ctx, y))?.tanh()?)
    }
}

//! OASIS's discriminator (Schönfeld et al. 2021, section 3.1 and appendix; sizes and order of layers are the published
//! code's): a U-Net of residual blocks that classifies each pixel of an image into the classes of its label map or
//! "generated". It sees the image only.

use asap_autograd::Var;
use asap_tensor::Backend;
use asap_tensor::ops::Taps;

use crate::config::{DataConfig, OasisConfig};
use crate::nn::{Builder, Conv2d, ConvOptions, ForwardContext};
use crate::{Error, Result};

/// Slope of the leaky ReLU (published code).
const SLOPE: f64 = 0.2;

/// A segmentation U-Net.
#[derive(Clone, Debug)]
pub struct SegmentationUnet {
    /// The number of label classes, N. Class N is that of generated pixels.
    pub classes: usize,
    down: Vec<Block>,
    up: Vec<Block>,
    last: Conv2d,
}

/// Two 3×3 convolutions, with a shortcut around them.
#[derive(Clone, Debug)]
struct Block {
    name: String,
    convs: [Conv2d; 2],
    /// 1×1, where the number of channels changes.
    shortcut: Option<Conv2d>,
    doubles: bool,
    /// It begins with the image, which is not activated.
    first: bool,
}

impl SegmentationUnet {
    /// A U-Net for images and classes of that data. Ignored labels are no class if no loss counts them.
    pub fn new<B: Backend>(mut b: Builder<'_, B>, config: &OasisConfig, data: &DataConfig) -> Result<Self> {
        let classes = data.counted_classes();
        // Twice as many channels after each two levels.
        let channels = |level: usize| (config.width << (level / 2)).min(config.max_width);
        let levels = config.levels;
        let mut down = Vec::with_capacity(levels);
        for level in 0..levels {
            let inputs = if level == 0 { data.output_channels() } else { channels(level - 1) };
            down.push(Block::down(b.at(format!("body_down.{level}")), [inputs, channels(level)], level == 0, config)?);
        }
        let end = (config.width / 2).max(1);
        let mut up = Vec::with_capacity(levels);
        for (place, level) in (0..levels).rev().enumerate() {
            // Behind the lowest block, those of the encoder at the same size come first.
            let inputs = if place == 0 { 1 } else { 2 } * channels(level);
            let outputs = if level == 0 { end } else { channels(level - 1) };
            up.push(Block::up(b.at(format!("body_up.{place}")), [inputs, outputs], config)?);
        }
        let last = Conv2d::new(b.at("layer_up_last"), ConvOptions::new(end, classes + 1, 1))?;
        Ok(SegmentationUnet { classes, down, up, last })
    }

    /// (N, C, H, W) → the outputs of the blocks on the way up, then the logits, (N, classes + 1, H, W). H and W must be
    /// multiples of 2^levels.
    pub fn features<B: Backend>(&self, ctx: &ForwardContext<'_, B>, image: &Var<B>) -> Result<Vec<Var<B>>> {
        let [.., h, w] = image.value().nchw("discriminator")?;
        let multiple = 1 << self.down.len();
        if !h.is_multiple_of(multiple) || !w.is_multiple_of(multiple) {
            let problem = format!("height and width must be multiples of {multiple}, not {h} and {w}");
            return Err(Error::Config { origin: "discriminator".into(), problem });
        }
        let mut skips: Vec<Var<B>> = Vec::with_capacity(self.down.len());
        for block in &self.down {
            let y = block.forward(ctx, skips.last().unwrap_or(image))?;
            skips.push(y);
        }
        let mut features: Vec<Var<B>> = Vec::with_capacity(self.up.len() + 1);
        for block in &self.up {
            let skip = skips.pop().unwrap_or_else(|| unreachable!("as many blocks up as down"));
            let x = match features.last() {
                Some(below) => Var::cat(&[&skip, below], 1)?,
                None => skip,
            };
            features.push(block.forward(ctx, &x)?);
        }
        let end = features.last().unwrap_or_else(|| unreachable!("a U-Net has levels"));
        let logits = ctx.layer("layer_up_last", || self.last.forward(ctx, end))?;
        features.push(logits);
        Ok(features)
    }
}

impl Block {
    /// A block that halves height and width.
    fn down<B: Backend>(b: Builder<'_, B>, channels: [usize; 2], first: bool, config: &OasisConfig) -> Result<Self> {
        // The published keys count the activation before a convolution.
        Block::new(b, if first { "conv1.0" } else { "conv1.1" }, channels, config, [false, first])
    }

    /// A block that doubles height and width.
    fn up<B: Backend>(b: Builder<'_, B>, channels: [usize; 2], config: &OasisConfig) -> Result<Self> {
        Block::new(b, "conv1.2", channels, config, [true, false])
    }

    fn new<B: Backend>(
        mut b: Builder<'_, B>,
        conv1: &str,
        [inputs, outputs]: [usize; 2],
        config: &OasisConfig,
        [doubles, first]: [bool; 2],
    ) -> Result<Self> {
        let options = |inputs, kernel| ConvOptions::new(inputs, outputs, kernel).spectral_norm(config.spectral_norm);
        let name = b.path().to_owned();
        let convs = [Conv2d::new(b.at(conv1), options(inputs, 3))?, Conv2d::new(b.at("conv2.1"), options(outputs, 3))?];
        let shortcut = (inputs != outputs).then(|| Conv2d::new(b.at("conv_s"), options(inputs, 1))).transpose()?;
        Ok(Block { name, convs, shortcut, doubles, first })
    }

    /// (N, inputs, H, W) → (N, outputs, H/2, W/2) or (N, outputs, 2H, 2W).
    fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: &Var<B>) -> Result<Var<B>> {
        ctx.layer(&self.name, || {
            // A 1×1 convolution commutes with averaging and repeating pixels: here it runs at the smaller size.
            let shortcut = |x: &Var<B>| match &self.shortcut {
                Some(conv) => conv.forward(ctx, x),
                None => Ok(x.clone()),
            };
            let skip = if self.doubles { double(&shortcut(x)?)? } else { shortcut(&halve(x)?)? };
            let [first, second] = &self.convs;
            let mut y = if self.first { x.clone() } else { x.leaky_relu(SLOPE)? };
            if self.doubles {
                y = double(&y)?;
            }
            y = second.forward(ctx, first.forward(ctx, y)?.leaky_relu(SLOPE)?)?;
            Ok(skip.add(&if self.doubles { y } else { halve(&y)? })?)
        })
    }
}

/// Means of 2×2 pixels: (N, C, H, W) → (N, C, H/2, W/2).
fn halve<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    let [.., h, w] = x.value().nchw("halve")?;
    // At half the size, bilinear interpolation reads the middle of two pixels.
    Ok(x.resize(&Taps::bilinear(h, h / 2)?, &Taps::bilinear(w, w / 2)?)?)
}

/// Each pixel repeated: (N, C, H, W) → (N, C, 2H, 2W).
fn double<B: Backend>(x: &Var<B>) -> Result<Var<B>> {
    let [.., h, w] = x.value().nchw("double")?;
    Ok(x.resize(&Taps::nearest(h, 2 * h)?, &Taps::nearest(w, 2 * w)?)?)
}

#[cfg(test)]
mod tests {
    use asap_tensor::{Reference, Tensor};

    use super::*;
    use crate::config::Config;
    use crate::networks::Discriminator;
    use crate::nn::{Blank, FillByName, Input};

    fn discriminator(changes: &[&str]) -> Discriminator<Reference<f64>> {
        let mut config = Config::default();
        let changes = ["discriminator.kind=oasis"].iter().chain(changes).map(|change| (*change).to_owned());
        config.set_all(&changes.collect::<Vec<_>>()).unwrap();
        let mut fill = FillByName { prefix: "D.".into(), gain: 1.0 };
        Discriminator::new(&Reference::new(), &config.discriminator, &config.data, &mut fill).unwrap()
    }

    #[test]
    fn sizes_are_the_published() {
        let config = Config::default();
        let mut plan = Config::default();
        plan.set("discriminator.kind=oasis").unwrap();
        let backend = asap_tensor::Plan::new(1);
        let network = Discriminator::new(&backend, &plan.discriminator, &config.data, &mut Blank).unwrap();
        let shape = |key: &str| network.params.find(key).unwrap().value().dims().to_vec();
        assert_eq!(shape("body_down.0.conv1.0.weight_orig"), [128, 3, 3, 3]);
        assert_eq!(shape("body_down.4.conv1.1.weight_orig"), [512, 256, 3, 3]);
        assert_eq!(shape("body_down.4.conv_s.weight_orig"), [512, 256, 1, 1]);
        assert_eq!(shape("body_up.0.conv1.2.weight_orig"), [512, 512, 3, 3]);
        assert_eq!(shape("body_up.1.conv1.2.weight_orig"), [256, 1024, 3, 3]);
        assert_eq!(shape("body_up.5.conv2.1.weight_orig"), [64, 64, 3, 3]);
        assert_eq!(shape("layer_up_last.weight"), [14, 64, 1, 1]);
        assert!(network.params.find("body_up.0.conv_s.weight_orig").is_none());
        assert_eq!(network.classes(), Some(13));
    }

    #[test]
    fn logits_have_the_size_of_the_image() {
        let changes =
            ["discriminator.levels=3", "discriminator.width=2", "discriminator.max_width=3", "data.classes=4"];
        let network = discriminator(&changes);
        let ctx = ForwardContext::evaluation(&network.params);
        let image = |h, w| Var::constant(Tensor::full(&Reference::new(), [2, 3, h, w], 0.5).unwrap());
        let features = |h, w| {
            let input = Input::image(image(h, w));
            network.features(&ctx, &input, &image(h, w))
        };
        let all = features(8, 24).unwrap();
        let shapes: Vec<_> = all[0].iter().map(|feature| feature.shape().dims().to_vec()).collect();
        assert_eq!(shapes, [[2, 2, 2, 6], [2, 2, 4, 12], [2, 1, 8, 24], [2, 5, 8, 24]]);
        let error = features(12, 24).err().unwrap().to_string();
        assert!(error.contains("multiples of 8, not 12 and 24"), "{error}");
    }

    #[test]
    fn ignored_labels_are_no_class_if_masked() {
        let classes = |changes: &[&str]| discriminator(&[&["discriminator.width=2"], changes].concat()).classes();
        let ignore = ["data.classes=4", "data.ignore=255", "data.ignore_as=mask"];
        assert_eq!((classes(&ignore[..2]), classes(&ignore)), (Some(5), Some(4)));
    }
}

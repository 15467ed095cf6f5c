//! Inception v3 (Szegedy et al. 2016) as in pytorch-fid, the code of the Fréchet inception distance, after TensorFlow's
//! network of 2015: 3×3 averages don't count padding, and the last block has max pooling.
//!
//! | file | contents |
//! |---|---|
//! | `layers` | every layer, as a table |
//! | `conv` | convolution, batch norm and ReLU as one convolution |
//! | `pool` | 3×3 pooling, composed of existing ops |

mod conv;
mod layers;
mod pool;

use std::path::Path;

use asap_tensor::ops::{Taps, Unary, cat, resize, unary};
use asap_tensor::{Backend, Tensor};
use sha2::{Digest, Sha256};

use crate::checkpoint;
use crate::checkpoint::load::DAMAGED;
use crate::data::RgbImage;
use crate::nn::{Builder, ForwardContext, Initializer, Params};
use crate::{Error, Result};
use conv::ConvRelu;
use layers::{Layer, STEM, blocks};
use pool::Pool;

/// Features of an image.
pub const FEATURES: usize = 2048;

/// Where the weights come from.
pub const WEIGHTS_SOURCE: &str = "pt_inception-2015-12-05-6726825d.pth, from \
                                  https://github.com/mseitzer/pytorch-fid/releases/tag/fid_weights";

/// The key of a tensor, by which a prefix of all keys is found.
const FIRST: &str = "Conv2d_1a_3x3.conv.weight";

/// Height and width that images are resized to.
const SIDE: usize = 299;

/// The network up to the mean of its last block.
#[derive(Clone, Debug)]
pub struct Inception<B: Backend> {
    params: Params<B>,
    stem: [Branch; 2],
    blocks: Vec<(&'static str, Vec<Branch>)>,
}

type Branch = Vec<Step>;

/// Activations inside the network, and its features.
#[derive(Clone, Debug)]
pub struct Activations<B: Backend> {
    /// After the first pooling, (N, 64, 73, 73).
    pub pool1: Tensor<B>,
    /// After the second, (N, 192, 35, 35).
    pub pool2: Tensor<B>,
    /// After the last block of 17×17, (N, 768, 17, 17).
    pub mixed6e: Tensor<B>,
    /// The features, (N, 2048, 1, 1).
    pub pool3: Tensor<B>,
}

#[derive(Clone, Debug)]
enum Step {
    Conv(ConvRelu),
    Fork([ConvRelu; 2]),
    Pool(Pool),
}

impl<B: Backend> Inception<B> {
    /// The network with the weights of a `.pth` or `.safetensors` file, by pytorch-fid's keys, and the file's SHA-256.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] names the tensor that is missing, misshapen or not finite, and says where the weights come
    /// from.
    pub fn load(backend: &B, file: &Path) -> Result<(Self, String)> {
        let checkpoint = checkpoint::load(file).map_err(with_source)?;
        let mut checkpoint = checkpoint.below_prefix(&[(FIRST.to_owned(), Vec::new())]).checkpoint.into_owned();
        checkpoint.check_finite(DAMAGED).map_err(with_source)?;
        let network = Self::new(backend, &mut checkpoint).map_err(with_source)?;
        let bytes = std::fs::read(file).map_err(|source| Error::Io { file: file.into(), action: "read it", source })?;
        Ok((network, Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// The network with an initializer's values.
    pub fn new(backend: &B, init: &mut dyn Initializer) -> Result<Self> {
        let (params, (stem, blocks)) = Params::build(backend, init, |mut b| {
            let mut channels = 3;
            let mut stem = || STEM.map(|layers| branch(b.here(), &mut channels, layers));
            let [first, second] = stem();
            let stem = [first?, second?];
            let mut built = Vec::new();
            for (name, branches) in blocks() {
                let mut joined = 0;
                let mut all = Vec::with_capacity(branches.len());
                for layers in &branches {
                    let mut outputs = channels;
                    all.push(branch(b.at(name), &mut outputs, layers)?);
                    joined += outputs;
                }
                channels = joined;
                built.push((name, all));
            }
            Ok((stem, built))
        })?;
        Ok(Inception { params, stem, blocks })
    }

    /// The activations of images (N, 3, H, W) with values in [0, 1]. They are resized to 299×299, bilinear without
    /// antialiasing, and scaled to [−1, 1].
    pub fn forward(&self, images: &Tensor<B>) -> Result<Activations<B>> {
        let ctx = ForwardContext::evaluation(&self.params);
        let [_, _, h, w] = images.nchw("inception")?;
        let x = resize(images, &Taps::bilinear(h, SIDE)?, &Taps::bilinear(w, SIDE)?)?;
        let x = unary(Unary::Affine { scale: 2.0, shift: -1.0 }, &x)?;
        let pool1 = run(&ctx, &self.stem[0], &x)?;
        let pool2 = run(&ctx, &self.stem[1], &pool1)?;
        let (mut x, mut mixed6e) = (pool2.clone(), pool2.clone());
        for (name, branches) in &self.blocks {
            let outputs = branches.iter().map(|branch| run(&ctx, branch, &x)).collect::<Result<Vec<_>>>()?;
            x = cat(&outputs.iter().collect::<Vec<_>>(), 1)?;
            if *name == "Mixed_6e" {
                mixed6e = x.clone();
            }
        }
        let [_, _, h, w] = x.nchw("inception")?;
        let pool3 = resize(&x, &Taps::mean(h, 1), &Taps::mean(w, 1))?;
        Ok(Activations { pool1, pool2, mixed6e, pool3 })
    }

    /// The [`FEATURES`] features of one image.
    pub fn features(&self, image: &RgbImage) -> Result<Vec<f32>> {
        let unit = |c: usize| image.data.iter().map(move |rgb| f32::from(rgb[c]) / 255.0);
        let pixels: Vec<f32> = (0..3).flat_map(unit).collect();
        let x = Tensor::from_f32(self.params.backend(), [1, 3, image.height, image.width], &pixels)?;
        Ok(self.forward(&x)?.pool3.to_f32()?)
    }
}

/// Builds the layers of a branch on `channels` channels, which it updates to those of the output.
fn branch<B: Backend>(mut b: Builder<'_, B>, channels: &mut usize, layers: &[Layer]) -> Result<Branch> {
    let mut steps = Vec::with_capacity(layers.len());
    for &layer in layers {
        let inputs = *channels;
        steps.push(match layer {
            Layer::Conv(key, outputs, kernel, stride, padding) => {
                *channels = outputs;
                Step::Conv(ConvRelu::new(b.at(key), [inputs, outputs], kernel, stride, padding)?)
            }
            Layer::Fork([wide, tall], outputs) => {
                let mut conv = |key, kernel: [usize; 2]| {
                    ConvRelu::new(b.at(key), [inputs, outputs], kernel, 1, kernel.map(|side| side / 2))
                };
                *channels = 2 * outputs;
                Step::Fork([conv(wide, [1, 3])?, conv(tall, [3, 1])?])
            }
            Layer::Pool(pool) => Step::Pool(pool),
        });
    }
    Ok(steps)
}

fn run<B: Backend>(ctx: &ForwardContext<'_, B>, branch: &Branch, x: &Tensor<B>) -> Result<Tensor<B>> {
    let mut x = x.clone();
    for step in branch {
        x = match step {
            Step::Conv(conv) => conv.forward(ctx, &x)?,
            Step::Fork([wide, tall]) => cat(&[&wide.forward(ctx, &x)?, &tall.forward(ctx, &x)?], 1)?,
            Step::Pool(pool) => pool.forward(&x)?,
        };
    }
    Ok(x)
}

/// Adds to an error where the right file of weights is.
fn with_source(error: Error) -> Error {
    match error {
        Error::Checkpoint { file, problem } => {
            let problem = format!("{problem}; the weights of the published FID code are needed: {WEIGHTS_SOURCE}");
            Error::Checkpoint { file, problem }
        }
        other => other,
    }
}

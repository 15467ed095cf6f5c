//! Inception v3 (Szegedy et al. 2016) as the published code of the Fréchet inception distance has it (pytorch-fid,
//! which follows TensorFlow's network of 2015): means of 3×3 do not count padding, and the last block pools the
//! largest.
//!
//! | file | holds |
//! |---|---|
//! | `layers` | every layer, as a table |
//! | `convolution` | convolution, batch norm and ReLU as one convolution |
//! | `pool` | pooling of 3×3, composed of the ops that there are |

mod convolution;
mod layers;
mod pool;

use std::fs::File;
use std::path::Path;

use asap_tensor::ops::{Taps, Unary, cat, resize, unary};
use asap_tensor::{Backend, Tensor};
use sha2::{Digest, Sha256};

use crate::checkpoint;
use crate::checkpoint::load::DAMAGED;
use crate::data::RgbImage;
use crate::network::Initialiser;
use crate::{Error, Result};
use convolution::{Convolution, Numbers, Size};
use layers::{Layer, STEM, blocks};

/// Numbers of a picture's features.
pub const FEATURES: usize = 2048;

/// Where the weights come from.
pub const WEIGHTS_SOURCE: &str = "pt_inception-2015-12-05-6726825d.pth, from \
                                  https://github.com/mseitzer/pytorch-fid/releases/tag/fid_weights";

/// Height and width that pictures are resized to.
const SIDE: usize = 299;

/// The network up to the mean of its last block.
#[derive(Clone, Debug)]
pub struct Inception<B: Backend> {
    stem: [Vec<Step<B>>; 2],
    blocks: Vec<(&'static str, Vec<Vec<Step<B>>>)>,
}

/// What the network makes of pictures, on the way and in the end.
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
enum Step<B: Backend> {
    Convolution(Convolution<B>),
    Fork([Convolution<B>; 2]),
    Average,
    Largest,
    Halve,
}

impl<B: Backend> Inception<B> {
    /// The network with the weights of a file, `.pth` or `.safetensors`, by pytorch-fid's keys; others are not read.
    /// Also the SHA-256 of the file's bytes.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] names the tensor that is missing, misshapen or not finite, and says where the weights come
    /// from.
    pub fn load(backend: &B, file: &Path) -> Result<(Self, String)> {
        let mut checkpoint = checkpoint::load(file).map_err(with_source)?;
        checkpoint.check_finite(DAMAGED).map_err(with_source)?;
        let network =
            Self::build(backend, &mut |key, shape, _| Ok(checkpoint.take(key, shape).map_err(with_source)?.data))?;
        let unreadable = |source| Error::Io { file: file.into(), action: "read it", source };
        let mut hash = Hash(Sha256::new());
        std::io::copy(&mut File::open(file).map_err(unreadable)?, &mut hash).map_err(unreadable)?;
        Ok((network, hash.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// The network with an initialiser's numbers; the running means start as shifts and the variances as scales.
    ///
    /// # Errors
    /// If the device fails.
    pub fn made_up(backend: &B, init: &mut dyn Initialiser) -> Result<Self> {
        Self::build(backend, &mut |key, shape, kind| Ok(init.fill(key, shape, kind)))
    }

    fn build(backend: &B, numbers: &mut Numbers<'_>) -> Result<Self> {
        let mut channels = 3;
        let mut stem = Vec::new();
        for layers in STEM {
            let steps = branch(backend, numbers, "", channels, layers)?;
            channels = steps.1;
            stem.push(steps.0);
        }
        let mut built = Vec::new();
        for (name, branches) in blocks() {
            let mut joined = 0;
            let mut all = Vec::with_capacity(branches.len());
            for layers in &branches {
                let (steps, outputs) = branch(backend, numbers, &format!("{name}."), channels, layers)?;
                joined += outputs;
                all.push(steps);
            }
            channels = joined;
            built.push((name, all));
        }
        let [first, second] = [stem.remove(0), stem.remove(0)];
        Ok(Inception { stem: [first, second], blocks: built })
    }

    /// What the network makes of pictures (N, 3, H, W) with values in [0, 1]: they are resized to 299×299, bilinear
    /// without smoothing, and brought to [−1, 1].
    ///
    /// # Errors
    /// If there are not three channels, or a kernel fails.
    pub fn forward(&self, pictures: &Tensor<B>) -> Result<Activations<B>> {
        let [_, _, h, w] = pictures.nchw("inception")?;
        let x = resize(pictures, &Taps::bilinear(h, SIDE)?, &Taps::bilinear(w, SIDE)?)?;
        let x = unary(Unary::Affine { scale: 2.0, shift: -1.0 }, &x)?;
        let pool1 = walk(&self.stem[0], &x)?;
        let pool2 = walk(&self.stem[1], &pool1)?;
        let (mut x, mut mixed6e) = (pool2.clone(), pool2.clone());
        for (name, branches) in &self.blocks {
            let outputs = branches.iter().map(|branch| walk(branch, &x)).collect::<Result<Vec<_>>>()?;
            x = cat(&outputs.iter().collect::<Vec<_>>(), 1)?;
            if *name == "Mixed_6e" {
                mixed6e = x.clone();
            }
        }
        let [_, _, h, w] = x.nchw("inception")?;
        let pool3 = resize(&x, &Taps::mean(h, 1), &Taps::mean(w, 1))?;
        Ok(Activations { pool1, pool2, mixed6e, pool3 })
    }

    /// The features of one picture, [`FEATURES`] numbers.
    ///
    /// # Errors
    /// If a kernel fails.
    pub fn features(&self, backend: &B, picture: &RgbImage) -> Result<Vec<f32>> {
        let unit = |c: usize| picture.data.iter().map(move |rgb| f32::from(rgb[c]) / 255.0);
        let pixels: Vec<f32> = (0..3).flat_map(unit).collect();
        let x = Tensor::from_f32(backend, [1, 3, picture.height, picture.width], &pixels)?;
        Ok(self.forward(&x)?.pool3.to_f32()?)
    }
}

/// The steps of a branch whose keys begin with `prefix`, and its channels.
fn branch<B: Backend>(
    backend: &B,
    numbers: &mut Numbers<'_>,
    prefix: &str,
    mut inputs: usize,
    layers: &[Layer],
) -> Result<(Vec<Step<B>>, usize)> {
    let mut steps = Vec::with_capacity(layers.len());
    let mut convolution =
        |key: &str, size: Size| Convolution::new(backend, &mut *numbers, &format!("{prefix}{key}"), size);
    for &layer in layers {
        steps.push(match layer {
            Layer::Convolution(key, outputs, kernel, stride, padding) => {
                let built = convolution(key, Size { inputs, outputs, kernel, stride, padding })?;
                inputs = outputs;
                Step::Convolution(built)
            }
            Layer::Fork([wide, tall], outputs) => {
                let size = |kernel: [usize; 2]| Size {
                    inputs,
                    outputs,
                    kernel,
                    stride: 1,
                    padding: kernel.map(|side| side / 2),
                };
                let both = [convolution(wide, size([1, 3]))?, convolution(tall, size([3, 1]))?];
                inputs = 2 * outputs;
                Step::Fork(both)
            }
            Layer::Average => Step::Average,
            Layer::Largest => Step::Largest,
            Layer::Halve => Step::Halve,
        });
    }
    Ok((steps, inputs))
}

fn walk<B: Backend>(steps: &[Step<B>], x: &Tensor<B>) -> Result<Tensor<B>> {
    let mut x = x.clone();
    for step in steps {
        x = match step {
            Step::Convolution(convolution) => convolution.forward(&x)?,
            Step::Fork([wide, tall]) => cat(&[&wide.forward(&x)?, &tall.forward(&x)?], 1)?,
            Step::Average => pool::average_pool_same(&x)?,
            Step::Largest => pool::max_pool_same(&x)?,
            Step::Halve => pool::max_pool_halving(&x)?,
        };
    }
    Ok(x)
}

/// What is wrong with a file of weights, and where the right one is.
fn with_source(error: Error) -> Error {
    match error {
        Error::Checkpoint { file, problem } => {
            let problem = format!("{problem}; the weights of the published FID code are needed: {WEIGHTS_SOURCE}");
            Error::Checkpoint { file, problem }
        }
        other => other,
    }
}

/// A hash that can be written to.
struct Hash(Sha256);

impl std::io::Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

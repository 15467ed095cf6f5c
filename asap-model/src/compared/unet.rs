//! pix2pix's U-Net (Isola et al. 2017, appendix 6.1.1): halved down to a few pixels and doubled again, each level's
//! image joined to what comes back from below.

use asap_autograd::{Var, vjp};
use asap_tensor::Backend;

use super::layer::{Layer, Norm, Size, Step};
use crate::Result;
use crate::layers::Stack;
use crate::network::{Binding, Initialiser, Parameter};

/// Slope of the leaky ReLU before each convolution on the way down.
const SLOPE: f64 = 0.2;

/// Channels of deep levels by those of the first.
const MOST: usize = 8;

/// Levels, counted from the outermost, that never have dropout: those in which channels still change, and one more
/// (published code).
const WITHOUT_DROPOUT: usize = 4;

/// One level: 4×4 convolutions at stride 2 down and up again.
#[derive(Clone, Debug)]
struct Level<B: Backend> {
    down: Layer<B>,
    up: Layer<B>,
    /// Whether there is dropout behind `up`, in training.
    dropout: bool,
}

/// The U-Net.
#[derive(Clone, Debug)]
pub(super) struct Unet<B: Backend> {
    levels: Vec<Level<B>>,
}

impl<B: Backend> Unet<B> {
    /// A U-Net of `count` levels, whose first has `width` channels and the others twice as many each, up to 8·`width`.
    ///
    /// The published keys nest: the level below is the second module of the outermost level, and the fourth of those
    /// between, behind activation, convolution and norm. Dropout, which comes last in a level, has no number.
    pub fn new(
        backend: &B,
        init: &mut dyn Initialiser,
        [inputs, outputs]: [usize; 2],
        width: usize,
        count: usize,
        dropout: bool,
    ) -> Result<Self> {
        let channels = |level: usize| width * MOST.min(1 << level.min(MOST));
        let mut sequence = "model.model".to_owned();
        let mut levels = Vec::with_capacity(count);
        for level in 0..count {
            let (outermost, innermost) = (level == 0, level + 1 == count);
            let before = if outermost { inputs } else { channels(level - 1) };
            let after = if outermost { outputs } else { channels(level - 1) };
            let size = Size {
                inputs: before,
                outputs: channels(level),
                kernel: 4,
                step: Step::Zeros { stride: 2, padding: 1 },
            };
            let norm = if outermost || innermost { Norm::None { bias: false } } else { Norm::Batch };
            let down = Layer::new(backend, init, (&sequence, usize::from(!outermost)), size, norm, 1.0)?;
            let size = Size {
                inputs: if innermost { channels(level) } else { 2 * channels(level) },
                outputs: after,
                kernel: 4,
                step: Step::Doubling { output_padding: 0 },
            };
            let norm = if outermost { Norm::None { bias: true } } else { Norm::Batch };
            let module = if outermost || innermost { 3 } else { 5 };
            let up = Layer::new(backend, init, (&sequence, module), size, norm, 1.0)?;
            levels.push(Level { down, up, dropout: dropout && level >= WITHOUT_DROPOUT && !innermost });
            sequence += if outermost { ".1.model" } else { ".3.model" };
        }
        Ok(Unet { levels })
    }

    /// (N, C, H, W) → the image before the hyperbolic tangent; H and W are multiples of 2^levels.
    pub fn forward(&self, binding: &Binding<B>, x: &Stack<B>) -> Result<Var<B>> {
        let mut images: Vec<Var<B>> = Vec::with_capacity(self.levels.len());
        for level in &self.levels {
            let stack = match images.last() {
                Some(image) => Stack::dense(vjp::leaky_relu(image, SLOPE)?),
                None => x.clone(),
            };
            images.push(level.down.forward(binding, &stack)?);
        }
        let mut below: Option<Var<B>> = None;
        for (level, image) in self.levels.iter().zip(images).rev() {
            // The published code's activation in place leaks into what is joined; behind ReLU it makes no difference.
            let joined = match below {
                Some(below) => vjp::cat(&[&image, &below], 1)?,
                None => image,
            };
            let mut y = level.up.forward(binding, &Stack::dense(vjp::relu(&joined)?))?;
            if level.dropout {
                y = binding.dropout(level.up.name(), y)?;
            }
            below = Some(y);
        }
        Ok(below.unwrap_or_else(|| unreachable!("a U-Net has levels")))
    }

    pub fn parameters(&self) -> Vec<&Parameter<B>> {
        self.levels.iter().flat_map(|level| [&level.down, &level.up]).flat_map(Layer::parameters).collect()
    }

    pub fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>> {
        self.levels
            .iter_mut()
            .flat_map(|level| [&mut level.down, &mut level.up])
            .flat_map(Layer::parameters_mut)
            .collect()
    }
}

//! pix2pix's U-Net (Isola et al. 2017, appendix 6.1.1): halved down to a few pixels and doubled again, with a skip
//! connection at each level.

use std::sync::Arc;

use asap_autograd::Var;
use asap_tensor::Backend;

use super::super::generator::Build;
use super::conv_block::{Conv, ConvBlock, DROPOUT, Norm};
use crate::Result;
use crate::config::kind::scaled;
use crate::config::{DataConfig, UnetConfig};
use crate::nn::{Builder, Dropout, ForwardContext, Input, Module};

/// Slope of the leaky ReLU before each convolution on the way down.
const SLOPE: f64 = 0.2;

/// Maximum channels of a level, as a multiple of those of the first.
const MAX_GROWTH: usize = 8;

/// Outermost levels that never have dropout: those in which channels still change, and one more (published code).
const WITHOUT_DROPOUT: usize = 4;

/// One level: 4×4 convolutions with stride 2 down and up again.
#[derive(Clone, Debug)]
struct Level {
    down: ConvBlock,
    up: ConvBlock,
    dropout: Option<Dropout>,
}

#[derive(Clone, Debug)]
struct Unet {
    levels: Vec<Level>,
}

impl Build for UnetConfig {
    /// The first level has `width` channels and the others twice as many each, up to 8·`width`.
    ///
    /// The published keys nest: the level below is the second module of the outermost level, and the fourth of those
    /// between, after activation, convolution and norm. Dropout, which comes last in a level, has no number.
    fn build<B: Backend>(&self, mut b: Builder<'_, B>, data: &DataConfig) -> Result<Arc<dyn Module<B>>> {
        let width = scaled(self.channels, self.width_factor);
        let channels = |level: usize| width * MAX_GROWTH.min(1 << level.min(MAX_GROWTH));
        let mut sequence = "model.model".to_owned();
        let mut levels = Vec::with_capacity(self.halvings);
        for level in 0..self.halvings {
            let (outermost, innermost) = (level == 0, level + 1 == self.halvings);
            let [before, after] =
                if outermost { [data.lowres_channels(), data.output_channels()] } else { [channels(level - 1); 2] };
            let mut b = b.at(&sequence);

            let norm = if outermost || innermost { Norm::None { bias: false } } else { Norm::Batch };
            let conv = (Conv::Halve, [before, channels(level)], 4);
            let down = ConvBlock::new(&mut b, usize::from(!outermost), conv, norm, 1.0)?;

            let norm = if outermost { Norm::None { bias: true } } else { Norm::Batch };
            let conv = (Conv::Double, [if innermost { 1 } else { 2 } * channels(level), after], 4);
            let module = if outermost || innermost { 3 } else { 5 };
            let up = ConvBlock::new(&mut b, module, conv, norm, 1.0)?;

            let has_dropout = self.dropout && level >= WITHOUT_DROPOUT && !innermost;
            let dropout = has_dropout.then(|| Dropout::new(&*up.name, DROPOUT));
            levels.push(Level { down, up, dropout });
            sequence += if outermost { ".1.model" } else { ".3.model" };
        }
        Ok(Arc::new(Unet { levels }))
    }
}

impl<B: Backend> Module<B> for Unet {
    fn forward(&self, ctx: &ForwardContext<'_, B>, x: &Input<B>) -> Result<Var<B>> {
        let mut skips: Vec<Var<B>> = Vec::with_capacity(self.levels.len());
        for level in &self.levels {
            let x = match skips.last() {
                Some(y) => y.leaky_relu(SLOPE)?.into(),
                None => x.clone(),
            };
            skips.push(level.down.forward(ctx, x)?);
        }
        let mut below: Option<Var<B>> = None;
        for (level, skip) in self.levels.iter().zip(skips).rev() {
            // The published code's in-place activation leaks into the skip connection; ReLU hides that.
            let joined = match below {
                Some(below) => Var::cat(&[&skip, &below], 1)?,
                None => skip,
            };
            let y = level.up.forward(ctx, joined.relu()?)?;
            below = Some(match &level.dropout {
                Some(dropout) => dropout.forward(ctx, y)?,
                None => y,
            });
        }
        Ok(below.unwrap_or_else(|| unreachable!("a U-Net has levels")).tanh()?)
    }
}

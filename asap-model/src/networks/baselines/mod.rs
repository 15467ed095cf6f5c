//! The generators that the paper compares with, by the keys of their published checkpoints.
//!
//! | file | holds |
//! |---|---|
//! | `unet` | pix2pix's U-Net |
//! | `resnet` | pix2pix's residual network, which is also pix2pixHD's global generator |
//! | `enhancer` | pix2pixHD's local enhancers |
//! | `spade` | SPADE's generator |
//! | `cc_fpse` | CC-FPSE's generator |
//! | `conv_block` | convolution, norm and activation |
//! | `growth`, `adaptive_norm` | what SPADE and CC-FPSE share |
//!
//! Their sizes are in [`config::generators`](crate::config::generators).

mod adaptive_norm;
mod cc_fpse;
mod conv_block;
mod enhancer;
mod growth;
mod resnet;
mod spade;
#[cfg(test)]
mod tests;
mod unet;

use std::sync::Arc;

use asap_autograd::Var;
use asap_tensor::Backend;

use crate::config::GeneratorConfig;
use crate::config::kind::scaled;
use crate::nn::{Builder, ForwardContext, Input, Module};
use crate::{Error, Result};
use cc_fpse::CcFpse;
use conv_block::Norm;
use enhancer::Enhanced;
use resnet::{ResNet, Sizes};
use spade::Spade;
use unet::Unet;

/// A baseline: labels or an image to an image in (−1, 1).
#[derive(Clone, Debug)]
struct Baseline {
    architecture: Architecture,
    /// What height and width must be multiples of.
    multiple: usize,
}

#[derive(Clone, Debug)]
enum Architecture {
    Unet(Unet),
    ResNet(ResNet),
    Enhanced(Enhanced),
    Spade(Spade),
    CcFpse(CcFpse),
}

/// The baseline of these sizes, from `inputs` channels, labels or image, then edges, to `outputs`.
pub(super) fn build<B: Backend>(
    b: Builder<'_, B>,
    config: &GeneratorConfig,
    [inputs, outputs]: [usize; 2],
) -> Result<Arc<dyn Module<B>>> {
    let image = Some(outputs);
    let architecture = match config {
        GeneratorConfig::Asap(_) => {
            return Err(Error::Config { origin: "asap".into(), problem: "it is not a baseline".into() });
        }
        GeneratorConfig::Pix2PixUnet(unet) => {
            let (width, levels) = (scaled(unet.channels, unet.width_factor), unet.halvings);
            Architecture::Unet(Unet::new(b, [inputs, outputs], width, levels, unet.dropout)?)
        }
        GeneratorConfig::Pix2PixResNet(resnet) => {
            let (width, blocks, dropout) =
                (scaled(resnet.channels, resnet.width_factor), resnet.blocks, resnet.dropout);
            let sizes = Sizes { inputs, width, halvings: 2, blocks, image, norm: Norm::Batch, dropout };
            Architecture::ResNet(ResNet::new(b, &sizes)?)
        }
        GeneratorConfig::Pix2PixHd(hd) => {
            let (width, halvings, blocks) = (scaled(hd.channels, hd.width_factor), hd.halvings, hd.blocks);
            let sizes = Sizes { inputs, width, halvings, blocks, image, norm: Norm::Instance, dropout: false };
            Architecture::ResNet(ResNet::new(b, &sizes)?)
        }
        GeneratorConfig::Pix2PixHdLocal(hd) => {
            let (global, local) = ([hd.halvings, hd.blocks], [hd.enhancers, hd.local_blocks]);
            Architecture::Enhanced(Enhanced::new(
                b,
                [inputs, outputs],
                scaled(hd.channels, hd.width_factor),
                global,
                local,
            )?)
        }
        GeneratorConfig::Spade(spade) => Architecture::Spade(Spade::new(
            b,
            [inputs, outputs],
            [spade.channels, spade.hidden].map(|width| scaled(width, spade.width_factor)),
            spade.doublings,
        )?),
        GeneratorConfig::CcFpse(cc_fpse) => Architecture::CcFpse(CcFpse::new(
            b,
            [inputs, outputs],
            [cc_fpse.channels, cc_fpse.hidden].map(|width| scaled(width, cc_fpse.width_factor)),
            cc_fpse.doublings,
        )?),
    };
    Ok(Arc::new(Baseline { architecture, multiple: config.multiple() }))
}

impl<B: Backend> Module<B> for Baseline {
    fn forward(&self, ctx: &ForwardContext<'_, B>, x: &Input<B>) -> Result<Var<B>> {
        let [_, height, width] = x.sizes();
        if !height.is_multiple_of(self.multiple) || !width.is_multiple_of(self.multiple) {
            let problem = format!("height and width must be multiples of {}, not {height} and {width}", self.multiple);
            return Err(Error::Config { origin: "baseline".into(), problem });
        }
        let y = match &self.architecture {
            Architecture::Unet(unet) => unet.forward(ctx, x)?,
            Architecture::ResNet(resnet) => resnet.forward(ctx, x)?,
            Architecture::Enhanced(enhanced) => enhanced.forward(ctx, x)?,
            Architecture::Spade(spade) => spade.forward(ctx, x)?,
            Architecture::CcFpse(cc_fpse) => cc_fpse.forward(ctx, x)?,
        };
        Ok(y.tanh()?)
    }
}

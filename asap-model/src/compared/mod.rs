//! The generators that the paper compares with, by the published checkpoints' keys.
//!
//! | file | holds |
//! |---|---|
//! | `layer` | convolution, norm and activation |
//! | `unet` | pix2pix's U-Net |
//! | `resnet` | pix2pix's residual network, which is also pix2pixHD's global generator |
//! | `enhancer` | pix2pixHD's local enhancers |
//! | `growth`, `spectral`, `adaptive` | what SPADE's and CC-FPSE's generators share: how pictures grow, convolutions by spectrally normalised weights, norms by conditions |
//! | `spade` | SPADE's generator |
//! | `cc_fpse` | CC-FPSE's generator |
//!
//! Their sizes are in [`config::generators`](crate::config::generators).

mod adaptive;
mod cc_fpse;
mod enhancer;
mod growth;
mod layer;
mod resnet;
mod spade;
mod spectral;
#[cfg(test)]
mod tests;
mod unet;

use asap_autograd::{Var, vjp};
use asap_tensor::Backend;

use crate::condition::Condition;
use crate::config::GeneratorConfig;
use crate::network::{Binding, Initialiser, Network, Parameter};
use crate::{Error, Result};
use cc_fpse::CcFpse;
use enhancer::Enhanced;
use layer::Norm;
use resnet::{ResNet, Sizes};
use spade::Spade;
use unet::Unet;

/// A compared generator: labels or an image in, an image in (−1, 1) out.
#[derive(Clone, Debug)]
pub struct Compared<B: Backend> {
    architecture: Architecture<B>,
    /// What sides must be multiples of.
    multiple: usize,
}

#[derive(Clone, Debug)]
enum Architecture<B: Backend> {
    Unet(Unet<B>),
    ResNet(ResNet<B>),
    Enhanced(Enhanced<B>),
    Spade(Box<Spade<B>>),
    CcFpse(Box<CcFpse<B>>),
}

impl<B: Backend> Compared<B> {
    /// A generator of these sizes from `inputs` channels, labels or image, then edges, to `outputs`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn new(
        backend: &B,
        config: &GeneratorConfig,
        [inputs, outputs]: [usize; 2],
        init: &mut dyn Initialiser,
    ) -> Result<Self> {
        let image = Some(outputs);
        let architecture = match config {
            GeneratorConfig::Asap(_) => {
                return Err(Error::Config { origin: "asap".into(), problem: "it is not a baseline".into() });
            }
            GeneratorConfig::Pix2PixUnet(unet) => {
                let width = unet.scaled_width();
                Architecture::Unet(Unet::new(backend, init, [inputs, outputs], width, unet.halvings, unet.dropout)?)
            }
            GeneratorConfig::Pix2PixResNet(resnet) => {
                let (width, blocks, dropout) = (resnet.scaled_width(), resnet.blocks, resnet.dropout);
                let sizes = Sizes { inputs, width, halvings: 2, blocks, image, norm: Norm::Batch, dropout };
                Architecture::ResNet(ResNet::new(backend, init, &sizes)?)
            }
            GeneratorConfig::Pix2PixHd(hd) => {
                let (width, halvings, blocks) = (hd.scaled_width(), hd.halvings, hd.blocks);
                let sizes = Sizes { inputs, width, halvings, blocks, image, norm: Norm::Instance, dropout: false };
                Architecture::ResNet(ResNet::new(backend, init, &sizes)?)
            }
            GeneratorConfig::Pix2PixHdLocal(hd) => {
                let (global, local) = ([hd.halvings, hd.blocks], [hd.enhancers, hd.local_blocks]);
                let width = hd.scaled_width();
                Architecture::Enhanced(Enhanced::new(backend, init, [inputs, outputs], width, global, local)?)
            }
            GeneratorConfig::Spade(spade) => {
                let widths = spade.scaled_widths();
                Architecture::Spade(Box::new(Spade::new(backend, init, [inputs, outputs], widths, spade.doublings)?))
            }
            GeneratorConfig::CcFpse(cc_fpse) => {
                let (widths, doublings) = (cc_fpse.scaled_widths(), cc_fpse.doublings);
                Architecture::CcFpse(Box::new(CcFpse::new(backend, init, [inputs, outputs], widths, doublings)?))
            }
        };
        Ok(Compared { architecture, multiple: config.multiple() })
    }

    /// (N, C, H, W) labels or image → (N, outputs, H, W).
    ///
    /// # Errors
    /// [`Error::Config`] if H or W is not a multiple of [`GeneratorConfig::multiple`]; otherwise if the channels do not
    /// fit, the picture is too small to be mirrored, or a kernel fails.
    pub fn forward(&self, binding: &Binding<B>, condition: &Condition<B>) -> Result<Var<B>> {
        let stack = condition.stack()?;
        let [_, height, width] = stack.sizes();
        if !height.is_multiple_of(self.multiple) || !width.is_multiple_of(self.multiple) {
            let problem = format!("height and width must be multiples of {}, not {height} and {width}", self.multiple);
            return Err(Error::Config { origin: "compared generator".into(), problem });
        }
        let y = match &self.architecture {
            Architecture::Unet(unet) => unet.forward(binding, &stack)?,
            Architecture::ResNet(resnet) => resnet.forward(binding, &stack)?,
            Architecture::Enhanced(enhanced) => enhanced.forward(binding, &stack)?,
            Architecture::Spade(spade) => spade.forward(binding, &stack)?,
            Architecture::CcFpse(cc_fpse) => cc_fpse.forward(binding, &stack)?,
        };
        Ok(vjp::tanh(&y)?)
    }
}

impl<B: Backend> Network<B> for Compared<B> {
    fn parameters(&self) -> Vec<&Parameter<B>> {
        match &self.architecture {
            Architecture::Unet(unet) => unet.parameters(),
            Architecture::ResNet(resnet) => resnet.parameters(),
            Architecture::Enhanced(enhanced) => enhanced.parameters(),
            Architecture::Spade(spade) => spade.parameters(),
            Architecture::CcFpse(cc_fpse) => cc_fpse.parameters(),
        }
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>> {
        match &mut self.architecture {
            Architecture::Unet(unet) => unet.parameters_mut(),
            Architecture::ResNet(resnet) => resnet.parameters_mut(),
            Architecture::Enhanced(enhanced) => enhanced.parameters_mut(),
            Architecture::Spade(spade) => spade.parameters_mut(),
            Architecture::CcFpse(cc_fpse) => cc_fpse.parameters_mut(),
        }
    }
}

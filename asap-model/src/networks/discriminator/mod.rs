//! The discriminator that is configured.

pub mod oasis;
pub mod patch;

use asap_autograd::Var;
use asap_tensor::Backend;

use crate::Result;
use crate::config::{DataConfig, DiscriminatorConfig};
use crate::nn::{ForwardContext, Initializer, Input, Params};

use oasis::SegmentationUnet;
use patch::PatchGans;

/// The features of one network, first to last. The last are its scores: of PatchGANs one per patch, (N, 1, h, w), high for
/// real ones; of a segmentation U-Net the logits of each pixel's class.
pub type Features<B> = Vec<Var<B>>;

/// Tells generated from real images.
#[derive(Clone, Debug)]
pub struct Discriminator<B: Backend> {
    /// Weights, and the spectral vectors of normalized ones.
    pub params: Params<B>,
    network: Network,
}

#[derive(Clone, Debug)]
enum Network {
    Patch(PatchGans),
    Oasis(SegmentationUnet),
}

impl<B: Backend> Discriminator<B> {
    /// The discriminator of the configured kind and sizes.
    pub fn new(
        backend: &B,
        config: &DiscriminatorConfig,
        data: &DataConfig,
        init: &mut dyn Initializer,
    ) -> Result<Self> {
        let (params, network) = Params::build(backend, init, |b| {
            Ok(match config {
                DiscriminatorConfig::Patch(config) => {
                    Network::Patch(PatchGans::new(b, config, data.discriminator_channels())?)
                }
                DiscriminatorConfig::Oasis(config) => Network::Oasis(SegmentationUnet::new(b, config, data)?),
            })
        })?;
        Ok(Discriminator { params, network })
    }

    /// The features of every network, one at each scale, of `image`, (N, C, H, W). PatchGANs also see the input that it
    /// belongs to. No layer mixes the images of a batch, so fake and real images give the same features in separate batches
    /// as in one.
    pub fn features(&self, ctx: &ForwardContext<'_, B>, input: &Input<B>, image: &Var<B>) -> Result<Vec<Features<B>>> {
        self.features_of_pair(ctx, image, |image| input.with(image))
    }

    /// As [`features`](Self::features), where `pair` puts the image and its input together for PatchGANs.
    pub fn features_of_pair(
        &self,
        ctx: &ForwardContext<'_, B>,
        image: &Var<B>,
        pair: impl FnOnce(&Var<B>) -> Result<Input<B>>,
    ) -> Result<Vec<Features<B>>> {
        match &self.network {
            Network::Patch(patch) => patch.features(ctx, &pair(image)?),
            Network::Oasis(unet) => Ok(vec![unet.features(ctx, image)?]),
        }
    }

    /// The number of label classes that it classifies pixels into, beside that of generated ones; `None`: it scores patches.
    pub fn classes(&self) -> Option<usize> {
        match &self.network {
            Network::Patch(_) => None,
            Network::Oasis(unet) => Some(unet.classes),
        }
    }
}

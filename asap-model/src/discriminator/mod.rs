//! The discriminators: PatchGANs on the image and on ever smaller versions of it (supplementary 1.3; pix2pixHD).

mod patch;

pub use patch::Patch;

use asap_autograd::Var;
use asap_tensor::Backend;
use asap_tensor::ops::Taps;

use crate::Result;
use crate::config::DiscriminatorConfig;
use crate::layers::Stack;
use crate::network::{Binding, Initialiser, Network, Parameter};

/// Every layer's output of one scale, first to last; the last is the verdicts, (N, 1, h, w).
pub type Features<B> = Vec<Var<B>>;

/// PatchGANs at several scales.
#[derive(Clone, Debug)]
pub struct Discriminator<B: Backend> {
    scales: Vec<Patch<B>>,
}

/// The weights of one forward pass, spectrally normalised once for all inputs that it judges.
pub struct Judge<'a, B: Backend> {
    scales: Vec<patch::BoundPatch<'a, B>>,
}

impl<B: Backend> Discriminator<B> {
    /// Discriminators that see `inputs` channels: labels, edges and image together.
    ///
    /// # Errors
    /// If the device fails.
    pub fn new(backend: &B, config: &DiscriminatorConfig, inputs: usize, init: &mut dyn Initialiser) -> Result<Self> {
        let patch = |scale| Patch::new(backend, config, inputs, init, &format!("discriminator_{scale}"));
        Ok(Discriminator { scales: (0..config.scales).map(patch).collect::<Result<_>>()? })
    }

    /// The weights of this pass. Makes one power iteration: updates the spectral vectors.
    ///
    /// # Errors
    /// If a kernel fails.
    pub fn judge<'a>(&'a mut self, binding: &'a Binding<B>) -> Result<Judge<'a, B>> {
        let scales = self.scales.iter_mut().map(|patch| patch.bind(binding)).collect::<Result<_>>()?;
        Ok(Judge { scales })
    }
}

impl<B: Backend> Judge<'_, B> {
    /// The features of every scale. Between scales the input is averaged over 3×3 at stride 2. Instances of a batch do
    /// not meet in any layer, so judging fake and real one after the other is judging them in one batch.
    ///
    /// # Errors
    /// If the channels differ, or the image is too small for the layers.
    pub fn features(&self, x: &Stack<B>) -> Result<Vec<Features<B>>> {
        let mut x = x.clone();
        let mut features = Vec::with_capacity(self.scales.len());
        for (scale, patch) in self.scales.iter().enumerate() {
            if scale > 0 {
                let [_, h, w] = x.sizes();
                x = x.resize(&Taps::average_pool(h), &Taps::average_pool(w))?;
            }
            features.push(patch.features(&x)?);
        }
        Ok(features)
    }
}

impl<B: Backend> Network<B> for Discriminator<B> {
    fn parameters(&self) -> Vec<&Parameter<B>> {
        self.scales.iter().flat_map(Patch::parameters).collect()
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>> {
        self.scales.iter_mut().flat_map(Patch::parameters_mut).collect()
    }
}

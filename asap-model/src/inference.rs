//! Inference: images of any size from a trained generator.

use asap_tensor::{Backend, Plan};

use crate::checkpoint::{Adapted, Checkpoint, Mismatch};
use crate::config::Config;
use crate::data::{HostInput, Image};
use crate::networks::Generator;
use crate::networks::identify::{Known, identify};
use crate::nn::{Blank, ForwardContext, Params, Random};
use crate::{Error, Result};

/// Why a generator's weights would not be finite.
pub(crate) const DIVERGED: &str = "the training that wrote it had diverged; use an earlier checkpoint of the run";

/// What to check if sizes differ.
const SIZES: &str = "sizes follow from [generator], data.classes, data.instances, data.input and data.output: give the \
                     configuration that the network was trained with";

/// What to check if layers differ.
const LAYERS: &str = "its layers differ: their kind and number follow from [generator]; give the configuration that the \
                      network was trained with";

/// One of the images that a generator with noise makes of an input: seed, number and the input's name decide its noise.
/// Without noise all are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Seed of the noise.
    pub seed: u64,
    /// Its number, from 1.
    pub number: usize,
}

impl Variant {
    /// The only image of an input, or the first of several.
    pub fn first(seed: u64) -> Self {
        Variant { seed, number: 1 }
    }

    /// The forward pass, in evaluation mode, of an input of that name.
    pub fn pass<'a, B: Backend>(&self, params: &'a Params<B>, name: &str) -> ForwardContext<'a, B> {
        ForwardContext::evaluation(params)
            .with_random(Random::new(self.seed, format!("variant.{}.{name}", self.number)))
    }
}

/// A generator with the configuration that it was trained with.
pub struct Translator<B: Backend> {
    backend: B,
    config: Config,
    generator: Generator<B>,
    warnings: Vec<String>,
}

impl<B: Backend> Translator<B> {
    /// The generator of a checkpoint, as configured. Prefixes of its keys and older forms of its tensors are
    /// [adapted](Checkpoint::adapt).
    ///
    /// # Errors
    /// If the padding is not the checkpoint's, the tensors are not the network's, or a weight is not finite.
    pub fn new(backend: &B, checkpoint: &Checkpoint, config: Config) -> Result<Self> {
        let adapted = generator_weights(checkpoint, &config)?;
        let mut generator = Generator::new(backend, &config.generator, &config.data, &mut Blank)?;
        generator.params.load(&adapted.checkpoint)?;
        Ok(Translator { backend: backend.clone(), config, generator, warnings: adapted.warnings() })
    }

    /// What was done to the checkpoint's tensors so that they fit.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The configuration of the network.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The number of trained parameters.
    pub fn parameters(&self) -> usize {
        self.generator.params.trained_count()
    }

    /// Whether an input has several images: [`Variant`]s.
    pub fn has_noise(&self) -> bool {
        self.config.generator.has_noise()
    }

    /// An image of an input, in the values of the dataset's targets, of the same size: the input is padded at its right and
    /// lower edge to [`GeneratorConfig::padded_side`](crate::config::GeneratorConfig::padded_side), and the output cropped.
    ///
    /// # Errors
    /// If the network needs an instance map and there is none, or its size is not the input's.
    pub fn translate(&self, input: &HostInput, variant: Variant) -> Result<Image> {
        let Config { data, generator, .. } = &self.config;
        let size = input.size();
        let padded = input.pad_to(size.map(|side| generator.padded_side(side)));
        let stacked = HostInput::stack(&[&padded], &self.backend, data)?;
        let ctx = variant.pass(&self.generator.params, &input.name);
        let values = self.generator.forward(&ctx, &stacked)?.value().to_f32()?;
        Image::from_output(&values, padded.size(), size, data)
    }
}

/// The tensors of the configured generator in a checkpoint, under the generator's keys. They are compared without values,
/// so that the configuration of another network takes no memory.
///
/// # Errors
/// As [`Translator::new`].
pub fn generator_weights<'a>(checkpoint: &'a Checkpoint, config: &Config) -> Result<Adapted<'a>> {
    config.validate()?;
    let planned = Generator::new(&Plan::new(1), &config.generator, &config.data, &mut Blank)?.params;
    let adapted = checkpoint.adapt(&planned.expected());
    let tensors = &adapted.checkpoint;
    tensors.check_padding(&config.generator)?;
    tensors.check_finite(DIVERGED)?;
    let Some(mismatch) = tensors.mismatch(&planned.required(tensors)) else { return Ok(adapted) };
    let cause = cause(tensors, &mismatch, config)?;
    let problem = format!("its tensors are not those of the configured network: {cause}\n{mismatch}");
    Err(Error::Checkpoint { file: checkpoint.file.clone(), problem })
}

/// The likely cause of a mismatch, and what to do.
pub(crate) fn cause(checkpoint: &Checkpoint, mismatch: &Mismatch, config: &Config) -> Result<String> {
    Ok(match identify(checkpoint)? {
        Some(Known::Generator(kind)) if kind != config.generator.kind() && !mismatch.missing.is_empty() => format!(
            "they are those of the generator {kind}, but generator.kind is {}; to load it: --set generator.kind={kind}",
            config.generator.kind()
        ),
        Some(Known::Discriminator) => {
            "they are those of discriminators; the generator is needed, as in latest_net_G.pth".into()
        }
        Some(Known::Vgg19) => "they are those of VGG19, for loss.vgg_weights; a generator is needed".into(),
        _ if !mismatch.misshapen.is_empty() => SIZES.into(),
        _ if mismatch.unexpected.is_empty() => "it is incomplete, or of a smaller network".into(),
        _ => LAYERS.into(),
    })
}

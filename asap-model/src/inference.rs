//! Inference: images of any size from a trained generator.

use asap_tensor::{Backend, Plan};

use crate::checkpoint::Checkpoint;
use crate::config::Config;
use crate::data::{HostInput, Picture};
use crate::networks::Generator;
use crate::nn::{Blank, ForwardContext};
use crate::{Error, Result};

/// Why a generator's weights would not be finite.
const DIVERGED: &str = "the training that wrote it had diverged; use an earlier checkpoint of the run";

/// What to check if the configuration is of another network.
const SIZES: &str = "sizes follow from [generator], data.classes, data.instances, data.input and data.output: give the \
                     configuration that the network was trained with";

/// A generator with the configuration that it was trained with.
pub struct Translator<B: Backend> {
    backend: B,
    config: Config,
    generator: Generator<B>,
}

impl<B: Backend> Translator<B> {
    /// The generator of a checkpoint, as configured.
    ///
    /// # Errors
    /// If the padding is not the checkpoint's, the tensors are not the network's, or a weight is not finite.
    pub fn new(backend: &B, checkpoint: &Checkpoint, config: Config) -> Result<Self> {
        config.validate()?;
        checkpoint.check_padding(&config.generator)?;
        checkpoint.check_finite(DIVERGED)?;
        // Compared without values first, so that the configuration of another network takes no memory.
        let planned = Generator::new(&Plan::new(1), &config.generator, &config.data, &mut Blank)?;
        planned.params.check(checkpoint).map_err(|error| match error {
            Error::Checkpoint { file, problem } => Error::Checkpoint { file, problem: format!("{problem}\n{SIZES}") },
            other => other,
        })?;
        let mut generator = Generator::new(backend, &config.generator, &config.data, &mut Blank)?;
        generator.params.load(checkpoint)?;
        Ok(Translator { backend: backend.clone(), config, generator })
    }

    /// The configuration of the network.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The number of trained parameters.
    pub fn parameters(&self) -> usize {
        self.generator.params.trained_count()
    }

    /// The image of an input, or its depth map in the dataset's scale, of the same size: the input is padded at its right and
    /// lower edge to [`GeneratorConfig::padded_side`](crate::config::GeneratorConfig::padded_side), and the output cropped.
    /// With `resize` the input is resized to the configured size first.
    ///
    /// # Errors
    /// If the network needs an instance map and there is none, or its size is not the input's.
    pub fn translate(&self, input: &HostInput, resize: bool) -> Result<Picture> {
        let Config { data, generator, .. } = &self.config;
        let resized = resize.then(|| input.resize(data.size));
        let input = resized.as_ref().unwrap_or(input);
        let size = input.size();
        let padded = input.pad_to(size.map(|side| generator.padded_side(side)));
        let stacked = HostInput::stack(&[&padded], &self.backend, data)?;
        let ctx = ForwardContext::evaluation(&self.generator.params);
        let values = self.generator.forward(&ctx, &stacked)?.value().to_f32()?;
        Picture::from_output(&values, padded.size(), size, data.depth())
    }
}

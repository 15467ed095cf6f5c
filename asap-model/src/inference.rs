//! Inference: images of any size from a trained generator.

use asap_tensor::{Backend, Plan};

use crate::checkpoint::Checkpoint;
use crate::config::Config;
use crate::data::{
    Batch, InputData, InstanceMap, Picture, RawInput, Sample, instance_edges, resize_labels, resize_picture,
    to_depth_map, to_rgb8,
};
use crate::networks::Generator;
use crate::nn::{Blank, ForwardContext};
use crate::{Error, Result};

/// Why a generator's numbers would not be finite.
const DIVERGED: &str = "the training that wrote it had diverged; use an earlier checkpoint of the run";

/// What a person whose configuration is another network's can look at.
const SIZES: &str = "sizes follow from [generator], data.classes, data.instances, data.input and data.output: give the \
                     configuration that the network was trained by";

/// A generator with the configuration that it was trained by.
pub struct Translator<B: Backend> {
    backend: B,
    config: Config,
    generator: Generator<B>,
}

impl<B: Backend> Translator<B> {
    /// The generator of a checkpoint, as configured.
    ///
    /// # Errors
    /// If the padding is not the checkpoint's, the tensors are not the network's, or one of their numbers is not finite.
    pub fn new(backend: &B, checkpoint: &Checkpoint, config: Config) -> Result<Self> {
        config.validate()?;
        checkpoint.check_padding(&config.generator)?;
        checkpoint.check_finite(DIVERGED)?;
        // Compared without numbers first, so that the configuration of another network takes no memory.
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

    /// How many numbers of the network were trained.
    pub fn parameters(&self) -> usize {
        self.generator.params.trained_count()
    }

    /// The picture of an input, or its depth map in the data set's scale, of the same size: the input is repeated at its
    /// right and lower edge to [`GeneratorConfig::padded_side`](crate::config::GeneratorConfig::padded_side), and the
    /// picture cropped. With `resize` the input is resized to the configured size first.
    ///
    /// # Errors
    /// If the network needs an instance map and there is none, or its size is not the input's.
    pub fn translate(&self, input: &RawInput, instances: Option<&InstanceMap>, resize: bool) -> Result<Picture> {
        let data = &self.config.data;
        let (mut input, mut instances) = (input.clone(), instances.filter(|_| data.instances).cloned());
        if data.instances && instances.is_none() {
            let problem = "this network sees instance edges (data.instances): give an instance map for each input";
            return Err(Error::Config { origin: "input".into(), problem: problem.into() });
        }
        if resize {
            let [height, width] = data.size;
            input = match input {
                RawInput::Labels(map) => RawInput::Labels(resize_labels(&map, height, width)),
                RawInput::Rgb(picture) => RawInput::Rgb(resize_picture(&picture, height, width)),
            };
            instances = instances.map(|map| resize_labels(&map, height, width));
        }
        let size = input.size();
        if let Some(map) = instances.as_ref().filter(|map| [map.height, map.width] != size) {
            let problem = format!(
                "the instance map is {}×{} pixels, but the input {}×{}; they must be equal",
                map.width, map.height, size[1], size[0]
            );
            return Err(Error::Config { origin: "input".into(), problem });
        }
        let padded = size.map(|side| self.config.generator.padded_side(side));
        let input = match input {
            RawInput::Labels(map) => InputData::Labels(map.pad_to(padded).data),
            RawInput::Rgb(picture) => InputData::Rgb(picture.pad_to(padded).to_signed_unit()),
        };
        let edges = instances.map(|map| instance_edges(&map.pad_to(padded)));
        let [height, width] = padded;
        let sample = Sample { name: String::new(), height, width, input, edges, image: Vec::new(), mask: None };
        let [rows, columns] = size;
        Ok(self.draw(sample)?.crop(0, 0, rows, columns))
    }

    /// The picture of a prepared sample, of its size: what validation draws. The sample's own picture is not looked at.
    ///
    /// # Errors
    /// If the size is none that the generator draws, or edges are missing.
    pub fn draw(&self, sample: Sample) -> Result<Picture> {
        let data = &self.config.data;
        let [height, width] = [sample.height, sample.width];
        let batch = Batch::stack(0, 0, vec![sample])?;
        let ctx = ForwardContext::evaluation(&self.generator.params);
        let image = self.generator.forward(&ctx, &batch.input(&self.backend, data)?)?.value().to_f32()?;
        Ok(match data.depth() {
            None => Picture::Rgb(to_rgb8(&image, height, width, [height, width])?),
            Some(scale) => Picture::Gray16(to_depth_map(&image, height, width, [height, width], &scale)?),
        })
    }
}

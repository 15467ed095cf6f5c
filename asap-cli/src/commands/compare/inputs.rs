//! The inputs of a comparison, and the images that generators make of them.

use std::path::Path;
use std::time::Instant;

use asap_model::config::{Config, DataConfig, DepthScale, Input};
use asap_model::data::{Channels, Example, Picture, RgbImage};
use asap_model::{Error, Translator};
use asap_tensor::Backend;

use crate::args::Compare;
use crate::commands::eval::validation;
use crate::commands::usage;
use crate::commands::workload::median;
use crate::report::palette::color_labels;

/// The inputs of all generators, at one size.
pub struct Inputs {
    data: DataConfig,
    pub size: [usize; 2],
    pub examples: Vec<Example>,
    /// The dataset.
    pub source: String,
}

impl Inputs {
    /// `--count` validation pairs, evenly spaced over the dataset, resized.
    pub fn read(args: &Compare, config: &Config) -> asap_model::Result<Self> {
        let (source, name) = validation(args.data.as_deref(), config)?;
        let size = args.size.map_or(config.data.size, |size| [size.height, size.width]);
        let count = usize::from(args.count).min(source.len());
        if count == 0 {
            return Err(Error::Data { file: name.into(), problem: "there are no validation pairs".into() });
        }
        let examples = (0..count).map(|number| Ok(source.get(number * source.len() / count)?.resize(size)));
        Ok(Inputs {
            data: config.data.clone(),
            size,
            examples: examples.collect::<asap_model::Result<_>>()?,
            source: name,
        })
    }

    /// Checks that a generator has the same kind of input and output as the first.
    pub fn check(&self, config: &Config, checkpoint: &Path) -> asap_model::Result<()> {
        // RGB inputs have no classes.
        let classes = |data: &DataConfig| (data.input == Input::Labels).then_some(data.classes);
        let kinds = |data: &DataConfig| (data.input, data.output, data.depth(), classes(data), data.instances);
        if kinds(&config.data) == kinds(&self.data) {
            return Ok(());
        }
        let depths = |data: &DataConfig| {
            let invalid = data.depth_invalid.map(f64::from);
            let keys = [("scale", data.depth_scale), ("max", data.depth_max), ("invalid", invalid)];
            let set = keys.into_iter().filter_map(|(key, value)| Some(format!(", data.depth_{key} {}", value?)));
            set.collect::<String>()
        };
        let describe = |data: &DataConfig| {
            let classes = classes(data).map_or_else(String::new, |classes| format!(", data.classes {classes}"));
            format!(
                "data.input {:?}, data.output {:?}{classes}, data.instances {}{}",
                data.input,
                data.output,
                data.instances,
                depths(data)
            )
        };
        let problem = format!(
            "its inputs or outputs differ from the first generator's ({}; the first: {}): compare generators of one dataset",
            describe(&config.data),
            describe(&self.data)
        );
        Err(usage(&checkpoint.display().to_string(), problem))
    }

    /// All outputs, and the median time per image in seconds, after a warm-up.
    pub fn generate<B: Backend>(&self, translator: &Translator<B>) -> asap_model::Result<(Vec<RgbImage>, f64)> {
        let generate = |example: &Example| translator.translate(&example.input, false);
        if let Some(first) = self.examples.first() {
            generate(first)?;
        }
        let count = self.examples.len();
        let (mut images, mut seconds) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for example in &self.examples {
            let start = Instant::now();
            let picture = generate(example)?;
            seconds.push(start.elapsed().as_secs_f64());
            images.push(self.in_color(&picture, false));
        }
        Ok((images, median(seconds)))
    }

    /// The inputs; labels in colors.
    pub fn shown(&self) -> Vec<RgbImage> {
        let image = |example: &Example| match &example.input.channels {
            Channels::Rgb(image) => image.clone(),
            Channels::Labels(map) => color_labels(&map.data, map.size(), self.data.classes),
        };
        self.examples.iter().map(image).collect()
    }

    pub fn real(&self) -> Vec<RgbImage> {
        self.examples.iter().map(|example| self.in_color(&example.target, true)).collect()
    }

    /// An image to look at: depth in colors; of real depth maps, black where nothing was measured.
    fn in_color(&self, picture: &Picture, real: bool) -> RgbImage {
        picture.in_color(self.data.depth().map(|scale| DepthScale { invalid: scale.invalid.filter(|_| real), ..scale }))
    }
}

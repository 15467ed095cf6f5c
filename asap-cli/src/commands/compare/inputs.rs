//! The inputs of a comparison, and the images that generators make of them.

use std::path::Path;
use std::time::Instant;

use asap_model::config::{Config, DataConfig, DepthScale, InputKind, OutputKind};
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
        let describe = |data: &DataConfig| {
            let invalid = data.depth_invalid.map(f64::from);
            let depth = [("scale", data.depth_scale), ("max", data.depth_max), ("invalid", invalid)];
            let depth = depth.into_iter().filter(|_| data.output == OutputKind::Depth);
            let depth = depth.filter_map(|(key, value)| Some(format!(", data.depth_{key} {}", value?)));
            // RGB inputs have no classes.
            let classes = (data.input == InputKind::Labels).then(|| format!(", data.classes {}", data.classes));
            let (input, output, instances) = (data.input, data.output, data.instances);
            let more: String = classes.into_iter().chain(depth).collect();
            format!("data.input {input:?}, data.output {output:?}, data.instances {instances}{more}")
        };
        let (own, first) = (describe(&config.data), describe(&self.data));
        if own == first {
            return Ok(());
        }
        let problem = format!(
            "its inputs or outputs differ from the first generator's ({own}; the first: {first}): compare generators of \
             one dataset"
        );
        Err(usage(&checkpoint.display().to_string(), problem))
    }

    /// All outputs, and the median time per image in seconds, after a warm-up.
    pub fn generate<B: Backend>(&self, translator: &Translator<B>) -> asap_model::Result<(Vec<RgbImage>, f64)> {
        let generate = |example: &Example| translator.translate(&example.input, false);
        if let Some(first) = self.examples.first() {
            generate(first)?;
        }
        let timed = |example: &Example| {
            let start = Instant::now();
            let output = generate(example)?;
            let seconds = start.elapsed().as_secs_f64();
            Ok((self.in_color(&output, false), seconds))
        };
        let (images, seconds) = self.examples.iter().map(timed).collect::<asap_model::Result<_>>()?;
        Ok((images, median(seconds)))
    }

    /// The inputs; labels in colors.
    pub fn shown(&self) -> Vec<RgbImage> {
        let image = |example: &Example| match &example.input.channels {
            Channels::Rgb(image) => image.clone(),
            Channels::Labels(map) => color_labels(&map.data, map.size(), self.data.label_channels()),
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

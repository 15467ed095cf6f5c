//! The inputs of a comparison, and the images that generators make of them.

use std::time::Instant;

use asap_model::config::{Config, DataConfig, Resize};
use asap_model::data::{Channels, Example, Image, RgbImage, Sizing};
use asap_model::evaluation::measures::Confusion;
use asap_model::evaluation::segmenter::{LabelPredictor, Segmenter};
use asap_model::{Error, Translator, Variant};
use asap_tensor::Backend;

use crate::args::Compare;
use crate::commands::eval::validation;
use crate::commands::workload::median;
use crate::report::palette::{Class, color_labels, occurring};

/// The inputs of all generators.
pub struct Inputs {
    data: DataConfig,
    pub examples: Vec<Example>,
    /// The dataset.
    pub source: String,
}

/// What a generator makes of the inputs.
pub struct Generated {
    pub images: Vec<RgbImage>,
    /// The median time per image.
    pub seconds: f64,
    /// Labels and what a segmentation network predicts of the images.
    pub labels: Option<Confusion>,
}

fn add_labels<B: Backend>(
    labels: &mut Confusion,
    segmenter: &Segmenter<B>,
    example: &Example,
    image: &Image,
) -> asap_model::Result<()> {
    match &example.input.channels {
        Channels::Labels(map) => labels.add(&map.data, &segmenter.predict(image)?),
        Channels::Image(_) => Ok(()),
    }
}

impl Inputs {
    /// `--count` validation pairs, evenly spaced over the dataset, sized as `eval` does for the first generator. Instance
    /// maps are read if any generator needs them.
    pub fn read(args: &Compare, configs: &[Config]) -> asap_model::Result<Self> {
        let mut config = configs[0].clone();
        config.data.instances = configs.iter().any(|config| config.data.instances);
        let (source, name) = validation(args.data.as_deref(), &config)?;
        let count = usize::from(args.count).min(source.len());
        if count == 0 {
            return Err(Error::Data { file: name.into(), problem: "there are no validation pairs".into() });
        }
        let mut data = config.data;
        let sizing = match args.size.map(|size| [size.height, size.width]) {
            None => Sizing::of_evaluation(&data),
            Some(size) if data.resize == Resize::Crop => {
                data.size = size;
                Sizing::Configured
            }
            Some(size) => Sizing::Resized(size),
        };
        let examples = (0..count).map(|number| sizing.example(source.get(number * source.len() / count)?, &data));
        let examples = examples.collect::<asap_model::Result<_>>()?;
        Ok(Inputs { data, examples, source: name })
    }

    /// Minimum and maximum [height, width] of the inputs.
    pub fn sizes(&self) -> [[usize; 2]; 2] {
        let sizes = self.examples.iter().map(|example| example.input.size());
        sizes.fold([[usize::MAX; 2], [0; 2]], |[low, high], size| {
            [[0, 1].map(|side| low[side].min(size[side])), [0, 1].map(|side| high[side].max(size[side]))]
        })
    }

    /// The sizes as text: `WIDTH×HEIGHT`, or a range.
    pub fn described(&self) -> String {
        let [low, high] = self.sizes().map(|[height, width]| format!("{width}×{height}"));
        if low == high { low } else { format!("{low} to {high}") }
    }

    /// All outputs, with the noise of a seed, timed after a warm-up.
    pub fn generate<B: Backend>(
        &self,
        translator: &Translator<B>,
        seed: u64,
        segmenter: Option<&Segmenter<B>>,
    ) -> asap_model::Result<Generated> {
        let generate = |example: &Example| translator.translate(&example.input, Variant::first(seed));
        if let Some(first) = self.examples.first() {
            generate(first)?;
        }
        // An output is always a depth: no value means "not measured".
        let generated = DataConfig { depth_invalid: None, ..self.data.clone() };
        let mut seconds = Vec::with_capacity(self.examples.len());
        let mut labels = segmenter.map(|segmenter| Confusion::new(segmenter.classes()));
        let timed = |example: &Example| {
            let start = Instant::now();
            let output = generate(example)?;
            seconds.push(start.elapsed().as_secs_f64());
            if let (Some(segmenter), Some(labels)) = (segmenter, &mut labels) {
                add_labels(labels, segmenter, example, &output)?;
            }
            Ok(generated.view_target(&output))
        };
        let images = self.examples.iter().map(timed).collect::<asap_model::Result<_>>()?;
        Ok(Generated { images, seconds: median(seconds), labels })
    }

    /// The inputs; labels in colors.
    pub fn shown(&self) -> Vec<RgbImage> {
        let colors = self.data.class_colors();
        let image = |example: &Example| match &example.input.channels {
            Channels::Image(image) => self.data.view_input(image),
            Channels::Labels(map) => color_labels(map, &colors),
        };
        self.examples.iter().map(image).collect()
    }

    /// The classes of the inputs, where they have names.
    pub fn classes(&self) -> Vec<Class> {
        let maps = self.examples.iter().filter_map(|example| match &example.input.channels {
            Channels::Labels(map) => Some(map),
            Channels::Image(_) => None,
        });
        if self.data.has_class_names() { occurring(maps, &self.data) } else { Vec::new() }
    }

    /// Labels and what is predicted of the real images.
    pub fn real_labels<B: Backend>(&self, segmenter: &Segmenter<B>) -> asap_model::Result<Confusion> {
        let mut labels = Confusion::new(segmenter.classes());
        self.examples.iter().try_for_each(|example| add_labels(&mut labels, segmenter, example, &example.target))?;
        Ok(labels)
    }

    pub fn real(&self) -> Vec<RgbImage> {
        self.examples.iter().map(|example| self.data.view_target(&example.target)).collect()
    }
}

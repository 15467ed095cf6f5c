//! The inputs of a comparison, and the images that generators make of them.

use std::path::Path;
use std::time::Instant;

use asap_model::config::{Config, DataConfig, Input};
use asap_model::data::{
    Picture, Plane, Raw, RawInput, RgbImage, depth_colors, resize_labels, resize_nearest, resize_picture,
};
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
    pub raw: Vec<Raw>,
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
        let raw = (0..count).map(|number| Ok(resized(source.raw(number * source.len() / count)?, size)));
        Ok(Inputs { data: config.data.clone(), size, raw: raw.collect::<asap_model::Result<_>>()?, source: name })
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
        let generate = |raw: &Raw| translator.translate(&raw.input, raw.instances.as_ref(), false);
        if let Some(first) = self.raw.first() {
            generate(first)?;
        }
        let (mut images, mut seconds) = (Vec::with_capacity(self.raw.len()), Vec::with_capacity(self.raw.len()));
        for raw in &self.raw {
            let start = Instant::now();
            let picture = generate(raw)?;
            seconds.push(start.elapsed().as_secs_f64());
            images.push(self.visible(&picture, false));
        }
        Ok((images, median(seconds)))
    }

    /// The inputs; labels in colors.
    pub fn in_color(&self) -> Vec<RgbImage> {
        let image = |raw: &Raw| match &raw.input {
            RawInput::Rgb(picture) => self.visible(picture, false),
            RawInput::Labels(map) => color_labels(&map.data, [map.height, map.width], self.data.classes),
        };
        self.raw.iter().map(image).collect()
    }

    pub fn real(&self) -> Vec<RgbImage> {
        self.raw.iter().map(|raw| self.visible(&raw.image, true)).collect()
    }

    /// An image to look at: depth in colors; of real depth maps, black where nothing was measured.
    fn visible(&self, picture: &Picture, real: bool) -> RgbImage {
        if let Picture::Rgb(image) = picture {
            return image.clone();
        }
        let [height, width] = picture.size();
        let (Some(scale), Some((levels, most))) = (self.data.depth(), picture.levels()) else {
            return Plane::from_fn(height, width, |_, _| [0; 3]);
        };
        let invalid = scale.invalid.filter(|_| real);
        depth_colors(height, width, |x, y| {
            let level = levels[y * width + x];
            (Some(level) != invalid).then(|| scale.depth(level.into(), most.into()) / scale.max)
        })
    }
}

/// A pair in another size: images bicubic, ids and depth nearest.
fn resized(raw: Raw, [height, width]: [usize; 2]) -> Raw {
    Raw {
        name: raw.name,
        input: match raw.input {
            RawInput::Labels(map) => RawInput::Labels(resize_labels(&map, height, width)),
            RawInput::Rgb(picture) => RawInput::Rgb(resize_picture(&picture, height, width)),
        },
        instances: raw.instances.map(|map| resize_labels(&map, height, width)),
        image: match &raw.image {
            Picture::Rgb(_) => resize_picture(&raw.image, height, width),
            Picture::Gray8(_) | Picture::Gray16(_) => resize_nearest(&raw.image, height, width),
        },
    }
}

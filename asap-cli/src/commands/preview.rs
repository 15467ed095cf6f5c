//! `asap data preview`: a page of pairs as the network sees them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use asap_model::Config;
use asap_model::checkpoint::atomic;
use asap_model::config::{DataConfig, InputKind, OutputKind, Ranges, Resize};
use asap_model::data::{
    Augmentation, Channels, Dataset, Example, ExampleFiles, LabelMap, Plane, RgbImage, Source, Split, find_values,
    instance_edges, is_split,
};
use serde_json::json;

use super::data::configuration_for;
use super::dataset::Check;
use super::{shown, usage};
use crate::args::{Common, DataPreview};
use crate::exit::DATA;
use crate::output::Output;
use crate::report::number;
use crate::report::pairs::{Pair, Pairs, Part, Version, page};
use crate::report::palette::{Class, color_labels, occurring};

/// Epochs of training that are shown.
const EPOCHS: u64 = 3;

/// Writes the page; exit code 3 if some pairs can't be read.
pub fn run(args: &DataPreview, common: &Common, output: &Output) -> Result<ExitCode> {
    let DataPreview { dir, out, .. } = args;
    if !out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("html")) {
        let problem = format!("{} is not named like a page: end it in .html", out.display());
        return Err(usage("--out", problem).into());
    }
    let (mut config, _) = configuration_for(dir, args.config.as_deref(), Check::Sample, common, output)?;
    if [&config.data.input_range, &config.data.output_range].contains(&&Some(Ranges::TO_FIND)) {
        find_values(&mut config.data)?;
    }
    let mut reader = Reader { dir, config: &config, maps: Vec::new(), failed: 0 };
    let train = Dataset::discover(dir, &config.data, Split::Train)?;
    let count = usize::from(args.count);
    let depth = config.data.depth().map_or(String::new(), |depth| {
        let max = number::value(depth.max);
        format!(" Depth from yellow at 0 to violet at {max}; black where nothing was measured.")
    });
    let mut parts = vec![Part {
        heading: "Training",
        note: format!("Crops and flips are those of a training run with this seed and configuration.{depth}"),
        pairs: reader.read(&train, count, Split::Train, output),
    }];
    let mut validation_pairs = 0;
    if is_split(dir, config.data.layout) {
        let validation = Dataset::discover(dir, &config.data, Split::Val)?;
        validation_pairs = validation.len();
        parts.push(Part {
            heading: "Validation",
            note: format!("Without random crops and flips.{depth}"),
            pairs: reader.read(&validation, count, Split::Val, output),
        });
    }
    let data = &config.data;
    let (pairs, failed) = (parts.iter().map(|part| part.pairs.len()).sum::<usize>(), reader.failed);
    let classes = reader.classes();
    let facts = facts(&config, [train.len(), validation_pairs]);
    let all_classes = if data.input == InputKind::Labels { data.label_channels() } else { 0 };
    let text = page(&Pairs { dir: absolute(dir), facts, classes, all_classes, parts })?;
    atomic::write(out, |file| file.write_all(text.as_bytes()))?;
    output.result(
        || json!({ "page": shown(out), "pairs": pairs, "failed": failed }),
        || format!("page of {pairs} pairs: {}", out.display()),
    );
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(DATA) })
}

/// The folder with its name, also for `.`.
fn absolute(dir: &Path) -> PathBuf {
    dir.canonicalize().unwrap_or_else(|_| dir.to_owned())
}

fn facts(config: &Config, [train, validation]: [usize; 2]) -> Vec<(&'static str, String)> {
    let data = &config.data;
    let [height, width] = data.size;
    let channels = |count: usize| if count == 1 { "gray".to_owned() } else { format!("{count} channels") };
    let input = match data.input {
        InputKind::Labels => format!("labels, {} classes", data.classes),
        InputKind::Image => format!("image, {}", channels(data.input_channels)),
    };
    let target = match data.output {
        OutputKind::Image => format!("image, {}", channels(data.output_channels)),
        OutputKind::Depth => "depth".to_owned(),
    };
    let resize = match (data.resize, data.load_size) {
        (Resize::ResizeAndCrop, Some([height, width])) => format!("to {width}×{height}, then crop"),
        (Resize::ResizeAndCrop | Resize::Fixed, _) => format!("to {width}×{height}"),
        (Resize::Crop | Resize::None, _) => data.resize.name().to_owned(),
    };
    let yes_or_no = |value: bool| if value { "yes" } else { "no" }.to_owned();
    vec![
        ("Layout", data.layout.name().to_owned()),
        ("Training pairs", train.to_string()),
        ("Validation pairs", if validation > 0 { validation.to_string() } else { "the same".into() }),
        ("Input", input),
        ("Output", target),
        ("Instance edges", yes_or_no(data.instances)),
        ("Training size", format!("{width}×{height}")),
        ("Resize", resize),
        ("Flip", yes_or_no(data.flip)),
        ("Seed", config.train.seed.to_string()),
    ]
}

/// Reads pairs, and keeps count.
struct Reader<'a> {
    dir: &'a Path,
    config: &'a Config,
    /// The label maps that were read.
    maps: Vec<LabelMap>,
    /// Pairs that can't be read.
    failed: usize,
}

impl Reader<'_> {
    /// At most `count` pairs, evenly spaced.
    fn read(&mut self, dataset: &Dataset, count: usize, split: Split, output: &Output) -> Vec<Pair> {
        let count = count.min(dataset.len());
        let mut pair = |number: usize| {
            let index = number * dataset.len() / count;
            let files = &dataset.files()[index];
            let example = dataset.get(index);
            let size = example.as_ref().map_or([0, 0], |example| example.target.size());
            let versions = example.and_then(|example| self.versions(example, index, split)).map_err(|error| {
                self.failed += 1;
                output.problem(format_args!("failed: {error}"));
                error.to_string()
            });
            Pair { name: files.name.clone(), files: self.names(files), size, versions }
        };
        (0..count).map(&mut pair).collect()
    }

    /// What the files of a pair are, and their paths in the dataset.
    fn names(&self, files: &ExampleFiles) -> Vec<(&'static str, PathBuf)> {
        let data = &self.config.data;
        let all = [
            (input_name(data), Some(&files.input)),
            (target_name(data), files.target.as_ref()),
            ("instances", files.instances.as_ref()),
        ];
        let inside = |path: &PathBuf| path.strip_prefix(self.dir).unwrap_or(path).to_owned();
        all.into_iter().filter_map(|(what, path)| Some((what, inside(path?)))).collect()
    }

    /// A pair as in validation, and for training pairs as in the first epochs, where these differ.
    fn versions(&mut self, example: Example, index: usize, split: Split) -> asap_model::Result<Vec<Version>> {
        let data = &self.config.data;
        let fixed = example.prepare(data, None)?;
        let [height, width] = data.size;
        let note = match data.resize {
            Resize::Fixed | Resize::ResizeAndCrop => format!("resized to {width}×{height}"),
            Resize::Crop => format!("center {width}×{height}"),
            Resize::None => "as it is".into(),
        };
        let title = if split == Split::Val { "Validation" } else { "Without augmentation" };
        let mut versions = vec![version(title.into(), note, &fixed, data)];
        if split == Split::Train {
            for epoch in 1..=EPOCHS {
                let augmentation = Augmentation { seed: self.config.train.seed, epoch, index };
                let augmented = example.prepare(data, Some(augmentation))?;
                let note = augmentation.describe(&example.input.name, example.target.size(), data)?;
                versions.push(version(format!("Epoch {epoch}"), note, &augmented, data));
            }
        }
        if let Channels::Labels(map) = example.input.channels {
            self.maps.push(map);
        }
        Ok(versions)
    }

    /// The classes that occur, with their shares of all pixels.
    fn classes(&self) -> Vec<(Class, f64)> {
        let pixels = self.maps.iter().map(|map| map.data.len()).sum::<usize>().max(1);
        let share = |id: usize| {
            let of_class = |map: &LabelMap| map.data.iter().filter(|&&own| usize::from(own) == id).count();
            self.maps.iter().map(of_class).sum::<usize>() as f64 / pixels as f64
        };
        occurring(&self.maps, &self.config.data).into_iter().map(|class| (class.clone(), share(class.id))).collect()
    }
}

fn input_name(data: &DataConfig) -> &'static str {
    if data.input == InputKind::Labels { "labels" } else { "input" }
}

fn target_name(data: &DataConfig) -> &'static str {
    if data.output == OutputKind::Depth { "depth" } else { "image" }
}

/// What the network is given and compared with.
fn version(title: String, note: String, example: &Example, data: &DataConfig) -> Version {
    let [height, width] = example.target.size();
    let gray = |values: Vec<f32>| -> RgbImage {
        Plane { height, width, data: values.into_iter().map(|value| [(255.0 * value) as u8; 3]).collect() }
    };
    let input = match &example.input.channels {
        Channels::Labels(map) => color_labels(map, &data.class_colors()),
        Channels::Image(image) => data.view_input(image),
    };
    let mut images = vec![(input_name(data), input)];
    images.extend(example.input.instances.as_ref().map(|map| ("instance edges", gray(instance_edges(map)))));
    images.push((target_name(data), data.view_target(&example.target)));
    images.extend(example.mask(data).map(|mask| ("mask: white counts", gray(mask))));
    Version { title, note, images }
}

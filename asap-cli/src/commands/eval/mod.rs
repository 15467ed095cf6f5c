//! `asap eval`: compares generated images with real ones.

mod measuring;
mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use asap_model::Error;
use asap_model::config::{Config, DataConfig, InputKind, Layout, OutputKind, Resize};
use asap_model::data::{
    Dataset, Example, ReadOptions, Source, Split, is_split, layout_for, possible_names, read_image,
};
use asap_model::evaluation::{Evaluation, GeneratorImages, ImageFiles};
use asap_model::training::Sources;
use asap_tensor::Backend;

use super::files::{Found, images, report_skipped};
use super::train::check_dir;
use super::{adjust, no_noise, shown, translator, usage};
use crate::args::{Common, Eval};
use crate::device::{Task, on_device};
use crate::memory;
use crate::output::Output;
use report::Report;

/// What to do if there is not enough memory.
const SMALLER: &str = "evaluate smaller images: --set data.resize=fixed --set data.size=[HEIGHT,WIDTH]";

/// Compares the images and prints the measures.
pub fn run(args: Eval, common: &Common, output: &Output) -> Result<ExitCode> {
    let args = &args;
    let report = match (&args.checkpoint, &args.generated, &args.real) {
        (Some(checkpoint), ..) => on_device(common, output, OfGenerator { args, checkpoint, common, output })?,
        (None, Some(generated), Some(real)) => of_folders(args, generated, real, common, output)?,
        _ => return Err(usage("eval", "give --checkpoint, or --generated and --real").into()),
    };
    output.result(|| report.json(), || report.text());
    Ok(ExitCode::SUCCESS)
}

struct OfGenerator<'a> {
    args: &'a Eval,
    checkpoint: &'a Path,
    common: &'a Common,
    output: &'a Output,
}

impl Task for OfGenerator<'_> {
    type Output = Report;

    fn run<B: Backend>(self, backend: B) -> Result<Report> {
        let OfGenerator { args, checkpoint, common, output } = self;
        let translator = translator(&backend, checkpoint, args.config.as_deref(), common)?;
        let config = translator.config();
        if args.measuring.variants.is_some() && !translator.has_noise() {
            return Err(no_noise("this generator has no noise").into());
        }
        let (source, real) = validation(args.data.as_deref(), config)?;
        let crops_depths = config.data.output == OutputKind::Depth && config.data.resize == Resize::Crop;
        let advice = if args.native_size { "remove --native-size" } else { SMALLER };
        let checked = OfNativeSize { pairs: source.as_ref(), config, advice, common };
        let source: &dyn Source = if args.native_size || crops_depths {
            &checked
        } else if let Some(problem) = memory::image_problem(config, config.data.size, SMALLER, common)? {
            return Err(usage("data.size", problem).into());
        } else {
            source.as_ref()
        };
        let seed = common.evaluation_seed();
        let images = GeneratorImages { translator: &translator, source, native_size: args.native_size, seed };
        let (evaluation, weights) = args.measuring.evaluate(&backend, &images, common, output)?;
        Ok(Report {
            generated: shown(checkpoint),
            real,
            depth: config.data.output == OutputKind::Depth,
            resize: if args.native_size { None } else { resize(&config.data) },
            device: Some(backend.device()),
            weights,
            options: args.measuring.options(config.data.depth(), common),
            classes: config.data.class_names(),
            evaluation,
        })
    }
}

/// How pairs of another size are resized.
fn resize(data: &DataConfig) -> Option<String> {
    let [height, width] = data.size;
    let inputs = match data.input {
        InputKind::Labels => "label maps nearest",
        InputKind::Image => "inputs bicubic",
    };
    match (data.output, data.resize) {
        (OutputKind::Depth, Resize::Crop) | (OutputKind::Image, Resize::None) => None,
        (OutputKind::Depth, _) => {
            Some(format!("{inputs} to {width}×{height}, generated maps bicubic to the real map's size (as Pillow)"))
        }
        (OutputKind::Image, Resize::Fixed | Resize::ResizeAndCrop) => {
            Some(format!("images bicubic and {inputs} to {width}×{height} (as Pillow)"))
        }
        (OutputKind::Image, Resize::Crop) => Some(format!("center-cropped to {width}×{height}")),
    }
}

/// The validation pairs of a dataset, or of the one that the checkpoint was trained on; and its name.
pub fn validation(dir: Option<&Path>, config: &Config) -> asap_model::Result<(Arc<dyn Source>, String)> {
    let mut config = config.clone();
    if let Some(dir) = dir {
        config.data.layout = layout_for(dir, config.data.layout)?;
        let split = if is_split(dir, config.data.layout) { Split::Val } else { Split::Train };
        return Ok((Arc::new(Dataset::discover(dir, &config.data, split)?), shown(dir)));
    }
    if config.data.layout == Layout::Synthetic {
        let what = if config.data.output == OutputKind::Depth { "scenes" } else { "facades" };
        let name = format!("synthetic {what}, seed {}", config.train.seed);
        return Ok((Sources::open(&config)?.validation, name));
    }
    check_dir(&config, "the checkpoint")?;
    let Some(dir) = config.data.dir.take() else {
        return Err(usage("--data", "the checkpoint names no dataset: pass its folder with --data DIR"));
    };
    Ok((Arc::new(Dataset::discover(&dir, &config.data, Split::Val)?), shown(&dir)))
}

/// Pairs of various sizes; each must fit into memory.
struct OfNativeSize<'a> {
    pairs: &'a dyn Source,
    config: &'a Config,
    advice: &'static str,
    common: &'a Common,
}

impl Source for OfNativeSize<'_> {
    fn len(&self) -> usize {
        self.pairs.len()
    }

    fn get(&self, index: usize) -> asap_model::Result<Example> {
        let example = self.pairs.get(index)?;
        match memory::image_problem(self.config, example.input.size(), self.advice, self.common)? {
            Some(problem) => Err(Error::Data { file: (&example.input.name).into(), problem }),
            None => Ok(example),
        }
    }
}

fn of_folders(args: &Eval, generated: &Path, real: &Path, common: &Common, output: &Output) -> Result<Report> {
    if args.measuring.variants.is_some() {
        return Err(
            usage("--variants", "needs a generator, which images in a folder don't have: pass --checkpoint").into()
        );
    }
    if args.measuring.segmenter.is_some() {
        let problem = "folders of images have no labels to compare with: pass --checkpoint, and --data with label maps";
        return Err(usage("--segmenter", problem).into());
    }
    let mut config = Config::default();
    adjust(&mut config, common)?;
    let files = ImageFiles {
        size: args.size.map(|size| [size.height, size.width]),
        ..matched(generated, real, !args.unpaired, output)?
    };
    let files = ImageFiles { data: found(config.data, args.depth, &files, common)?, ..files };
    // Without a network there is nothing to compute on a device.
    let (evaluation, weights, device) = if args.measuring.inception.is_some() {
        on_device(common, output, OfFolders { args, files, common, output })?
    } else {
        (args.measuring.compare(&files, None, None, common, output)?, None, None)
    };
    let filter = if args.depth { "nearest" } else { "bicubic" };
    Ok(Report {
        generated: shown(generated),
        real: shown(real),
        depth: args.depth,
        resize: args.size.map(|size| format!("{filter} to {}×{} (as Pillow)", size.width, size.height)),
        device,
        weights,
        options: args.measuring.options(None, common),
        classes: Vec::new(),
        evaluation,
    })
}

/// What files are: depth maps, or images with the channels of the first real one. Gray ones are compared as RGB.
fn found(mut data: DataConfig, depth: bool, files: &ImageFiles, common: &Common) -> asap_model::Result<DataConfig> {
    if depth {
        data.output = OutputKind::Depth;
    } else if let Some(first) = files.real.first()
        && !common.assignments.iter().any(|set| set.trim_start().starts_with("data.output_channels"))
    {
        let options = ReadOptions { channels: None, ..ReadOptions::target(&data) };
        data.output_channels = match read_image(first, &options)?.channels() {
            1 => 3,
            channels => channels,
        };
    }
    data.validate()?;
    Ok(data)
}

struct OfFolders<'a> {
    args: &'a Eval,
    files: ImageFiles,
    common: &'a Common,
    output: &'a Output,
}

impl Task for OfFolders<'_> {
    type Output = (Evaluation, Option<String>, Option<String>);

    fn run<B: Backend>(self, backend: B) -> Result<Self::Output> {
        let OfFolders { args, files, common, output } = self;
        let (evaluation, weights) = args.measuring.evaluate(&backend, &files, common, output)?;
        Ok((evaluation, weights, Some(backend.device())))
    }
}

/// The images of both folders; pairs are matched by name.
fn matched(generated: &Path, real: &Path, paired: bool, output: &Output) -> asap_model::Result<ImageFiles> {
    let list = |argument: &str, folder: &Path| {
        if !folder.is_dir() {
            return Err(usage(argument, format!("{} is not a folder", folder.display())));
        }
        let (found, skipped) = images(&[folder.to_path_buf()])?;
        report_skipped(&skipped, output);
        Ok(found)
    };
    let (all_generated, all_real) = (list("--generated", generated)?, list("--real", real)?);
    let files = |generated, real| ImageFiles { generated, real, paired, data: DataConfig::default(), size: None };
    if !paired {
        let paths = |all: Vec<Found>| all.into_iter().map(|found| found.file).collect();
        return Ok(files(paths(all_generated), paths(all_real)));
    }
    let by_name = |all: Vec<Found>| -> asap_model::Result<BTreeMap<String, PathBuf>> {
        let mut files = BTreeMap::new();
        for Found { name, file, .. } in all {
            if let Some(other) = files.insert(name, file.clone()) {
                let problem = format!("has the same name as {}; only one can belong to the pair", other.display());
                return Err(Error::Data { file, problem });
            }
        }
        Ok(files)
    };
    let (all_generated, all_real) = (by_name(all_generated)?, by_name(all_real)?);
    for (these, others, folder) in [(&all_generated, &all_real, real), (&all_real, &all_generated, generated)] {
        if let Some((name, file)) = these.iter().find(|(name, _)| !others.contains_key(*name)) {
            let problem = format!(
                "has no partner: looked for {} in {}; --unpaired compares the folders as sets only",
                possible_names(name),
                folder.display()
            );
            return Err(Error::Data { file: file.clone(), problem });
        }
    }
    Ok(files(all_generated.into_values().collect(), all_real.into_values().collect()))
}

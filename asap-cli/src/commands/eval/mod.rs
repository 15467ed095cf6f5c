//! `asap eval`: how near pictures come to real ones.

mod measuring;
mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use asap_model::Error;
use asap_model::config::{Config, DataConfig, Input, Layout, Output as Drawing, Resize};
use asap_model::data::{Dataset, Example, Source, Split, detect_layout, is_split};
use asap_model::evaluation::{Drawn, Evaluation, Files};
use asap_model::training::Sources;
use asap_tensor::Backend;

use super::files::{Found, images};
use super::{shown, translator, usage};
use crate::args::{Common, Eval};
use crate::device::{Task, on_device};
use crate::memory;
use crate::output::Output;
use report::Report;

/// What to do where a picture is too large to be drawn.
const SMALLER: &str = "compare smaller ones: --set data.resize=fixed --set data.size=[HEIGHT,WIDTH]";

/// Compares the pictures and prints the measures.
pub fn run(args: Eval, common: &Common, output: &Output) -> Result<ExitCode> {
    let args = &args;
    let report = match (&args.checkpoint, &args.generated, &args.real) {
        (Some(checkpoint), ..) => {
            let checkpoint = checkpoint.clone();
            on_device(common, output, OfGenerator { args, checkpoint: &checkpoint, common, output })?
        }
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
        let (source, real) = validation(args.data.as_deref(), config)?;
        let crops_depths = config.data.output == Drawing::Depth && config.data.resize == Resize::Crop;
        let advice = if args.native_size { "leave --native-size out" } else { SMALLER };
        let checked = OfOwnSize { pairs: source.as_ref(), config, advice, common };
        let source: &dyn Source = if args.native_size || crops_depths {
            &checked
        } else if let Some(problem) = memory::image_problem(config, config.data.size, SMALLER, common)? {
            return Err(usage("data.size", problem).into());
        } else {
            source.as_ref()
        };
        let pictures = Drawn { translator: &translator, source, own_size: args.native_size };
        let (evaluation, weights) = args.measuring.evaluate(&backend, &pictures, common, output)?;
        Ok(Report {
            drawn: shown(checkpoint),
            real,
            depth: config.data.output == Drawing::Depth,
            resize: resize(&config.data, args.native_size),
            device: Some(backend.device()),
            weights,
            options: args.measuring.options(config.data.depth(), common),
            evaluation,
        })
    }
}

/// How pairs that have another size are made comparable.
fn resize(data: &DataConfig, own_size: bool) -> Option<String> {
    let [height, width] = data.size;
    let inputs = match data.input {
        Input::Labels => "label maps nearest",
        Input::Rgb => "inputs bicubic",
    };
    match (data.output, data.resize) {
        _ if own_size => None,
        (Drawing::Depth, Resize::Crop) => None,
        (Drawing::Depth, _) => {
            Some(format!("{inputs} to {width}×{height}, drawn maps bicubic to the real map's size, as Pillow does it"))
        }
        (Drawing::Rgb, Resize::Fixed | Resize::ResizeAndCrop) => {
            Some(format!("pictures bicubic and {inputs} to {width}×{height}, as Pillow does it"))
        }
        (Drawing::Rgb, Resize::Crop) => Some(format!("the middle {width}×{height} cut out")),
        (Drawing::Rgb, Resize::None) => None,
    }
}

/// The validation pairs of a data set, or of the one that the checkpoint was trained on; and what it is called.
pub fn validation(dir: Option<&Path>, config: &Config) -> asap_model::Result<(Arc<dyn Source>, String)> {
    let mut config = config.clone();
    if let Some(dir) = dir {
        config.data.layout = detect_layout(dir)?;
        let split = if is_split(dir, config.data.layout) { Split::Val } else { Split::Train };
        return Ok((Arc::new(Dataset::discover(dir, &config.data, split)?), shown(dir)));
    }
    if config.data.layout == Layout::Synthetic {
        let what = if config.data.output == Drawing::Depth { "scenes" } else { "facades" };
        let name = format!("synthetic {what} of seed {}", config.train.seed);
        return Ok((Sources::open(&config)?.validation, name));
    }
    let Some(dir) = config.data.dir.take() else {
        return Err(usage("--data", "the checkpoint names no data set: give its folder, as in --data DIR"));
    };
    Ok((Arc::new(Dataset::discover(&dir, &config.data, Split::Val)?), shown(&dir)))
}

/// Pairs of which each is drawn at its own size, which only reading it tells.
struct OfOwnSize<'a> {
    pairs: &'a dyn Source,
    config: &'a Config,
    advice: &'static str,
    common: &'a Common,
}

impl Source for OfOwnSize<'_> {
    fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Refuses a pair that is too large to draw.
    fn get(&self, index: usize) -> asap_model::Result<Example> {
        let example = self.pairs.get(index)?;
        match memory::image_problem(self.config, example.input.size(), self.advice, self.common)? {
            Some(problem) => Err(Error::Data { file: (&example.input.name).into(), problem }),
            None => Ok(example),
        }
    }
}

fn of_folders(args: &Eval, generated: &Path, real: &Path, common: &Common, output: &Output) -> Result<Report> {
    let files = Files {
        output: if args.depth { Drawing::Depth } else { Drawing::Rgb },
        size: args.size.map(|size| [size.height, size.width]),
        ..matched(generated, real, !args.unpaired)?
    };
    // Without a network there is nothing to compute on a device.
    if args.measuring.inception.is_some() {
        return on_device(common, output, OfFolders { args, files, generated, real, common, output });
    }
    let evaluation = args.measuring.compare(&files, None, common, output)?;
    Ok(of_files(args, [generated, real], None, None, evaluation, common))
}

struct OfFolders<'a> {
    args: &'a Eval,
    files: Files,
    generated: &'a Path,
    real: &'a Path,
    common: &'a Common,
    output: &'a Output,
}

impl Task for OfFolders<'_> {
    type Output = Report;

    fn run<B: Backend>(self, backend: B) -> Result<Report> {
        let OfFolders { args, files, generated, real, common, output } = self;
        let (evaluation, weights) = args.measuring.evaluate(&backend, &files, common, output)?;
        Ok(of_files(args, [generated, real], Some(backend.device()), weights, evaluation, common))
    }
}

fn of_files(
    args: &Eval,
    [generated, real]: [&Path; 2],
    device: Option<String>,
    weights: Option<String>,
    evaluation: Evaluation,
    common: &Common,
) -> Report {
    let filter = if args.depth { "nearest" } else { "bicubic" };
    Report {
        drawn: shown(generated),
        real: shown(real),
        depth: args.depth,
        resize: args.size.map(|size| format!("{filter} to {}×{}, as Pillow does it", size.width, size.height)),
        device,
        weights,
        options: args.measuring.options(None, common),
        evaluation,
    }
}

/// The pictures of both folders; where they are pairs, by their names.
fn matched(generated: &Path, real: &Path, paired: bool) -> asap_model::Result<Files> {
    let [of_generated, of_real] = [("--generated", generated), ("--real", real)].map(|(argument, folder)| {
        if !folder.is_dir() {
            return Err(usage(argument, format!("{} is not a folder", folder.display())));
        }
        images(&[folder.to_path_buf()])
    });
    let by_name = |found: Vec<Found>| -> asap_model::Result<BTreeMap<String, PathBuf>> {
        let mut files = BTreeMap::new();
        for Found { name, file } in found {
            if let Some(other) = files.insert(name, file.clone())
                && paired
            {
                let problem = format!("has the same name as {}; which one belongs to the pair?", other.display());
                return Err(Error::Data { file, problem });
            }
        }
        Ok(files)
    };
    let (of_generated, of_real) = (of_generated?, of_real?);
    let files = |drawn, real| Files { drawn, real, paired, output: Drawing::Rgb, size: None };
    if !paired {
        let file = |found: Found| found.file;
        return Ok(files(of_generated.into_iter().map(file).collect(), of_real.into_iter().map(file).collect()));
    }
    let (of_generated, of_real) = (by_name(of_generated)?, by_name(of_real)?);
    for (these, others, folder) in [(&of_generated, &of_real, real), (&of_real, &of_generated, generated)] {
        if let Some((name, file)) = these.iter().find(|(name, _)| !others.contains_key(*name)) {
            let problem = format!(
                "has no partner: looked for {name}.png (or .jpg) in {}; --unpaired compares the folders as sets only",
                folder.display()
            );
            return Err(Error::Data { file: file.clone(), problem });
        }
    }
    Ok(files(of_generated.into_values().collect(), of_real.into_values().collect()))
}

//! `asap segmenter`: trains a segmentation network, by which `asap eval --segmenter` measures generated images.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use asap_model::config::{DataConfig, Layout};
use asap_model::data::{Dataset, Source, Split, find_values};
use asap_model::evaluation::measures::Confusion;
use asap_model::evaluation::segmenter::{GeneratedPairs, Segmenter as Network, TrainOptions, train, validate};
use asap_model::training::Sources;
use asap_model::{Config, Error};
use asap_tensor::Backend;
use serde_json::{Map, Value, json};

use super::dataset::{Check, adopt};
use super::{configuration, incomplete_configuration, shown, usage};
use crate::args::{Common, Segmenter};
use crate::device::{Task, on_device};
use crate::exit::INTERRUPTED;
use crate::interrupt::Interrupt;
use crate::output::{LINE_EVERY, Output};
use crate::report::number::fixed;

/// The configuration without `--config`.
const CONFIG: &str = "small-data";

/// Trains a network, writes it, and reports how well it segments the validation images.
pub fn run(args: Segmenter, common: &Common, output: &Output) -> Result<ExitCode> {
    if args.out.extension().is_none_or(|extension| extension != "safetensors") {
        return Err(usage("--out", format!("{}: the extension must be .safetensors", args.out.display())).into());
    }
    if args.out.exists() && !args.force {
        let problem = format!("{} already exists: choose another name, or --force to overwrite", args.out.display());
        return Err(usage("--out", problem).into());
    }
    let name = args.config.as_deref().unwrap_or(CONFIG);
    let mut config = match &args.data {
        Some(data) => {
            let (mut config, given) = incomplete_configuration(name, common, std::iter::empty())?;
            adopt(&mut config, data, &given, Check::Changed, output)?;
            config
        }
        None => configuration(name, common)?,
    };
    config.validate()?;
    find_values(&mut config.data)?;
    if args.generated.is_some() && (config.data.layout == Layout::Synthetic || config.data.dir.is_none()) {
        return Err(usage("--generated", "needs the dataset whose label maps these images are of: --data DIR").into());
    }
    let interrupt = Interrupt::watch(output)?;
    on_device(common, output, Run { args: &args, config, interrupt, common, output })
}

struct Run<'a> {
    args: &'a Segmenter,
    config: Config,
    interrupt: Interrupt,
    common: &'a Common,
    output: &'a Output,
}

impl Task for Run<'_> {
    type Output = ExitCode;

    fn run<B: Backend>(self, backend: B) -> Result<ExitCode> {
        let Run { args, config, interrupt, common, output } = self;
        let sources = Sources::open(&config)?;
        let training = match (&args.generated, &config.data.dir) {
            (Some(folder), Some(dir)) => {
                let dataset = Dataset::discover(dir, &config.data, Split::Train)?;
                let pairs = GeneratedPairs::find(&dataset, &config.data, folder)?;
                let left_out = pairs.left_out;
                output.say(format_args!("trains on {} generated images; {left_out} label maps have none", pairs.len()));
                Arc::new(pairs) as Arc<dyn Source>
            }
            _ => sources.training.clone(),
        };
        let defaults = TrainOptions::default();
        let options = TrainOptions {
            // Minutes alone end a run that they are given for.
            steps: args.steps.unwrap_or(if args.minutes.is_some() { u64::MAX } else { defaults.steps }),
            minutes: args.minutes,
            batch: args.batch.map_or(defaults.batch, usize::from),
            seed: common.seed.unwrap_or(config.train.seed),
            ..defaults
        };
        let (start, mut next_line, mut steps) = (Instant::now(), Instant::now() + LINE_EVERY, 0);
        let count = training.len();
        let segmenter = train(&backend, &config, training, options, &mut |progress| {
            steps = progress.step;
            if Instant::now() >= next_line {
                next_line = Instant::now() + LINE_EVERY;
                let (loss, percent) = (fixed(progress.loss, 4), 100.0 * progress.done);
                output.say(format_args!("step {steps}: cross entropy {loss}, {percent:.0}% done"));
            }
            !interrupt.is_asked()
        })?;
        let seconds = start.elapsed().as_secs_f64();
        segmenter.save(&args.out)?;
        let found = validate(&segmenter, &*sources.validation, &config.data)?;
        let classes = class_ious(&found, &config.data.class_names());
        output.result(
            || {
                json!({
                    "file": shown(&args.out), "parameters": segmenter.params.trained_count(), "steps": steps,
                    "seconds": seconds, "training_images": count, "validation_pairs": sources.validation.len(),
                    "miou": found.mean_iou(), "pixel_accuracy": found.pixel_accuracy(), "dice": found.dice(),
                    "class_iou": classes.iter().map(|(name, iou)| (name.clone(), json!(iou))).collect::<Map<_, Value>>(),
                })
            },
            || {
                let value = |value: Option<f64>| value.map_or("-".into(), |value| fixed(value, 4));
                let dice = found.dice().map_or(String::new(), |dice| format!(", Dice {}", fixed(dice, 4)));
                format!(
                    "{}: {steps} steps in {seconds:.0} s on {count} images\n  {} validation pairs: mIoU {}, pixel accuracy \
                     {}{dice}\n  {}",
                    args.out.display(),
                    sources.validation.len(),
                    value(found.mean_iou()),
                    value(found.pixel_accuracy()),
                    listed(&classes),
                )
            },
        );
        Ok(if interrupt.is_asked() { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS })
    }
}

/// The segmentation network in a file, if it fits the images of that data.
pub fn fitting<B: Backend>(backend: &B, file: &Path, data: &DataConfig) -> asap_model::Result<Network<B>> {
    let segmenter = Network::load(backend, file)?;
    match segmenter.mismatch(data) {
        Some(problem) => Err(Error::Checkpoint { file: file.into(), problem }),
        None => Ok(segmenter),
    }
}

/// Says so if a network of that file was trained at another [height, width] than that of the images that it will see.
pub fn note_size<B: Backend>(segmenter: &Network<B>, file: &Path, [height, width]: [usize; 2], output: &Output) {
    let [own_height, own_width] = segmenter.config.data.size;
    if [own_height, own_width] != [height, width] {
        output.say(format_args!(
            "{}: trained at {own_width}×{own_height} pixels, which may not recognize as much at {width}×{height}",
            file.display()
        ));
    }
}

/// The IoU of each class that has one, by its name.
pub fn class_ious(found: &Confusion, names: &[String]) -> Vec<(String, f64)> {
    let iou = |(class, name): (usize, &String)| Some((name.clone(), found.iou(class)?));
    names.iter().enumerate().take(found.classes()).filter_map(iou).collect()
}

/// The IoUs of classes in one line.
pub fn listed(classes: &[(String, f64)]) -> String {
    let classes: Vec<String> = classes.iter().map(|(name, iou)| format!("{name} {}", fixed(*iou, 3))).collect();
    format!("IoU by class: {}", classes.join(", "))
}

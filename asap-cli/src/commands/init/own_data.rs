//! A configuration for a dataset: what its files are, and what trains on this machine.

use std::path::Path;

use asap_model::config::{Config, DataConfig, InputKind, OutputKind, Resize};
use asap_model::data::{DepthCount, Problem, Report, Survey};
use asap_model::{Error, memory};
use indicatif::DecimalBytes;

use super::commented::{Commented, VGG};
use crate::args::Common;
use crate::commands::adjust;
use crate::commands::dataset::{Check, Given, adopt};
use crate::device::{is_cpu, threads};
use crate::machine;
use crate::output::Output;

/// Training pixels of an image: 128×128 on a CPU, 256×256 on a GPU.
const AREAS: [usize; 2] = [128 * 128, 256 * 256];
/// Training steps: minutes on two CPU cores.
const STEPS: usize = 1500;
/// Validations of a run.
const VALIDATIONS: u64 = 40;
/// Checkpoints of a run.
const CHECKPOINTS: u64 = 10;
/// The share of the available memory that training may need.
const SHARE: f64 = 0.6;
/// Sides before the random crop, as in the published code.
const LOAD: f64 = 286.0 / 256.0;

/// Looks at a dataset and chooses a configuration, with the reason for each choice. Keys of `--set` stay as they are.
pub fn choose(dir: &Path, common: &Common, output: &Output) -> asap_model::Result<Commented> {
    let dir = std::path::absolute(dir).map_err(Error::io(dir, "find the folder"))?;
    let cpu = is_cpu(common);
    let mut config = Config::preset("small-data")?;
    (config.data.depth_scale, config.data.instances) = (Some(1.0), true);
    let given = Given::new(&config, common, std::iter::empty(), Vec::new());
    // For the ranges of sections only: the keys of the dataset are not complete yet.
    adjust(&mut config, common)?;
    let found = adopt(&mut config, &dir, &given, Check::Changed, output)?;
    let mut notes =
        vec![("data.dir", format!("{} training and {} validation pairs.", found.counts()[0], found.counts()[1]))];
    labels(&mut config, &found, &mut notes);
    let report = found.report(&config.data);
    channels(&config.data, &mut notes);
    instances(&config, &mut notes);
    size(&mut config, &found, &report, cpu, &mut notes);
    depth(&mut config, &report, &mut notes);
    schedule(&mut config, report.train, &mut notes);
    notes.push(("loss.lambda_vgg", VGG.into()));
    config.loss.lambda_vgg = 0.0;
    notes.push(("loss.lambda_l1", "Teaches the colors that the perceptual loss would teach.".into()));
    notes.push((
        "discriminator.kind",
        match config.discriminator.patch() {
            None => {
                "Classifies each pixel by its label, from which the generator learns more than from a score.".into()
            }
            Some(_) => "oasis needs label maps.".into(),
        },
    ));
    notes.push(("generator.seams", "Without it the borders of tiles are visible after so few steps.".into()));
    notes.push((
        "generator.context",
        "From few pairs the pixelwise networks do not learn what is around a pixel; this shows it to them.".into(),
    ));
    notes.push(("generator.residual", "Seven convolutions in a row learn better with it.".into()));
    notes.push(("train.beta1", "As pix2pix: with few pairs the gradients of single steps are noisy.".into()));
    notes.push(("train.ema", "Averages the last few hundred steps, which evens out the noise of GAN training.".into()));
    adjust(&mut config, common)?;
    config.validate()?;
    if cpu {
        fit(&mut config, common, &mut notes)?;
    }
    if let Some(Problem { file, message, .. }) = found.report(&config.data).first_problem(&config.data) {
        return Err(Error::Data { file, problem: message });
    }
    let head = format!("For the dataset in {}, chosen from its files and for this machine.", dir.display());
    Ok(Commented { config, head, notes })
}

type Notes = Vec<(&'static str, String)>;

/// Classes, remap and ignored ids.
fn labels(config: &mut Config, found: &Survey, notes: &mut Notes) {
    if config.data.input != InputKind::Labels {
        return;
    }
    let report = found.report(&config.data);
    if let Some(hint) = report.hint(&config.data) {
        let applied = hint.assignments.iter().all(|assignment| config.set(assignment).is_ok());
        let key = if config.data.remap.is_some() { "data.remap" } else { "data.ignore" };
        notes.extend(applied.then(|| (key, format!("{}.", capitalized(&hint.about)))));
    }
    let ids = found.report(&config.data).ids;
    let range = ids.keys().next().zip(ids.keys().last());
    let range = range.map_or("no ids".into(), |(first, last)| format!("ids {first} to {last}"));
    notes.push(("data.classes", format!("The label maps have {range}.")));
}

/// Channels, and ranges of values.
fn channels(data: &DataConfig, notes: &mut Notes) {
    let is_image = [data.input == InputKind::Image, data.output == OutputKind::Image];
    for (is_image, channels, range, [channels_key, range_key], what) in [
        (
            is_image[0],
            data.input_channels,
            &data.input_range,
            ["data.input_channels", "data.input_range"],
            "input images",
        ),
        (
            is_image[1],
            data.output_channels,
            &data.output_range,
            ["data.output_channels", "data.output_range"],
            "targets",
        ),
    ] {
        if !is_image {
            continue;
        }
        let count = if channels == 1 { "gray".to_owned() } else { format!("images of {channels} channels") };
        notes.push((channels_key, format!("The {what} are {count}.")));
        if range.is_some() {
            notes.push((
                range_key,
                "The type of the files says little about their values: training looks for the range.".into(),
            ));
        }
    }
}

fn instances(config: &Config, notes: &mut Notes) {
    let note = match config.data.instances {
        true => {
            "There are instance maps: their edges separate objects of one class. Generating images then needs them, too."
        }
        false => "There are no instance maps.",
    };
    notes.push(("data.instances", note.into()));
}

/// The training size: the typical aspect ratio, at most so many pixels, in multiples of what the generator needs.
fn size(config: &mut Config, found: &Survey, report: &Report, cpu: bool, notes: &mut Notes) {
    let typical = found.typical_size();
    let multiple = config.size_multiple();
    let area = AREAS[usize::from(!cpu)];
    let factor = (area as f64 / (typical[0] * typical[1]).max(1) as f64).sqrt().min(1.0);
    let min = config.generator.min_side().max(4 * config.generator.multiple()).next_multiple_of(multiple);
    let side = |side: usize| ((side as f64 * factor / multiple as f64).round() as usize * multiple).max(min);
    config.data.size = typical.map(side);
    let [[low, high], [narrow, wide]] = [report.heights, report.widths];
    let [height, width] = typical;
    notes.push((
        "data.size",
        match (narrow == wide, low == high) {
            (true, true) => format!("All images have {width}x{height} pixels. Larger sizes take longer: multiples of {multiple}."),
            _ => format!(
                "Images are {narrow} to {wide} wide and {low} to {high} high, typically {width}x{height}. Larger sizes take \
                 longer: multiples of {multiple}."
            ),
        },
    ));
    let is_random = report.train > 0 && config.data.output == OutputKind::Image;
    config.data.resize = if is_random { Resize::ResizeAndCrop } else { Resize::Fixed };
    config.data.load_size = is_random.then(|| config.data.size.map(|side| (side as f64 * LOAD).round() as usize));
    let note = match is_random {
        true => "Random crops, as the paper's facades: few pairs are soon memorized.",
        false => "Whole images, resized.",
    };
    notes.push(("data.resize", note.into()));
    config.data.flip = true;
    notes.push((
        "data.flip",
        "Set it to false if a mirrored image would be wrong, as with text or a light from one side.".into(),
    ));
}

/// The depth at which outputs are 1.
fn depth(config: &mut Config, report: &Report, notes: &mut Notes) {
    let Some(DepthCount { range: [minimum, maximum], measured, .. }) =
        report.depths.filter(|depths| depths.measured > 0)
    else {
        return;
    };
    (config.data.depth_scale, config.data.depth_max) = (Some(1.0), Some(maximum.max(1.0)));
    let zero = if minimum == 0.0 { " If 0 means \"not measured\": depth_invalid = 0." } else { "" };
    notes.push((
        "data.depth_max",
        format!("The largest level of {measured} pixels; the smallest is {minimum}.{zero} For depths in meters, see depth_scale."),
    ));
}

/// Batch, epochs and intervals.
fn schedule(config: &mut Config, pairs: usize, notes: &mut Notes) {
    let train = &mut config.train;
    // An incomplete batch is dropped, so there must be enough pairs for one.
    train.batch = train.batch.clamp(1, pairs.max(1));
    let steps = pairs / train.batch;
    train.epochs = STEPS.div_ceil(steps.max(1)).max(2);
    train.decay_epochs = (2 * train.epochs / 3).max(1);
    let steps = (train.epochs * steps) as u64;
    train.sample_every = (steps / VALIDATIONS).max(1);
    train.save_every = (steps / CHECKPOINTS).max(1);
    notes.push((
        "train.epochs",
        format!("{steps} steps of {} images from {pairs} pairs: more improve the images.", train.batch),
    ));
    notes.push(("train.decay_epochs", "The last two thirds.".into()));
}

/// Lowers batch, size and widths until training fits into memory.
fn fit(config: &mut Config, common: &Common, notes: &mut Notes) -> asap_model::Result<()> {
    let available = machine::memory().available;
    let enough = (SHARE * available as f64) as u64;
    let mut lowered = Vec::new();
    let mut planned = memory::training(config, threads(common))?.total();
    while planned > enough {
        let advice = memory::advice(config, threads(common), enough)?;
        let Some(best) = advice.into_iter().min_by_key(|advice| (advice.total > enough, advice.total)) else { break };
        if best.total >= planned {
            break;
        }
        config.set(&best.assignment)?;
        config.data.load_size =
            config.data.load_size.map(|_| config.data.size.map(|side| (side as f64 * LOAD).round() as usize));
        planned = memory::training(config, threads(common))?.total();
        lowered.push(best.assignment);
    }
    let why = if lowered.is_empty() { String::new() } else { format!(" Lowered to fit: {}.", lowered.join(", ")) };
    notes.push((
        "train.batch",
        format!("Training needs {} of {} available here.{why}", DecimalBytes(planned), DecimalBytes(available)),
    ));
    Ok(())
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

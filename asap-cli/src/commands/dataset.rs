//! The dataset that `--data` names: what it is, before anything is validated; what is wrong with it.

use std::path::Path;
use std::time::Instant;

use asap_model::config::{
    DataConfig, DiscriminatorAugmentation, DiscriminatorConfig, InputKind, Layout, OutputKind, Ranges, Resize,
    ValidationMeasure,
};
use asap_model::data::{
    CheckOptions, Detected, ImageKind, Problem, Report, Survey, count_classes, detect_as, layout_for, survey,
};
use asap_model::{Config, Error};

use super::files::report_skipped;
use crate::args::Common;
use crate::output::Output;

/// With `--skip-check`, classes are counted in so many pairs.
const SAMPLE: usize = 32;

/// The keys that the user has set, which a dataset doesn't change: those of `--set` and of flags, and those of a configuration
/// file that is not for synthetic data.
pub struct Given {
    keys: Vec<String>,
    /// Whether the configuration, before `--set`, is for synthetic data.
    is_synthetic: bool,
}

impl Given {
    /// Of the arguments, the keys that flags stand for, and those of a file that `config` was read from.
    pub fn new<'a>(config: &Config, common: &Common, flags: impl Iterator<Item = &'a str>, file: Vec<String>) -> Given {
        let set = common.assignments.iter().filter_map(|assignment| assignment.split_once('='));
        let mut keys: Vec<String> = set.map(|(key, _)| key.trim().to_owned()).collect();
        keys.extend(flags.map(str::to_owned));
        let is_synthetic = config.data.layout == Layout::Synthetic;
        if !is_synthetic {
            keys.extend(file.into_iter().filter(|key| key != "data.layout"));
        }
        Given { keys, is_synthetic }
    }

    /// Whether a key is among them.
    pub fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|given| given == key)
    }
}

/// Sets the dataset, and every key of `[data]` that follows from it and is not given. Prints what was chosen.
///
/// # Errors
/// If no layout matches.
pub fn adopt(
    config: &mut Config,
    dir: &Path,
    given: &Given,
    check: Check,
    output: &Output,
) -> asap_model::Result<Survey> {
    let Detected { layout, direction, input, input_image, output: kind, output_image, instances } =
        detected(&config.data, dir, given)?;
    let data = &mut config.data;
    data.dir = Some(dir.into());
    let free = |key: &str| !given.has(key);
    if free("data.layout") {
        data.layout = layout;
    }
    if free("data.direction") {
        data.direction = direction;
    }
    if free("data.input") {
        data.input = input;
    }
    if free("data.output") {
        data.output = kind;
    }
    if let Some(ImageKind { channels, needs_range, .. }) = input_image.filter(|_| data.input == InputKind::Image) {
        if free("data.input_channels") {
            data.input_channels = channels;
        }
        if free("data.input_range") && needs_range {
            data.input_range = Some(Ranges::TO_FIND);
        }
    }
    if let Some(ImageKind { channels, needs_range, .. }) = output_image.filter(|_| data.output == OutputKind::Image) {
        if free("data.output_channels") {
            data.output_channels = channels;
        }
        if free("data.output_range") && needs_range {
            data.output_range = Some(Ranges::TO_FIND);
        }
    }
    if data.output != OutputKind::Depth {
        for (key, value) in [("data.depth_scale", &mut data.depth_scale), ("data.depth_max", &mut data.depth_max)] {
            value.take_if(|_| free(key));
        }
        data.depth_invalid.take_if(|_| free("data.depth_invalid"));
    } else if let DiscriminatorConfig::Patch(patch) = &mut config.discriminator
        && free("discriminator.augment")
    {
        patch.augment.retain(|augmentation| *augmentation != DiscriminatorAugmentation::Color);
    }
    // A measure of the other kind of output gives way to one of both.
    if let Some(best) = &mut config.train.keep_best
        && *best != ValidationMeasure::L1
        && best.is_of_depth() != (data.output == OutputKind::Depth)
        && free("train.keep_best")
    {
        *best = ValidationMeasure::L1;
    }
    if data.input != InputKind::Labels {
        data.remap.take_if(|_| free("data.remap"));
        data.ignore.take_if(|_| free("data.ignore"));
        data.names.take_if(|_| free("data.names"));
        data.colors.take_if(|_| free("data.colors"));
    }
    let has_unused = instances && !data.instances;
    if free("data.instances") {
        data.instances &= instances;
    }
    // Synthetic images have the training size, and a light that is not to be flipped.
    if given.is_synthetic && free("data.resize") && data.resize == Resize::None {
        data.resize = Resize::Fixed;
    }
    if given.is_synthetic && free("data.flip") {
        data.flip = true;
    }
    let named = data.named_classes();
    if free("data.classes") {
        // Of one name or color alone, a later check says that it is one too few.
        data.classes = named.map_or(data.classes, |count| count.clamp(2, 256));
    }
    let count = data.input == InputKind::Labels && free("data.classes") && named.is_none();
    let mut readable = data.clone();
    if count {
        // Any number; files are read the same.
        readable.classes = 255;
    }
    let found = look(dir, &readable, check, output)?;
    let mut report = found.report(data);
    if count {
        data.classes = count_classes(&report.ids, data);
        report = found.report(data);
    }
    // Photos without colors that are stored as RGB.
    let are_gray = |place: usize| report.gray[place] > 0 && report.gray[place] == found.len();
    if data.input == InputKind::Image && free("data.input_channels") && are_gray(0) {
        data.input_channels = 1;
    }
    if data.output == OutputKind::Image && free("data.output_channels") && are_gray(1) {
        data.output_channels = 1;
    }
    // OASIS classifies pixels by their labels.
    if data.input != InputKind::Labels && config.discriminator.patch().is_none() && free("discriminator.kind") {
        config.set("discriminator.kind=patch")?;
        config.loss.lambda_label_mix.take_if(|_| free("loss.lambda_label_mix"));
        // With scores instead of classes, more has to come from the other losses.
        for (key, value) in [("loss.lambda_l1", 100.0), ("loss.lambda_feat", 2.0)] {
            if free(key) {
                config.set(&format!("{key}={value:?}"))?;
            }
        }
    }
    // With --json, the report has it all.
    if !output.is_json() {
        output.say(describe(dir, &config.data, &report, has_unused));
    }
    Ok(found)
}

/// What a dataset is, in the layout that is given, or else in its own.
pub fn detected(data: &DataConfig, dir: &Path, given: &Given) -> asap_model::Result<Detected> {
    if given.has("data.layout") && data.layout != Layout::Synthetic && dir.is_dir() {
        return detect_as(dir, data.layout);
    }
    detect_as(dir, layout_for(dir, data.layout)?)
}

/// How the files of a dataset are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// All that were not checked before.
    Changed,
    /// All.
    Fresh,
    /// A few.
    Sample,
}

/// Reads the files of a dataset, with progress. What was read before and did not change is remembered in the user's cache.
pub fn look(dir: &Path, data: &DataConfig, check: Check, output: &Output) -> asap_model::Result<Survey> {
    let counter = output.counter(format_args!("checking {}", dir.display()), "pairs");
    let cache = dirs::cache_dir().map(|folder| folder.join("asap").join("checks"));
    let is_sample = check == Check::Sample;
    let options = CheckOptions {
        cache: cache.as_deref().filter(|_| !is_sample),
        fresh: check == Check::Fresh,
        sample: is_sample.then_some(SAMPLE),
        progress: Some(&|done, total| counter.show(done, total)),
    };
    survey(dir, data, options)
}

/// The error of a dataset with problems; otherwise how many pairs were checked.
pub fn require_valid(found: &Survey, config: &Config, start: Instant, output: &Output) -> asap_model::Result<()> {
    let report = found.report(&config.data);
    report_skipped(&report.skipped, output);
    let Some(Problem { file, message, .. }) = report.first_problem(&config.data) else {
        let seconds = start.elapsed().as_secs_f64();
        let known = match found.unread {
            0 => String::new(),
            unread => format!("; {unread} have not changed since an earlier check"),
        };
        output.say(format_args!("checked {} pairs in {seconds:.1} s{known}", report.train + report.val));
        return Ok(());
    };
    let all = match report.problems.len() {
        1 => "",
        _ => ". asap data check, with the same --config and --set, lists all problems",
    };
    Err(Error::Data { file, problem: format!("{message}{all}") })
}

/// Minimum and maximum as text; one number where they are equal.
pub fn range(minimum: usize, maximum: usize) -> String {
    if minimum == maximum { maximum.to_string() } else { format!("{minimum}–{maximum}") }
}

/// What a dataset is, and what becomes of it, in one line.
fn describe(dir: &Path, data: &DataConfig, report: &Report, has_unused_instances: bool) -> String {
    let Report { train, val, heights: [low, high], widths: [narrow, wide], .. } = report;
    let sizes = format!("{}×{}", range(*narrow, *wide), range(*low, *high));
    let pairs = match val {
        0 => format!("{train} pairs, for training and validation alike,"),
        val => format!("{train} + {val} pairs"),
    };
    let images = |channels: usize, three: &str, range: &Option<Ranges>| {
        let images = match channels {
            1 => "gray images".to_owned(),
            3 => three.to_owned(),
            channels => format!("images of {channels} channels"),
        };
        let [low, high] = Ranges::PERCENTILES;
        let is_found = matches!(range, Some(Ranges::Percentiles(_)));
        if is_found { format!("{images} from the {low}st to the {high}th percentile") } else { images }
    };
    let input = match data.input {
        InputKind::Labels => {
            let ids: Vec<&u16> = report.ids.keys().collect();
            let found = match ids[..] {
                [first, .., last] => format!(" (ids {first} to {last})"),
                [only] => format!(" (only id {only})"),
                [] => String::new(),
            };
            let ignored = if data.ignore.is_some() { " and ignored labels" } else { "" };
            format!("labels with {} classes{ignored}{found}", data.classes)
        }
        InputKind::Image => format!("{} as inputs", images(data.input_channels, "RGB images", &data.input_range)),
    };
    let instances = match (data.instances, has_unused_instances) {
        (true, _) => ", with instance maps",
        (false, true) => ", instance maps not used (--set data.instances=true)",
        (false, false) => "",
    };
    let target = match data.output {
        OutputKind::Image => images(data.output_channels, "photos", &data.output_range),
        OutputKind::Depth => "depth maps".to_owned(),
    };
    let [height, width] = data.size;
    let resize = match (data.resize, data.load_size) {
        (Resize::Fixed, _) | (Resize::ResizeAndCrop, None) => format!("resized to {width}×{height}"),
        (Resize::ResizeAndCrop, Some([h, w])) => {
            let jitter = if data.load_jitter > 1.0 { "about " } else { "" };
            format!("resized to {jitter}{w}×{h} and cropped to {width}×{height}")
        }
        (Resize::Crop, _) => format!("cropped to {width}×{height}"),
        (Resize::None, _) => "not resized".to_owned(),
    };
    let flip = if data.flip { "flipped at random" } else { "not flipped" };
    let direction = report.direction.map_or(String::new(), |direction| format!(" ({})", direction.name()));
    let layout = format!("{}{direction}", data.layout.name());
    format!(
        "data: {}: {layout}, {pairs} of {sizes} pixels, {input}{instances}, {target}; {resize}, {flip}",
        dir.display()
    )
}

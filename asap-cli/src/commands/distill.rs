//! `asap distill`: writes a teacher's images of a dataset's inputs as a dataset, and trains a network on it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use asap_model::checkpoint::{self, atomic, file_of};
use asap_model::config::{DataConfig, InputKind};
use asap_model::data::{
    Example, ExampleFiles, HostInput, Image, Sizing, Split, detect_as, discover_inputs, has_pair, is_split, layout_for,
    read_target, write_pair, written_data,
};
use asap_model::{Config, Error, Translator, Variant};
use asap_tensor::Backend;
use serde_json::json;

use super::files::{images, report_skipped};
use super::{incomplete_configuration, short_name, shown, train, usage};
use crate::args::{Common, Distill};
use crate::device::{Task, on_device};
use crate::memory;
use crate::output::Output;

/// The configuration of the student without `--config`.
const STUDENT: &str = "small-data";

/// The name of the run.
const DISTILLED: &str = "distilled";

/// The file in the dataset that says what it was made from.
const ORIGIN: &str = "origin.json";

/// What differs from an ordinary training: the teacher's images are all there is to learn, so there is no hinge loss, and
/// discriminators are for their features.
const LOSSES: [&str; 5] =
    ["discriminator.kind=patch", "loss.lambda_gan=0", "loss.lambda_l1=100", "loss.lambda_feat=2", "loss.lambda_vgg=0"];

pub fn run(args: Distill, common: &Common, output: &Output) -> Result<ExitCode> {
    let Distill { teacher, pairs, mut train } = args;
    train.out.get_or_insert_with(|| {
        let name = train.config.as_deref().map_or(DISTILLED.into(), |name| format!("{}-{DISTILLED}", short_name(name)));
        Path::new("runs").join(name)
    });
    let mut common = common.clone();
    if !train.resume {
        train.config.get_or_insert_with(|| STUDENT.to_owned());
        let Some(inputs) = train.data.take() else {
            return Err(usage("--data", "distillation needs inputs: give a dataset, or a folder of inputs").into());
        };
        let beside = || train.out.as_ref().map_or(PathBuf::new(), |out| with_ending(out, "-pairs"));
        let pairs = pairs.unwrap_or_else(beside);
        let data = if teacher.is_dir() && !file_of(&teacher).is_file() {
            of_folder(&teacher, &inputs, &pairs, train.config.as_deref(), &common, output)?
        } else {
            let task = OfCheckpoint { teacher: &teacher, inputs: &inputs, pairs: &pairs, common: &common, output };
            on_device(&common, output, task)?
        };
        // What the user sets comes later and wins.
        common.assignments.splice(0..0, LOSSES.map(str::to_owned).into_iter().chain(data));
        train.data = Some(pairs);
    }
    train::run(train, &common, output)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(ending);
    path.with_file_name(name)
}

/// The keys of `[data]` that a dataset's files don't show.
fn assignments(data: &DataConfig) -> Vec<String> {
    let config = Config { data: written_data(data), ..Config::default() };
    let of_files = ["data.dir", "data.workers", "data.count", "data.val_count"];
    let keys =
        config.keys().into_iter().filter(|key| key.section == "data" && !of_files.contains(&key.path().as_str()));
    keys.filter_map(|key| Some(format!("{}={}", key.path(), key.value.as_ref()?))).collect()
}

/// The inputs of a dataset, each with its split; or of a folder, all for training.
fn inputs(dir: &Path, data: &mut DataConfig, output: &Output) -> asap_model::Result<Vec<(Split, ExampleFiles)>> {
    let Ok(layout) = layout_for(dir, data.layout) else {
        let (found, skipped) = images(&[dir.to_path_buf()])?;
        report_skipped(&skipped, output);
        if data.instances {
            return Err(usage("--data", "the teacher takes instance maps: give a dataset with a folder of these"));
        }
        let files = found.into_iter().map(|found| ExampleFiles {
            name: found.name,
            input: found.file,
            instances: None,
            target: None,
            halves: None,
        });
        return Ok(files.map(|files| (Split::Train, files)).collect());
    };
    data.layout = layout;
    let splits: &[Split] = if is_split(dir, layout) { &[Split::Train, Split::Val] } else { &[Split::Train] };
    let mut all = Vec::new();
    for &split in splits {
        let found = discover_inputs(dir, data, split)?;
        report_skipped(&found.skipped, output);
        all.extend(found.examples.into_iter().map(|files| (split, files)));
    }
    Ok(all)
}

/// A teacher's images are made by its network.
struct OfCheckpoint<'a> {
    teacher: &'a Path,
    inputs: &'a Path,
    pairs: &'a Path,
    common: &'a Common,
    output: &'a Output,
}

impl Task for OfCheckpoint<'_> {
    type Output = Vec<String>;

    fn run<B: Backend>(self, backend: B) -> Result<Vec<String>> {
        let OfCheckpoint { teacher, inputs: dir, pairs, common, output } = self;
        let loaded = checkpoint::load(teacher)?;
        let Some(mut config) = loaded.config.clone() else {
            let problem = format!(
                "{} has no embedded configuration: asap convert writes a .safetensors with the one that --config names",
                teacher.display()
            );
            return Err(usage("--teacher", problem).into());
        };
        let files = inputs(dir, &mut config.data, output)?;
        let origin = [teacher, dir];
        let teacher = Translator::new(&backend, &loaded, config.clone())?;
        teacher.warnings().iter().for_each(|warning| output.say(format_args!("warning: {warning}")));
        if let Some(problem) = memory::image_problem(&config, config.data.size, "use a smaller teacher", common)? {
            return Err(usage("--teacher", problem).into());
        }
        let sizing = Sizing::of_evaluation(&config.data);
        let of_input = |files: &ExampleFiles| {
            let input = sizing.input(files.read_input(&config.data)?, &config.data)?;
            let target = teacher.translate(&input, Variant::first(common.evaluation_seed()))?;
            Ok(Example { input, target })
        };
        make(pairs, &origin, &files, &config.data, output, of_input)?;
        Ok(assignments(&config.data))
    }
}

/// A teacher's images are in a folder, by the names of their inputs.
fn of_folder(
    teacher: &Path,
    dir: &Path,
    pairs: &Path,
    config: Option<&str>,
    common: &Common,
    output: &Output,
) -> Result<Vec<String>> {
    let name = config.unwrap_or(STUDENT);
    let (mut config, given) = incomplete_configuration(name, common, std::iter::empty())?;
    let data = &mut config.data;
    if let Ok(layout) = layout_for(dir, data.layout) {
        let found = detect_as(dir, layout)?;
        (data.input, data.instances) = (found.input, data.instances && found.instances);
    }
    let counts = data.input == InputKind::Labels && !given.has("data.classes");
    if counts {
        // Any ids: they are counted in what is written.
        data.classes = 256 - usize::from(data.ignore.is_some());
    }
    let files = inputs(dir, data, output)?;
    let (found, skipped) = images(&[teacher.to_path_buf()])?;
    report_skipped(&skipped, output);
    let targets: BTreeMap<String, PathBuf> = found.into_iter().map(|found| (found.name, found.file)).collect();
    let data = config.data;
    let of_input = |files: &ExampleFiles| {
        let Some(target) = targets.get(&files.name) else {
            let problem = format!("the teacher's folder {} has no image {}", teacher.display(), files.name);
            return Err(Error::Data { file: files.input.clone(), problem });
        };
        let (input, target): (HostInput, Image) = (files.read_input(&data)?, read_target(target, &data)?);
        Ok(Example { input: input.resize(target.size()), target })
    };
    make(pairs, &[teacher, dir], &files, &data, output, of_input)?;
    let derived = assignments(&data).into_iter();
    let own = ["data.size=", "data.resize=", "data.output", "data.input_channels="];
    let is_found = |assignment: &String| {
        own.iter().any(|key| assignment.starts_with(key)) || (counts && assignment.starts_with("data.classes="))
    };
    Ok(derived.filter(|assignment| !is_found(assignment)).collect())
}

/// Writes the dataset; pairs that an earlier, interrupted run has written stay.
fn make(
    pairs: &Path,
    origin: &[&Path; 2],
    files: &[(Split, ExampleFiles)],
    data: &DataConfig,
    output: &Output,
    mut of_input: impl FnMut(&ExampleFiles) -> asap_model::Result<Example>,
) -> asap_model::Result<()> {
    claim(pairs, origin)?;
    let counter = output.counter("teacher", "images");
    let (start, mut made) = (Instant::now(), 0);
    for (place, (split, files_of_pair)) in files.iter().enumerate() {
        if !has_pair(pairs, *split, &files_of_pair.name) {
            write_pair(pairs, *split, &of_input(files_of_pair)?, data)?;
            made += 1;
        }
        counter.show(place + 1, files.len());
    }
    drop(counter);
    let seconds = start.elapsed().as_secs_f64();
    output.say(format_args!("{}: {made} of {} pairs made in {seconds:.1} s", pairs.display(), files.len()));
    output.json(
        || json!({ "event": "teacher", "pairs": shown(pairs), "made": made, "count": files.len(), "seconds": seconds }),
    );
    Ok(())
}

/// Makes a folder for this dataset, or checks that the one that exists was made from the same teacher and inputs.
fn claim(pairs: &Path, origin: &[&Path; 2]) -> asap_model::Result<()> {
    let file = pairs.join(ORIGIN);
    let stamp = |path: &&Path| -> asap_model::Result<serde_json::Value> {
        let absolute = path.canonicalize().map_err(Error::io(path, "find it"))?;
        // Of a run, what inference loads.
        let loaded = Some(file_of(&absolute)).filter(|file| file.is_file()).unwrap_or_else(|| absolute.clone());
        let metadata = loaded.metadata().map_err(Error::io(&loaded, "read it"))?;
        let changed = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let changed = changed.filter(|_| metadata.is_file()).map(|time| time.as_nanos().to_string());
        Ok(json!({ "path": shown(&absolute), "changed": changed }))
    };
    let [teacher, inputs] = origin.each_ref().map(stamp);
    let text = json!({ "teacher": teacher?, "inputs": inputs? }).to_string();
    match std::fs::read_to_string(&file) {
        Ok(before) if before.trim() == text => Ok(()),
        Ok(_) => {
            let problem =
                format!("{} was made from another teacher or other inputs: name another folder", pairs.display());
            Err(usage("--pairs", problem))
        }
        Err(_) if pairs.read_dir().is_ok_and(|mut entries| entries.next().is_some()) => {
            let problem = format!("{} has other files and no origin.json: name another folder", pairs.display());
            Err(usage("--pairs", problem))
        }
        Err(_) => {
            std::fs::create_dir_all(pairs).map_err(Error::io(pairs, "create the folder"))?;
            atomic::write(&file, |file| file.write_all(text.as_bytes()))
        }
    }
}

//! `asap sweep`: trains a list of configurations, measures each, and plots time against quality.
//!
//! | file | contents |
//! |---|---|
//! | `entry` | what is known of one generator |
//! | `table` | all of them as `sweep.csv` |
//! | `figure` | time against quality as `sweep.svg` |

mod entry;
mod figure;
mod table;

use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use asap_model::checkpoint::{self, atomic};
use asap_model::config::OutputKind;
use asap_model::data::find_values;
use asap_model::evaluation::{GeneratorImages, InceptionExtractor, Measure};
use asap_model::training::{RunFolder, Sources, Trainer, next_free};
use asap_model::{Config, Error, Translator, memory};
use asap_tensor::Backend;
use indicatif::HumanCount;
use serde_json::{Value, json};

use super::dataset::{Check, adopt};
use super::segmenter::fitting;
use super::train::check_images;
use super::workload::{Workload, median, times};
use super::{configuration, incomplete_configuration, no_noise, profile, short_name, usage};
use crate::args::{Common, Sweep};
use crate::device::{Task, on_device, threads};
use crate::exit::{self, INTERRUPTED};
use crate::interrupt::Interrupt;
use crate::memory::{check_timing, check_training};
use crate::output::Output;
use crate::report::Reports;
use crate::report::number::fixed;
use entry::{Entry, default_measure};
use figure::figure;
use table::{csv, read_csv};

/// Files of a sweep, beside its runs.
const TABLE: &str = "sweep.csv";
const FIGURE: &str = "sweep.svg";

/// Trains or resumes each run, evaluates it, and rewrites the table and the figure after each. A run that fails is left
/// out; the exit code is then that of the last one.
pub fn run(args: Sweep, common: &Common, output: &Output) -> Result<ExitCode> {
    let plans = plans(&args, common, output)?;
    for plan in &plans {
        check_training(&plan.config, common, output).map_err(|error| of_config(&plan.origin, error))?;
    }
    if let Some(file) = &args.measuring.inception {
        // Checks the weights now, without memory for them, and not after the first training.
        InceptionExtractor::load(&asap_tensor::Plan::new(1), file)?;
    }
    for (number, plan) in plans.iter().enumerate() {
        if !args.skip_check && plans[..number].iter().all(|other| other.config.data != plan.config.data) {
            check_images(&plan.config, None, output)?;
        }
    }
    let mut entries = read_table(&args)?;
    let interrupt = Interrupt::watch(output)?;
    let mut ended = ExitCode::SUCCESS;
    for plan in &plans {
        let one = One { args: &args, plan, interrupt: interrupt.clone(), common, output };
        let measured = if interrupt.is_asked() { Ok(None) } else { on_device(common, output, one) };
        let failed = match measured {
            Ok(Some(entry)) => {
                output.result(|| line_json(&entry), || line_text(&entry));
                let failed = write_table(&args, &mut entries, entry, output).err();
                failed.map(|error| (format!("cannot write the results of {}", plan.name), error.into()))
            }
            Ok(None) => {
                output.say(format_args!("stopped; the same command resumes {}", plan.dir.display()));
                return Ok(ExitCode::from(INTERRUPTED));
            }
            Err(error) => Some((format!("{} is left out of the sweep", plan.name), error)),
        };
        // The other runs may well succeed, with no one there to restart them.
        if let Some((what, error)) = failed {
            ended = exit::code(&error);
            output.error(&anyhow!("{what}: {error}"));
        }
    }
    Ok(ended)
}

struct Plan {
    /// The arguments that name its configuration.
    origin: String,
    name: String,
    dir: PathBuf,
    config: Config,
}

/// Every configuration as it is and with each variation, checked before the first is trained.
fn plans(args: &Sweep, common: &Common, output: &Output) -> asap_model::Result<Vec<Plan>> {
    let variations = || std::iter::once(None).chain(args.vary.iter().map(|variation| Some(variation.as_str())));
    let runs = args.configs.iter().flat_map(|config| variations().map(move |variation| (config, variation)));
    let mut plans: Vec<Plan> = Vec::new();
    for (config_name, variation) in runs {
        let plan = plan(config_name, variation, args, common, output)?;
        if plans.iter().any(|other| other.name == plan.name) {
            let problem = format!("two configurations named {} would share a run folder", plan.name);
            return Err(usage(&plan.origin, problem));
        }
        plans.push(plan);
    }
    check_measure(args, &plans)?;
    if let Some(file) = &args.measuring.segmenter {
        for plan in &plans {
            fitting(&asap_tensor::Plan::new(1), file, &plan.config.data)?;
        }
    }
    if args.measuring.variants.is_some() && !plans.iter().any(|plan| plan.config.generator.has_noise()) {
        return Err(no_noise("none of these generators has noise"));
    }
    Ok(plans)
}

/// A configuration, with a variation, checked.
fn plan(
    config_name: &str,
    variation: Option<&str>,
    args: &Sweep,
    common: &Common,
    output: &Output,
) -> asap_model::Result<Plan> {
    let changes: Vec<&str> = variation.iter().flat_map(|variation| variation.split('+')).collect();
    let mut common = common.clone();
    common.assignments.extend(changes.iter().map(|&change| change.to_owned()));
    let origin = variation.map_or(config_name.into(), |variation| format!("{config_name} --vary {variation}"));
    let faulty = |error| of_config(&origin, error);
    let unusable = |error: Error| match &error {
        Error::Config { origin, .. } if changes.iter().any(|change| *origin == format!("--set {change}")) => {
            faulty(error)
        }
        _ => error,
    };

    let mut config = match &args.data {
        Some(data) => {
            let (mut config, given) =
                incomplete_configuration(config_name, &common, std::iter::empty()).map_err(unusable)?;
            let check = if args.skip_check { Check::Sample } else { Check::Changed };
            adopt(&mut config, data, &given, check, output)?;
            config
        }
        None => configuration(config_name, &common).map_err(unusable)?,
    };
    config.train.minutes = args.minutes.or(config.train.minutes);
    config.train.steps = args.steps.or(config.train.steps);
    config.validate().and_then(|()| config.check_losses()).map_err(faulty)?;
    let timed = timed(args, &config);
    timed.validate().map_err(|error| of_config(&format!("{origin} --at"), error))?;
    let workload = Workload { config: &timed, batch: 1, train: false };
    check_timing(&origin, &workload.plan(threads(&common))?, "--at or data.size", &common)?;

    let name = std::iter::once(short_name(config_name)).chain(changes.into_iter().map(short_change));
    let name = name.collect::<Vec<_>>().join("+");
    let dir = args.out.join(&name);
    if RunFolder::open(&dir).is_err() && next_free(&dir) != dir {
        let problem = "exists and is not a run folder; move it, or choose another --out";
        return Err(usage(&origin, format!("{} {problem}", dir.display())));
    }
    Ok(Plan { origin, name, dir, config })
}

/// A changed key as a part of a file name: "generator.seams=none" is "seams=none".
fn short_change(change: &str) -> String {
    let (key, value) = change.split_once('=').unwrap_or((change, ""));
    let key = key.rsplit('.').next().unwrap_or(key);
    let value: String = value.chars().filter(|c| c.is_alphanumeric() || "-.,_".contains(*c)).collect();
    format!("{key}={value}")
}

/// An error of a configuration, with its name.
fn of_config(name: &str, error: Error) -> Error {
    match error {
        Error::Config { problem, .. } => usage(name, problem),
        other => other,
    }
}

/// Checks that some run will have the measure to plot.
fn check_measure(args: &Sweep, plans: &[Plan]) -> asap_model::Result<()> {
    let Some(measure) = args.measure else { return Ok(()) };
    if measure.needs_inception() && args.measuring.inception.is_none() {
        return Err(usage("--measure", format!("{} needs the weights of Inception: --inception FILE", measure.name())));
    }
    if measure.needs_segmenter() && args.measuring.segmenter.is_none() {
        return Err(usage("--measure", format!("{} needs a segmentation network: --segmenter FILE", measure.name())));
    }
    if measure == Measure::Diversity && args.measuring.variants.is_none() {
        return Err(usage("--measure", "diversity compares several images of each input: --variants K"));
    }
    let is_of_depth = |plan: &Plan| plan.config.data.output == OutputKind::Depth;
    if plans.iter().all(|plan| is_of_depth(plan) != measure.is_of_depth()) {
        let [measured, generated] = if measure.is_of_depth() { ["depth", "color"] } else { ["color", "depth"] };
        let problem = format!("{} measures {measured}, but all configurations generate {generated}", measure.name());
        return Err(usage("--measure", problem));
    }
    Ok(())
}

/// The configuration to time: with the size of `--at`.
fn timed(args: &Sweep, config: &Config) -> Config {
    let mut config = config.clone();
    if let Some(size) = args.at {
        (config.data.size, config.data.load_size) = ([size.height, size.width], None);
    }
    config
}

struct One<'a> {
    args: &'a Sweep,
    plan: &'a Plan,
    interrupt: Interrupt,
    common: &'a Common,
    output: &'a Output,
}

impl Task for One<'_> {
    type Output = Option<Entry>;

    /// `None` if interrupted.
    fn run<B: Backend>(self, backend: B) -> Result<Option<Entry>> {
        let One { args, plan, interrupt, common, output } = self;
        let Plan { name, dir, config, .. } = plan;
        let mut found = config.clone();
        find_values(&mut found.data)?;
        let config = &found;
        let sources = Sources::open(config)?;
        let validation = sources.validation.clone();
        let mut trainer = match RunFolder::open(dir) {
            Ok(run) if run.never_saved()? => Trainer::restart(backend.clone(), config.clone(), dir, sources)?,
            Ok(_) => Trainer::resume(backend.clone(), config.clone(), dir, sources)?,
            Err(_) => Trainer::new(backend.clone(), config.clone(), dir, sources)?,
        };
        let summary = trainer.run(&mut Reports::new(output, interrupt.clone()).observers())?;
        // Frees its memory for the evaluation.
        drop(trainer);
        if summary.stopped || interrupt.is_asked() {
            return Ok(None);
        }
        let translator = Translator::new(&backend, &checkpoint::load(&summary.dir)?, config.clone())?;
        let images = GeneratorImages {
            translator: &translator,
            source: validation.as_ref(),
            native_size: false,
            seed: common.evaluation_seed(),
        };
        let (evaluation, _) = args.measuring.evaluate(&backend, &images, common, output)?;
        // Frees its memory for the timed generator.
        drop(translator);
        let timed = timed(args, config);
        let workload = Workload { config: &timed, batch: 1, train: false };
        let (parameters, seconds) = workload.prepare(&backend, |run| {
            run()?;
            times(&backend, usize::from(args.runs), run)
        })?;
        let [height, width] = timed.data.size;
        Ok(Some(Entry {
            name: name.clone(),
            kind: config.generator.kind().into(),
            size: timed.data.size,
            parameters,
            gmac: profile::dense_macs(&timed)? as f64 / 1e9,
            seconds: median(seconds),
            planned_bytes: memory::inference(&timed, [1, height, width], threads(common))?.total(),
            steps: summary.steps,
            training_seconds: summary.training_seconds,
            measured: evaluation.measured,
        }))
    }
}

/// The entries of earlier commands in the same folder.
fn read_table(args: &Sweep) -> asap_model::Result<Vec<Entry>> {
    let file = args.out.join(TABLE);
    match std::fs::read_to_string(&file) {
        Ok(text) => read_csv(&text).map_err(|problem| {
            let problem = format!("not a table of a sweep ({problem}); repair it, or move it away");
            Error::Data { file, problem }
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::io(&file, "read it")(error)),
    }
}

/// Adds an entry, or replaces that of the same name, and writes the table, and the figure if there is a measure to plot.
fn write_table(args: &Sweep, entries: &mut Vec<Entry>, entry: Entry, output: &Output) -> asap_model::Result<()> {
    match entries.iter_mut().find(|other| other.name == entry.name) {
        Some(other) => *other = entry,
        None => entries.push(entry),
    }
    let text = csv(entries)?;
    atomic::write(&args.out.join(TABLE), |file| file.write_all(text.as_bytes()))?;
    let path = args.out.join(FIGURE);
    let measure = args.measure.or_else(|| default_measure(entries));
    if let Some(svg) = measure.and_then(|measure| figure(entries, measure)) {
        atomic::write(&path, |file| file.write_all(svg.as_bytes()))?;
        output.say(format_args!("figure: {}", path.display()));
        return Ok(());
    }
    // An older figure would not show this table.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(Error::io(&path, "remove it")(error)),
        _ => output.say("no figure: no measure was taken of all runs; choose one with --measure"),
    }
    Ok(())
}

fn line_json(entry: &Entry) -> Value {
    let [height, width] = entry.size;
    let mut object = json!({
        "event": "measured", "name": entry.name, "generator": entry.kind, "height": height, "width": width,
        "parameters": entry.parameters, "gmac": entry.gmac, "seconds": entry.seconds,
        "planned_bytes": entry.planned_bytes, "steps": entry.steps, "training_seconds": entry.training_seconds,
    });
    for measure in Measure::ALL {
        object[measure.name()] = json!(entry.value(measure));
    }
    object
}

fn line_text(entry: &Entry) -> String {
    let measured: Vec<String> =
        entry.measured.iter().map(|(measure, value)| format!("{} {}", measure.name(), fixed(*value, 4))).collect();
    let [height, width] = entry.size;
    format!(
        "{} ({}): {width}×{height} in {:.2} ms, {} parameters, {:.2} G MAC; {} steps in {:.1} min; {}",
        entry.name,
        entry.kind,
        1e3 * entry.seconds,
        HumanCount(entry.parameters as u64),
        entry.gmac,
        entry.steps,
        entry.training_seconds / 60.0,
        measured.join("  ")
    )
}

//! `asap train`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use asap_model::config::{DataConfig, InputKind, Layout, OutputKind};
use asap_model::data::{Survey, find_values};
use asap_model::nn::Initializer;
use asap_model::training::losses::Losses;
use asap_model::training::{History, Pretrained, RunFolder, Sources, Summary, Trainer};
use asap_model::{Config, Error};
use asap_tensor::Backend;
use indicatif::FormattedDuration;
use serde_json::json;

use super::dataset::{Check, adopt, look, require_valid};
use super::{adjust, configuration, incomplete_configuration, initial, shell_word, short_name, shown, usage};
use crate::args::{Common, Train};
use crate::device::{Task, on_device};
use crate::exit::INTERRUPTED;
use crate::interrupt::Interrupt;
use crate::memory;
use crate::output::Output;
use crate::report::Reports;
use crate::report::number::fixed;

/// The configuration without arguments.
pub const QUICKSTART: &str = "quickstart";

/// The name of a run whose configuration is that of `--init`.
const FINE_TUNED: &str = "fine-tuned";

pub fn run(args: Train, common: &Common, output: &Output) -> Result<ExitCode> {
    let name = args.config.as_deref().unwrap_or(if args.init.is_some() { FINE_TUNED } else { QUICKSTART });
    let dir = args.out.clone().unwrap_or_else(|| Path::new("runs").join(short_name(name)));
    let check = if args.skip_check { Check::Sample } else { Check::Changed };
    let mut found = None;
    let pretrained = args.init.as_deref().map(Pretrained::read).transpose()?;
    let own = pretrained.as_ref().filter(|_| args.config.is_none());
    let mut config = match (&args.data, args.resume) {
        (data, true) => {
            if args.config.is_some() {
                output
                    .say(format_args!("resuming {} with its own configuration; change keys with --set", dir.display()));
            }
            let mut config = RunFolder::open(&dir)?.config()?;
            adjust(&mut config, common)?;
            config.data.dir = data.clone().or(config.data.dir);
            set_flags(&mut config, &args, common)?;
            config
        }
        (Some(data), false) => {
            let flags = args.shorthands().map(|(_, key, _)| key);
            let (mut config, given) = match own {
                Some(pretrained) => initial::configuration(pretrained, common, flags)?,
                None => incomplete_configuration(name, common, flags)?,
            };
            set_flags(&mut config, &args, common)?;
            found = Some(adopt(&mut config, data, &given, check, output)?);
            config
        }
        (None, false) => {
            let mut config = match own {
                Some(pretrained) => initial::configuration(pretrained, common, std::iter::empty())?.0,
                None => configuration(name, common)?,
            };
            set_flags(&mut config, &args, common)?;
            config
        }
    };
    config.validate()?;
    if args.data.is_none() {
        let file = if args.resume { dir.join("config.toml").display().to_string() } else { name.to_owned() };
        check_dir(&config, &file)?;
    }
    if args.dry_run && args.resume {
        return Err(usage("--dry-run", "a dry run can't resume: drop --resume").into());
    }
    if args.dry_run && args.out.is_some() {
        output.say("warning: --out has no effect on a dry run, which writes to a temporary folder");
    }
    if !args.resume {
        find_values(&mut config.data)?;
    }
    memory::check_training(&config, common, output)?;
    let data = config.data.clone();
    let summary = on_device(common, output, Run { args: &args, config, dir, found, pretrained, output })?;
    report(&summary, &args, &data, output);
    Ok(if summary.stopped { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS })
}

/// Checks that the dataset is there; `file` names the configuration that it is from.
pub fn check_dir(config: &Config, file: &str) -> asap_model::Result<()> {
    let Some(dir) = config.data.dir.as_deref().filter(|_| config.data.layout != Layout::Synthetic) else {
        return Ok(());
    };
    if dir.is_dir() {
        return Ok(());
    }
    let from = match std::env::current_dir() {
        Ok(working) if dir.is_relative() => format!(", looked for in {}", working.display()),
        _ => String::new(),
    };
    let problem = format!("is not a folder{from}; it is data.dir of {file}: pass the dataset with --data DIR");
    Err(Error::Data { file: dir.to_owned(), problem })
}

/// Sets the keys that flags stand for. Unless its key is set too, the discriminators' learning rate changes with the generator's.
fn set_flags(config: &mut Config, args: &Train, common: &Common) -> asap_model::Result<()> {
    let ratio = config.train.lr_discriminator / config.train.lr_generator;
    args.shorthands().try_for_each(|(flag, key, value)| {
        config.set(&format!("{key}={value}")).map_err(|error| match error {
            Error::Config { problem, .. } => usage(flag, problem),
            other => other,
        })
    })?;
    let is_discriminator = |assignment: &String| assignment.trim_start().starts_with("train.lr_discriminator");
    if args.lr.is_some() && !common.assignments.iter().any(is_discriminator) {
        config.train.lr_discriminator = ratio * config.train.lr_generator;
    }
    Ok(())
}

struct Run<'a> {
    args: &'a Train,
    config: Config,
    dir: PathBuf,
    /// The files of the dataset, if they have been read.
    found: Option<Survey>,
    pretrained: Option<Pretrained>,
    output: &'a Output,
}

impl Task for Run<'_> {
    type Output = Summary;

    fn run<B: Backend>(self, backend: B) -> Result<Summary> {
        let Run { args, config, dir, found, pretrained, output } = self;
        let mut sources = Sources::open(&config)?;
        if !args.skip_check {
            sources.pairs = check_images(&config, found, output)?.as_ref().map(Into::into);
        }
        let mut initial = pretrained.map(|pretrained| pretrained.fit(&config)).transpose()?;
        if let Some(initial) = &initial {
            initial::report(initial, output);
        }
        let initial = initial.as_mut().map(|initial| initial as &mut dyn Initializer);
        let mut reports = Reports::new(output, Interrupt::watch(output)?);
        Ok(match (args.dry_run, args.resume, initial) {
            (true, _, initial) => Trainer::dry_run(backend, config, sources, initial, &mut reports.observers())?,
            (_, true, _) => Trainer::resume(backend, config, &dir, sources)?.run(&mut reports.observers())?,
            (_, _, Some(initial)) => {
                Trainer::fine_tune(backend, config, &dir, sources, initial)?.run(&mut reports.observers())?
            }
            (_, _, None) => Trainer::new(backend, config, &dir, sources)?.run(&mut reports.observers())?,
        })
    }
}

/// Reads every image of a dataset on disk, unless it was `found` before, so that a bad one is reported now and not during the
/// first epoch.
pub fn check_images(config: &Config, found: Option<Survey>, output: &Output) -> asap_model::Result<Option<Survey>> {
    let Some(dir) = config.data.dir.as_deref().filter(|_| config.data.layout != Layout::Synthetic) else {
        return Ok(None);
    };
    let start = Instant::now();
    let found = match found {
        Some(found) => found,
        None => look(dir, &config.data, Check::Changed, output)?,
    };
    require_valid(&found, config, start, output)?;
    Ok(Some(found))
}

/// Prints the result, and what to do with it.
fn report(summary: &Summary, args: &Train, data: &DataConfig, output: &Output) {
    let Summary { dir, steps, steps_total, .. } = summary;
    let sheets = RunFolder::open(dir).and_then(|folder| folder.sheets()).unwrap_or_default();
    // Sheets of later steps are from before the run went back to its checkpoint.
    let sheet = sheets.iter().rfind(|(step, _)| step <= steps).map(|(_, path)| path);
    let time = FormattedDuration(summary.time);
    output.result(
        || {
            let mut object = json!({
                "event": "finished", "dir": shown(dir), "steps": steps, "steps_total": steps_total,
                "stopped": summary.stopped, "out_of_patience": summary.out_of_patience.is_some(), "seconds": summary.time.as_secs_f64(),
                "losses": summary.losses.as_ref().map(Losses::to_json), "validation_l1_last": null, "validation_l1_best": null,
                "samples": sheet.map(|sheet| shown(sheet)), "generator": shown(&summary.generator), "dry_run": args.dry_run,
            });
            for History { measure, values, best } in &summary.validations {
                object[format!("validation_{}_last", measure.name())] = json!(values.last().map(|(_, value)| value));
                object[format!("validation_{}_best", measure.name())] = json!(best.map(|(_, value)| value));
                object[format!("validation_{}_best_step", measure.name())] = json!(best.map(|(step, _)| step));
            }
            object
        },
        || {
            if args.dry_run {
                return format!("dry run: {steps} steps in {time}; everything written reads back the same");
            }
            let mut text = format!("{steps} of {steps_total} steps in {time}");
            if let Some(History { measure, best, .. }) = &summary.out_of_patience {
                let best = best.map_or("never had a value".into(), |(step, _)| format!("was best at step {step}"));
                text += &format!(" (train.patience reached: {} {best})", measure.label());
            } else if steps < steps_total && !summary.stopped {
                text += " (train.minutes reached)";
            }
            for History { measure, values, best } in &summary.validations {
                if let (Some((_, last)), Some((step, best))) = (values.last(), best) {
                    text += &format!("\nvalidation {}: last {}, best {} at step {step}", measure.label(), fixed(*last, 4), fixed(*best, 4));
                }
            }
            let input = if data.input == InputKind::Image { "input" } else { "labels" };
            if let Some(sheet) = sheet {
                text += &format!("\nSamples: {} ({input}, generated, real)", sheet.display());
            }
            let run = shell_word(dir);
            if summary.stopped {
                return text + &format!("\nResume with: asap train --out {run} --resume");
            }
            text + &try_next(&run, data)
        },
    );
}

/// Commands that use the generator, on its own dataset or on a synthetic one.
fn try_next(run: &str, data: &DataConfig) -> String {
    let (made, kind, colors) = match data.output {
        OutputKind::Image => ("facades", "", ""),
        OutputKind::Depth => ("scenes", " --kind depth", " --colors colors"),
    };
    let own = data.dir.as_deref().filter(|_| data.layout != Layout::Synthetic);
    let set = own.map_or(made.into(), shell_word);
    let infer = format!("asap infer --checkpoint {run} --data {set} --out generated{colors}");
    if own.is_some() {
        return format!("\nTry next: {infer} && asap eval --checkpoint {run} --data {set}");
    }
    let side = data.size[0].max(data.size[1]);
    format!("\nTry next: asap data synth {made}{kind} --count 20 --size {side} && {infer}")
}

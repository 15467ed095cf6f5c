//! `asap train`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use asap_model::config::{DataConfig, Input, Layout, Output as Drawing, Resize};
use asap_model::data::{check, detect_layout};
use asap_model::sweep::Measure;
use asap_model::training::metrics::tenths;
use asap_model::training::{RunFolder, Sources, Summary, Trainer};
use asap_model::{Config, Error, shell};
use asap_tensor::Backend;
use serde_json::json;

use super::{adjust, configuration, short_name, shown, usage};
use crate::args::{Common, Train};
use crate::device::{Task, on_device};
use crate::exit::INTERRUPTED;
use crate::interrupt::Interrupt;
use crate::memory;
use crate::output::Output;
use crate::progress::{Progress, duration, losses_json};

/// What is trained without arguments.
const QUICKSTART: &str = "quickstart";

/// Trains, resumes or rehearses.
pub fn run(args: Train, common: &Common, output: &Output) -> Result<ExitCode> {
    let name = args.config.as_deref().unwrap_or(QUICKSTART);
    let dir = args.out.clone().unwrap_or_else(|| Path::new("runs").join(short_name(name)));
    let mut config = match args.resume {
        false => configuration(name, common)?,
        true => {
            if args.config.is_some() && args.out.is_none() {
                output
                    .say(format_args!("going on with {} by its own configuration; --set changes keys", dir.display()));
            }
            let mut config = RunFolder::open(&dir)?.config()?;
            adjust(&mut config, common)?;
            config
        }
    };
    if let Some(data) = &args.data {
        use_data(&mut config, data, common)?;
    }
    if args.steps.is_some() {
        config.train.steps = args.steps;
    }
    config.validate()?;
    if args.dry_run && args.resume {
        return Err(usage("--dry-run", "a dry run begins anew: leave --resume out").into());
    }
    memory::check_training(&config, common, output)?;
    let data = config.data.clone();
    let summary = on_device(common, output, Run { args: &args, config, dir, output })?;
    report(&summary, &args, &data, output);
    Ok(if summary.stopped { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS })
}

struct Run<'a> {
    args: &'a Train,
    config: Config,
    dir: PathBuf,
    output: &'a Output,
}

impl Task for Run<'_> {
    type Output = Summary;

    fn run<B: Backend>(self, backend: B) -> Result<Summary> {
        let Run { args, config, dir, output } = self;
        let sources = Sources::open(&config)?;
        if !args.skip_check {
            check_pictures(&config, output)?;
        }
        let mut progress = Progress::new(output, Interrupt::watch(output)?);
        if args.dry_run {
            return Ok(Trainer::dry_run(backend, config, sources, &mut progress)?);
        }
        let mut trainer = match args.resume {
            true => Trainer::resume(backend, config, &dir, sources)?,
            false => Trainer::new(backend, config, &dir, sources)?,
        };
        Ok(trainer.run(&mut progress)?)
    }
}

/// Trains on the data set of that folder. A configuration of synthetic pictures takes its layout, and resizes its pictures,
/// as made ones need not be, unless `--set` says how.
pub fn use_data(config: &mut Config, dir: &Path, common: &Common) -> asap_model::Result<()> {
    if config.data.layout == Layout::Synthetic {
        config.data.layout = detect_layout(dir)?;
        let is_set = common.assignments.iter().any(|assignment| assignment.trim_start().starts_with("data.resize"));
        if config.data.resize == Resize::None && !is_set {
            config.data.resize = Resize::Fixed;
        }
    }
    config.data.dir = Some(dir.into());
    Ok(())
}

/// Reads every picture of a data set on disk, so that a bad one is named now and not after the first epoch.
pub fn check_pictures(config: &Config, output: &Output) -> asap_model::Result<()> {
    let Some(dir) = config.data.dir.as_deref().filter(|_| config.data.layout != Layout::Synthetic) else {
        return Ok(());
    };
    let start = Instant::now();
    let report = check(dir, &config.data)?;
    let [first, others @ ..] = &report.faults[..] else {
        let seconds = start.elapsed().as_secs_f64();
        output.say(format_args!("checked {} pairs in {seconds:.1} s", report.train + report.val));
        return Ok(());
    };
    let more = match others.len() {
        0 => String::new(),
        count => {
            format!("; this is the first of {} faults; asap data check, with the same --config, names all", count + 1)
        }
    };
    Err(Error::Data { file: first.file.clone(), problem: format!("{}{more}", first.problem) })
}

/// Every measure of the validations, with its means over their first and their last tenth.
fn ends(summary: &Summary) -> Vec<(Measure, [f64; 2])> {
    let named: Vec<_> = summary.validations.iter().map(|(_, scores)| scores.named()).collect();
    let of_measure = |measure: Measure| -> Vec<f64> {
        named.iter().flatten().filter(|(known, _)| *known == measure).map(|(_, value)| *value).collect()
    };
    let measures = named.last().into_iter().flatten();
    measures
        .filter_map(|&(measure, _)| tenths(&of_measure(measure)).map(|(first, last)| (measure, [first, last])))
        .collect()
}

/// What came of it, and what to do with it.
fn report(summary: &Summary, args: &Train, data: &DataConfig, output: &Output) {
    let Summary { dir, rounds, rounds_total, time, .. } = summary;
    let ends = ends(summary);
    output.result(
        || {
            let mut object = json!({
                "event": "finished", "dir": shown(dir), "rounds": rounds, "rounds_total": rounds_total,
                "stopped": summary.stopped, "seconds": time.as_secs_f64(), "losses": summary.losses.as_ref().map(losses_json),
                "validation_l1_first_tenth": null, "validation_l1_last_tenth": null,
                "samples": summary.sheet.as_deref().map(shown), "generator": shown(&summary.generator), "dry_run": args.dry_run,
            });
            for (measure, [first, last]) in &ends {
                object[format!("validation_{}_first_tenth", measure.name())] = json!(first);
                object[format!("validation_{}_last_tenth", measure.name())] = json!(last);
            }
            object
        },
        || {
            if args.dry_run {
                return format!("dry run: {rounds} rounds in {}; what was written reads back the same", duration(*time));
            }
            let mut text = format!("{rounds} of {rounds_total} rounds in {}", duration(*time));
            if rounds < rounds_total && !summary.stopped {
                text += " (train.minutes are over)";
            }
            for (place, (measure, [first, last])) in ends.iter().enumerate() {
                let name = measure.label();
                text += &match place {
                    0 => format!("; validation {name} {first:.4} in the first tenth, {last:.4} in the last"),
                    _ => format!("; {name} {first:.4}, {last:.4}"),
                };
            }
            let input = if data.input == Input::Rgb { "input" } else { "label" };
            if let Some(sheet) = &summary.sheet {
                text += &format!("\nlook at    {} ({input}, ours, real)", sheet.display());
            }
            let run = shell::word(dir);
            if summary.stopped {
                return text + &format!("\ngo on      asap train --out {run} --resume");
            }
            text + &try_next(&run, data)
        },
    );
}

/// Commands that draw and measure with what was trained, on its own data set or, where it made its pairs, on a new one.
fn try_next(run: &str, data: &DataConfig) -> String {
    let (made, kind, colours) = match data.output {
        Drawing::Rgb => ("facades", "", ""),
        Drawing::Depth => ("scenes", " --kind depth", " --colours colours"),
    };
    match &data.dir {
        Some(set) if data.layout != Layout::Synthetic => {
            let set = shell::word(set);
            format!(
                "\ntry next   asap infer --checkpoint {run} --data {set} --out drawn{colours} && asap eval --checkpoint {run} \
                 --data {set}"
            )
        }
        _ => {
            let side = data.size[0].max(data.size[1]);
            format!(
                "\ntry next   asap data synth {made}{kind} --count 20 --size {side} && asap infer --checkpoint {run} --data {made} \
                 --out drawn{colours}"
            )
        }
    }
}

//! `asap sweep`: trains a list of configurations, measures each, and draws time against quality.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use asap_model::evaluation::Drawn;
use asap_model::sweep::{Entry, Measure, csv, figure};
use asap_model::trainer::{RunFolder, Sources, Trainer, metrics};
use asap_model::{Config, Translator, atomic, checkpoint, memory};
use asap_tensor::Backend;
use serde_json::{Value, json};

use super::eval::validation;
use super::train::{check_pictures, use_data};
use super::workload::{Workload, median, times};
use super::{configuration, generators, short_name, usage};
use crate::args::{Common, Sweep};
use crate::device::{Task, on_device, threads};
use crate::exit::{self, INTERRUPTED};
use crate::interrupt::Interrupt;
use crate::memory::check_training;
use crate::output::Output;
use crate::progress::{Progress, thousands};

/// Trains or goes on with every run, evaluates it, and rewrites the table and the figure after each. A run that fails is
/// left out; the exit code is then that of the last one.
pub fn run(args: Sweep, common: &Common, output: &Output) -> Result<ExitCode> {
    let plans = plans(&args, common)?;
    for plan in &plans {
        check_training(&plan.config, common, output)?;
    }
    for (number, plan) in plans.iter().enumerate() {
        if !args.skip_check && plans[..number].iter().all(|other| other.config.data != plan.config.data) {
            check_pictures(&plan.config, output)?;
        }
    }
    let interrupt = Interrupt::watch(output)?;
    let (mut entries, mut ended) = (Vec::new(), ExitCode::SUCCESS);
    for plan in &plans {
        let one = One { args: &args, plan, interrupt: interrupt.clone(), common, output };
        match on_device(common, output, one) {
            Ok(Some(entry)) => {
                output.result(|| line_json(&entry), || line_text(&entry));
                entries.push(entry);
            }
            Ok(None) => {
                output.say(format_args!("stopped; the same command goes on with {}", plan.dir.display()));
                return Ok(ExitCode::from(INTERRUPTED));
            }
            // What is left may well succeed, with nobody there to begin it again.
            Err(error) => {
                ended = exit::code(&error);
                output.error(&anyhow!("{} is left out of the sweep: {error}", plan.name));
                continue;
            }
        }
        write(&args.out, &entries, args.measure, output)?;
    }
    Ok(ended)
}

/// A run of the sweep.
struct Plan {
    name: String,
    dir: PathBuf,
    config: Config,
}

/// Every configuration, checked before the first is trained.
fn plans(args: &Sweep, common: &Common) -> asap_model::Result<Vec<Plan>> {
    let mut plans: Vec<Plan> = Vec::with_capacity(args.configs.len());
    for config_name in &args.configs {
        let mut config = configuration(config_name, common)?;
        if let Some(data) = &args.data {
            use_data(&mut config, data)?;
        }
        config.train.minutes = args.minutes.or(config.train.minutes);
        config.train.steps = args.steps.or(config.train.steps);
        config.validate()?;
        config.check_losses()?;
        let name = short_name(config_name);
        if plans.iter().any(|other| other.name == name) {
            let problem =
                format!("there are two configurations of the name {name}, and their runs would be in one folder");
            return Err(usage(config_name, problem));
        }
        if let Some(size) = args.at {
            at_size(&config, [size.height, size.width]).validate()?;
        }
        plans.push(Plan { dir: args.out.join(&name), name, config });
    }
    Ok(plans)
}

/// The configuration for pictures of another size.
fn at_size(config: &Config, size: [usize; 2]) -> Config {
    let mut config = config.clone();
    config.data.size = size;
    config.data.load_size = None;
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

    /// `None` if a person asked to stop.
    fn run<B: Backend>(self, backend: B) -> Result<Option<Entry>> {
        let One { args, plan, interrupt, common, output } = self;
        let Plan { name, dir, config } = plan;
        let sources = Sources::open(config)?;
        let mut trainer = match RunFolder::open(dir) {
            Ok(_) => Trainer::resume(backend.clone(), config.clone(), dir, sources)?,
            Err(_) => Trainer::new(backend.clone(), config.clone(), dir, sources)?,
        };
        let summary = trainer.run(&mut Progress::new(output, interrupt))?;
        // Its weights and moments make room for the evaluation.
        drop(trainer);
        if summary.stopped {
            return Ok(None);
        }
        let translator = Translator::new(&backend, &checkpoint::load(&summary.dir)?, config.clone())?;
        let (source, _) = validation(None, config)?;
        let pictures = Drawn { translator: &translator, source: source.as_ref(), own_size: false };
        let (evaluation, _) = args.measuring.evaluate(&backend, &pictures, common, output)?;
        let timed = args.at.map_or_else(|| config.clone(), |size| at_size(config, [size.height, size.width]));
        let workload = Workload { config: &timed, batch: 1, train: false };
        let (parameters, seconds) = workload.prepare(&backend, |run| times(&backend, usize::from(args.runs), run))?;
        let [height, width] = timed.data.size;
        Ok(Some(Entry {
            name: name.clone(),
            kind: config.generator.kind.name(),
            size: timed.data.size,
            parameters,
            gmac: generators::dense_macs(&timed)? as f64 / 1e9,
            seconds: median(seconds),
            planned_bytes: memory::inference(&timed, [1, height, width], threads(common))?.total(),
            rounds: summary.rounds,
            training_seconds: metrics::seconds(&RunFolder::open(&summary.dir)?.metrics_file())?,
            evaluation,
        }))
    }
}

/// Writes the table, and the figure where there is something to draw.
fn write(out: &Path, entries: &[Entry], measure: Option<Measure>, output: &Output) -> asap_model::Result<()> {
    let table = csv(entries)?;
    atomic::write(&out.join("sweep.csv"), |file| file.write_all(table.as_bytes()))?;
    let path = out.join("sweep.svg");
    let measure = measure.or_else(|| Measure::shown_of(entries.iter().map(|entry| &entry.evaluation)));
    match measure.and_then(|measure| figure(entries, measure)) {
        Some(picture) => {
            atomic::write(&path, |file| file.write_all(picture.as_bytes()))?;
            output.say(format_args!("figure in {}", path.display()));
        }
        None => output.say("no figure: the measure was not taken of any run"),
    }
    Ok(())
}

fn line_json(entry: &Entry) -> Value {
    let mut object = json!({
        "event": "measured", "name": entry.name, "generator": entry.kind, "height": entry.size[0], "width": entry.size[1],
        "parameters": entry.parameters, "gmac": entry.gmac, "seconds": entry.seconds,
        "planned_bytes": entry.planned_bytes, "rounds": entry.rounds, "training_seconds": entry.training_seconds,
    });
    for measure in Measure::ALL {
        object[measure.name()] = json!(measure.of(&entry.evaluation));
    }
    object
}

fn line_text(entry: &Entry) -> String {
    let measured: Vec<String> = Measure::ALL
        .into_iter()
        .filter_map(|measure| Some(format!("{} {:.4}", measure.name(), measure.of(&entry.evaluation)?)))
        .collect();
    let [height, width] = entry.size;
    format!(
        "{} ({}): {width}×{height} in {:.2} ms, {} parameters, {:.2} G MAC; {} rounds in {:.1} min; {}",
        entry.name,
        entry.kind,
        1e3 * entry.seconds,
        thousands(entry.parameters),
        entry.gmac,
        entry.rounds,
        entry.training_seconds / 60.0,
        measured.join("  ")
    )
}

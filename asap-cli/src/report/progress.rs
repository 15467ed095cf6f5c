//! Progress of a run: a bar on a terminal, log lines elsewhere and with `--json`, which prints JSON lines too.

use std::time::Instant;

use asap_model::Result;
use asap_model::training::{Event, Observer, RunFolder, Started, StepReport};
use indicatif::{FormattedDuration, HumanCount, ProgressBar};
use serde_json::json;

use crate::commands::shown;
use crate::interrupt::Interrupt;
use crate::output::{LINE_EVERY, Output};
use crate::report::number::fixed;

pub struct Progress<'a> {
    output: &'a Output,
    bar: Option<ProgressBar>,
    last_line: Option<Instant>,
    folder: Option<RunFolder>,
    interrupt: Interrupt,
}

impl<'a> Progress<'a> {
    /// Shows nothing before the first event. An `interrupt` stops the run.
    pub fn new(output: &'a Output, interrupt: Interrupt) -> Self {
        let bar = output.progress_bar("{wide_bar} {pos}/{len}  {msg}");
        Progress { output, bar, last_line: None, folder: None, interrupt }
    }

    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.output.say(text)),
            None => self.output.say(text),
        }
    }

    fn started(&mut self, started: &Started) {
        let Started { folder, steps_done, steps_total, .. } = started;
        if let Some(bar) = &self.bar {
            bar.set_length(*steps_total);
            bar.set_position(*steps_done);
        }
        let from = if *steps_done > 0 { format!(" from step {steps_done}") } else { String::new() };
        self.say(&format!(
            "{}: {steps_total} steps{from}, {} per epoch; {} training and {} validation pairs; generator {} parameters, \
             discriminators {}",
            folder.dir().display(),
            started.steps_per_epoch,
            started.training_pairs,
            started.validation_pairs,
            HumanCount(started.generator_parameters as u64),
            HumanCount(started.discriminator_parameters as u64),
        ));
        self.output.json(|| {
            json!({
                "event": "started", "dir": shown(folder.dir()), "steps_done": steps_done, "steps_total": steps_total,
                "training_pairs": started.training_pairs, "validation_pairs": started.validation_pairs,
                "generator_parameters": started.generator_parameters,
                "discriminator_parameters": started.discriminator_parameters,
            })
        });
        self.folder = Some(folder.clone());
    }

    fn step(&mut self, report: &StepReport) {
        self.output.json(|| {
            let mut object = json!({
                "event": "step", "step": report.step, "epoch": report.epoch, "losses": report.losses.to_json(),
                "seconds": report.time.as_secs_f64(), "seconds_left": report.time_left.as_secs_f64(),
            });
            if !report.stats.0.is_empty() {
                object["stats"] = report.stats.to_json();
            }
            object
        });
        let losses: Vec<String> =
            report.losses.0.iter().map(|(name, value)| format!("{name} {}", fixed(*value, 3))).collect();
        let text = format!("{}  {} left", losses.join("  "), FormattedDuration(report.time_left));
        if let Some(bar) = &self.bar {
            bar.set_position(report.step);
            bar.set_message(text);
        } else if self.last_line.is_none_or(|last| last.elapsed() >= LINE_EVERY) {
            self.last_line = Some(Instant::now());
            let StepReport { step, steps_total, epoch, .. } = report;
            self.output.say(format_args!("step {step}/{steps_total}, epoch {epoch}: {text}"));
        }
    }
}

impl Observer for Progress<'_> {
    fn observe(&mut self, event: &Event<'_>) -> Result<()> {
        match event {
            Event::Started(started) => self.started(started),
            Event::Step(report) => self.step(report),
            Event::Validation { step, scores, .. } => {
                self.output.json(|| {
                    let mut object = json!({ "event": "validation", "step": step });
                    for (measure, value) in *scores {
                        object[format!("validation_{}", measure.name())] = json!(value);
                    }
                    object
                });
                let text: Vec<String> =
                    scores.iter().map(|(measure, value)| format!("{} {}", measure.label(), fixed(*value, 4))).collect();
                self.say(&format!("step {step}: validation {}", text.join(", ")));
                let sheet = self.folder.as_ref().map(|folder| folder.sheet_file(*step));
                if let Some(sheet) = sheet.filter(|sheet| sheet.is_file()) {
                    self.output.json(|| json!({ "event": "samples", "step": step, "path": shown(&sheet) }));
                    self.say(&format!("step {step}: samples in {}", sheet.display()));
                }
            }
            Event::Checkpoint { step, path } => {
                self.output.json(|| json!({ "event": "checkpoint", "step": step, "path": shown(path) }));
                if self.output.is_verbose() {
                    self.say(&format!("step {step}: checkpoint {}", path.display()));
                }
            }
            Event::Warning(text) => {
                self.output.json(|| json!({ "event": "warning", "text": text }));
                self.say(&format!("warning: {text}"));
            }
            Event::Finished(_) => {}
        }
        Ok(())
    }

    fn stop_requested(&self) -> bool {
        self.interrupt.is_asked()
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

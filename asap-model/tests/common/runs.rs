//! Runs, their events and their logs.

use std::fs;
use std::path::Path;

use asap_model::config::Config;
use asap_model::training::{Event, Observer, Sources};
use asap_model::{Result, Trainer};
use asap_tensor::Backend;

/// Records events, and asks to stop after a step.
#[derive(Default)]
pub struct Recorder {
    /// As text.
    pub events: Vec<String>,
    steps: u64,
    stop_after: Option<u64>,
}

impl Recorder {
    /// Asks to stop after that step.
    pub fn stop_after(step: Option<u64>) -> Self {
        Recorder { stop_after: step, ..Recorder::default() }
    }
}

impl Observer for Recorder {
    fn observe(&mut self, event: &Event<'_>) -> Result<()> {
        self.events.push(match event {
            Event::Started(started) => format!("started {} of {}", started.steps_done, started.steps_total),
            Event::Step(report) => {
                self.steps = report.step;
                format!("step {}", report.step)
            }
            Event::Validation { step, samples, .. } => format!("validation {step}, {} samples", samples.len()),
            Event::Checkpoint { step, .. } => format!("checkpoint {step}"),
            Event::Warning(text) => format!("warning {text}"),
            Event::Finished(Ok(summary)) => format!("finished {}", summary.steps),
            Event::Finished(Err(error)) => format!("failed: {error}"),
        });
        Ok(())
    }

    fn stop_requested(&self) -> bool {
        self.stop_after.is_some_and(|step| self.steps >= step)
    }
}

/// A new run.
pub fn start<B: Backend>(backend: B, config: &Config, dir: &Path) -> Result<Trainer<B>> {
    Trainer::new(backend, config.clone(), dir, Sources::open(config)?)
}

/// A run that continues.
pub fn resume<B: Backend>(backend: B, config: &Config, dir: &Path) -> Result<Trainer<B>> {
    Trainer::resume(backend, config.clone(), dir, Sources::open(config)?)
}

/// The lines of `metrics.jsonl`.
pub fn lines(dir: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(dir.join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The steps in `metrics.jsonl`.
pub fn logged_steps(dir: &Path) -> Vec<u64> {
    lines(dir).iter().filter(|line| line.get("losses").is_some()).map(|line| line["step"].as_u64().unwrap()).collect()
}

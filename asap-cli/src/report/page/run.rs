//! What is known of a run, from its folder and its events.

use std::collections::VecDeque;
use std::path::PathBuf;

use asap_model::training::metrics_log::{Record, each_record};
use asap_model::training::{RunFolder, Scores, Started, StepReport};
use asap_model::{Config, Result};

use super::gallery::Gallery;
use crate::machine::{operating_system, processor};
use crate::report::curve::Curve;

/// The time per step is the mean of this many of the latest.
const TIMED: usize = 100;

/// What is known of a run.
pub struct Run {
    pub folder: RunFolder,
    /// The absolute path of the run folder.
    pub dir: PathBuf,
    pub config: Config,
    pub status: Status,
    /// Device and threads.
    pub device: String,
    /// The processor and its threads.
    pub processor: String,
    /// Operating system and architecture.
    pub system: String,
    pub steps_total: u64,
    pub steps_per_epoch: u64,
    /// Training and validation pairs.
    pub pairs: [usize; 2],
    /// Trainable parameters of the generator and of all discriminators.
    pub parameters: [usize; 2],
    /// The last step done.
    pub step: u64,
    /// The losses by name, in the order of `metrics.jsonl`.
    pub losses: Vec<(String, Curve)>,
    /// The learning rates of generator and discriminators.
    pub rates: [Curve; 2],
    /// All validations with their steps.
    pub validations: Vec<(u64, Scores)>,
    /// Sheets of samples.
    pub gallery: Gallery,
    /// The step of the newest checkpoint.
    pub checkpoint: Option<u64>,
    /// Seconds spent in steps, over all sessions.
    pub seconds: f64,
    /// Seconds left, once known.
    pub seconds_left: Option<f64>,
    latest_seconds: VecDeque<f64>,
}

/// The state of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    Training,
    Finished,
    /// Stopped on request.
    Stopped,
    /// A loss or weight is no longer finite; with the error's message.
    Diverged(String),
    /// Stopped by another error; with its message.
    Failed(String),
}

impl Run {
    pub fn new(started: &Started<'_>) -> Self {
        let dir = started.folder.dir();
        let (processor, threads) = (processor(), started.threads);
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        Run {
            folder: started.folder.clone(),
            dir: std::path::absolute(dir).unwrap_or_else(|_| dir.into()),
            config: started.config.clone(),
            status: Status::Training,
            device: format!("{}, {threads} thread{}", started.device, plural(threads)),
            processor: format!(
                "{}, {} hardware thread{}",
                processor.model,
                processor.threads,
                plural(processor.threads)
            ),
            system: format!("{}, {}", operating_system(), std::env::consts::ARCH),
            steps_total: started.steps_total,
            steps_per_epoch: started.steps_per_epoch,
            pairs: [started.training_pairs, started.validation_pairs],
            parameters: [started.generator_parameters, started.discriminator_parameters],
            step: started.steps_done,
            losses: Vec::new(),
            rates: Default::default(),
            validations: Vec::new(),
            gallery: Gallery::new(started.config.data.size),
            checkpoint: (started.steps_done > 0).then_some(started.steps_done),
            seconds: 0.0,
            seconds_left: None,
            latest_seconds: VecDeque::new(),
        }
    }

    /// Adds what the folder has of the steps before this session.
    pub fn read_history(&mut self) -> Result<()> {
        let done = self.step;
        each_record(&self.folder.metrics_file(), |record| match record {
            Record::Step { step, losses, rates, seconds } if step <= done => {
                self.push(step, losses.iter().map(|(name, value)| (name.as_str(), *value)), rates, seconds);
            }
            Record::Validation { step, scores } if step <= done => self.validations.push((step, scores)),
            Record::Step { .. } | Record::Validation { .. } => {}
        })?;
        for (step, path) in self.folder.sheets()? {
            // Later ones are from before the run went back to its checkpoint.
            if step <= done {
                self.gallery.add(step, &path);
            }
        }
        Ok(())
    }

    /// Adds a step.
    pub fn step(&mut self, report: &StepReport) {
        let rates = [report.rates.generator, report.rates.discriminator];
        self.push(report.step, report.losses.named().into_iter(), rates, report.time.as_secs_f64());
        self.step = report.step;
        self.seconds_left = Some(report.time_left.as_secs_f64());
    }

    /// The mean time of the latest steps.
    pub fn seconds_per_step(&self) -> Option<f64> {
        let count = self.latest_seconds.len();
        (count > 0).then(|| self.latest_seconds.iter().sum::<f64>() / count as f64)
    }

    /// The epoch of the last step, counted from 1.
    pub fn epoch(&self) -> u64 {
        1 + self.step.saturating_sub(1) / self.steps_per_epoch.max(1)
    }

    fn push<'a>(&mut self, step: u64, losses: impl Iterator<Item = (&'a str, f64)>, rates: [f64; 2], seconds: f64) {
        for (name, value) in losses {
            let place = self.losses.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
                self.losses.push((name.to_owned(), Curve::default()));
                self.losses.len() - 1
            });
            self.losses[place].1.push(step, value);
        }
        for (curve, rate) in self.rates.iter_mut().zip(rates) {
            curve.push(step, rate);
        }
        if seconds.is_finite() {
            self.seconds += seconds;
            self.latest_seconds.push_back(seconds);
            if self.latest_seconds.len() > TIMED {
                self.latest_seconds.pop_front();
            }
        }
    }
}

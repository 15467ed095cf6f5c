//! What is known of a run, from its folder and its events.

use std::collections::VecDeque;
use std::path::PathBuf;

use asap_model::Result;
use asap_model::training::metrics_log::{Record, each_record};
use asap_model::training::{History, Started, StepReport};

use super::gallery::Gallery;
use crate::machine::processor;
use crate::report::curve::Curve;
use crate::report::number;

/// The time per step is the mean of this many of the latest.
const TIMED: usize = 100;

pub struct Run {
    pub started: Started,
    /// The absolute path of the run folder.
    pub dir: PathBuf,
    pub status: Status,
    pub processor: String,
    pub step: u64,
    /// The losses by name, in the order of `metrics.jsonl`.
    pub losses: Vec<(String, Curve)>,
    /// What steps measured besides, by name.
    pub stats: Vec<(String, Curve)>,
    /// The learning rates of generator and discriminators.
    pub rates: [Curve; 2],
    pub validations: Vec<History>,
    pub gallery: Gallery,
    /// The step of the newest checkpoint.
    pub checkpoint: Option<u64>,
    /// Seconds spent in steps, over all sessions.
    pub seconds: f64,
    /// Seconds left, once known.
    pub seconds_left: Option<f64>,
    latest_seconds: VecDeque<f64>,
}

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

impl Status {
    /// Its name, and the class of its badge.
    pub fn badge(&self) -> [&'static str; 2] {
        match self {
            Status::Training => ["training", "active"],
            Status::Finished => ["finished", "done"],
            Status::Stopped => ["stopped", "neutral"],
            Status::Diverged(_) => ["diverged", "failed"],
            Status::Failed(_) => ["failed", "failed"],
        }
    }
}

impl Run {
    pub fn new(started: Started) -> Self {
        let (dir, processor) = (started.folder.dir(), processor());
        Run {
            dir: std::path::absolute(dir).unwrap_or_else(|_| dir.into()),
            status: Status::Training,
            processor: format!("{}, {}", processor.model, number::count(processor.threads, "hardware thread")),
            step: started.steps_done,
            losses: Vec::new(),
            stats: Vec::new(),
            rates: Default::default(),
            validations: Vec::new(),
            gallery: Gallery::new(started.config.data.size),
            checkpoint: (started.steps_done > 0).then_some(started.steps_done),
            seconds: 0.0,
            seconds_left: None,
            latest_seconds: VecDeque::new(),
            started,
        }
    }

    /// Adds what the folder has of the steps before this session. What it has of later ones is from before the run went back
    /// to its checkpoint.
    pub fn read_history(&mut self) -> Result<()> {
        let (done, folder) = (self.step, self.started.folder.clone());
        each_record(&folder.metrics_file(), |record| match record {
            _ if record.step() > done => {}
            Record::Step { step, losses, stats, rates, seconds } => {
                append(&mut self.losses, step, losses.iter().map(|(name, value)| (name.as_str(), *value)));
                append(&mut self.stats, step, stats.iter().map(|(name, value)| (name.as_str(), *value)));
                self.push(step, rates, seconds);
            }
            Record::Validation { step, scores } => History::record(&mut self.validations, step, &scores),
        })?;
        self.gallery.sheets = folder.sheets()?;
        self.gallery.sheets.retain(|(step, _)| *step <= done);
        Ok(())
    }

    pub fn step(&mut self, report: &StepReport) {
        let rates = [report.rates.generator, report.rates.discriminator];
        append(&mut self.losses, report.step, report.losses.0.iter().copied());
        append(&mut self.stats, report.step, report.stats.0.iter().copied());
        self.push(report.step, rates, report.time.as_secs_f64());
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
        1 + self.step.saturating_sub(1) / self.started.steps_per_epoch.max(1)
    }

    fn push(&mut self, step: u64, rates: [f64; 2], seconds: f64) {
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

/// Adds the values of a step to the curves of their names.
fn append<'a>(curves: &mut Vec<(String, Curve)>, step: u64, values: impl Iterator<Item = (&'a str, f64)>) {
    for (name, value) in values {
        let place = curves.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            curves.push((name.to_owned(), Curve::default()));
            curves.len() - 1
        });
        curves[place].1.push(step, value);
    }
}

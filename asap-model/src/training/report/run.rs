//! What is known of a run, from its folder and its events.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use super::curve::Curve;
use super::gallery::Gallery;
use crate::config::Config;
use crate::sweep::Measure;
use crate::training::folder::RunFolder;
use crate::training::machine::Machine;
use crate::training::metrics::{self, Line};
use crate::training::observer::{RoundReport, Started};
use crate::training::recorder::End;
use crate::training::validation::Scores;
use crate::{Error, Result};

/// The time of a round is the mean of this many of the latest.
const TIMED: usize = 100;

/// What is known of a run.
pub struct Run {
    /// The run folder, whole if the system tells.
    pub dir: PathBuf,
    /// The configuration.
    pub config: Config,
    /// What it computes on.
    pub machine: Machine,
    /// How it stands.
    pub status: Status,
    /// The last round's number; 0 before the start, as all sizes.
    pub rounds_total: u64,
    /// Rounds in an epoch.
    pub rounds_per_epoch: u64,
    /// Pairs for training and validation.
    pub pairs: [usize; 2],
    /// Trained numbers of the generator and of all discriminators.
    pub parameters: [usize; 2],
    /// The rounds played.
    pub round: u64,
    /// The losses by name, in the order of `metrics.jsonl`.
    pub losses: Vec<(String, Curve)>,
    /// The learning rates of generator and discriminators.
    pub rates: [Curve; 2],
    /// What validations told, measure by measure.
    pub validations: Vec<(Measure, Measured)>,
    /// Pictures of samples.
    pub gallery: Gallery,
    /// The round of the newest checkpoint.
    pub checkpoint: Option<u64>,
    /// Seconds in rounds, of all sessions.
    pub seconds: f64,
    /// Seconds that are left, as long as rounds are played.
    pub seconds_left: Option<f64>,
    latest_seconds: VecDeque<f64>,
}

/// The values of a measure.
#[derive(Default)]
pub struct Measured {
    /// All.
    pub curve: Curve,
    /// The best and its round.
    pub best: Option<(u64, f64)>,
}

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It trains.
    Training,
    /// All rounds are played.
    Finished,
    /// It was asked to stop.
    Stopped,
    /// A loss or weight is no longer finite: the error's message.
    Diverged(String),
    /// Another error.
    Failed(String),
}

impl Status {
    /// Of a run that ended.
    pub fn of(end: &End<'_>) -> Self {
        match end {
            End::Finished => Status::Finished,
            End::Stopped => Status::Stopped,
            End::Failed(error @ Error::Diverged { .. }) => Status::Diverged(error.to_string()),
            End::Failed(error) => Status::Failed(error.to_string()),
        }
    }
}

impl Run {
    /// Nothing is known yet but where it is and how it is configured.
    pub fn new(dir: &Path, config: Config, machine: Machine) -> Self {
        Run {
            dir: std::path::absolute(dir).unwrap_or_else(|_| dir.into()),
            gallery: Gallery::new(config.data.size),
            config,
            machine,
            status: Status::Training,
            rounds_total: 0,
            rounds_per_epoch: 0,
            pairs: [0; 2],
            parameters: [0; 2],
            round: 0,
            losses: Vec::new(),
            rates: Default::default(),
            validations: Vec::new(),
            checkpoint: None,
            seconds: 0.0,
            seconds_left: None,
            latest_seconds: VecDeque::new(),
        }
    }

    /// Takes in the sizes, and what the folder holds of the rounds played before.
    ///
    /// # Errors
    /// If the folder can't be read.
    pub fn start(&mut self, folder: &RunFolder, started: &Started<'_>) -> Result<()> {
        self.rounds_total = started.rounds_total;
        self.rounds_per_epoch = started.rounds_per_epoch;
        self.pairs = [started.training_pairs, started.validation_pairs];
        self.parameters = [started.generator_parameters, started.discriminator_parameters];
        let played = started.rounds_played;
        self.round = played;
        self.checkpoint = (played > 0).then_some(played);
        metrics::each_line(&folder.metrics_file(), |line| match line {
            Line::Round { round, losses, rates, seconds } if round <= played => {
                self.push(round, losses.iter().map(|(name, value)| (name.as_str(), *value)), rates, seconds);
            }
            Line::Validation { round, scores } if round <= played => self.validate(round, &scores),
            Line::Round { .. } | Line::Validation { .. } => {}
        })?;
        for (round, path) in folder.sheets()? {
            // A sheet of a later round is from before the run went back to its checkpoint.
            if round <= played {
                self.gallery.add(round, &path);
            }
        }
        Ok(())
    }

    /// Takes in a round.
    pub fn round(&mut self, report: &RoundReport) {
        let rates = [report.rates.generator, report.rates.discriminator];
        self.push(report.round, report.losses.named().into_iter(), rates, report.time.as_secs_f64());
        self.round = report.round;
        self.seconds_left = Some(report.time_left.as_secs_f64());
    }

    /// Takes in a validation.
    pub fn validate(&mut self, round: u64, scores: &Scores) {
        for (measure, value) in scores.named() {
            let Measured { curve, best } = of(&mut self.validations, |known| *known == measure, || measure);
            curve.push(round, value);
            let is_better = |best| if measure.falls() { value < best } else { value > best };
            if value.is_finite() && best.is_none_or(|(_, best)| is_better(best)) {
                *best = Some((round, value));
            }
        }
    }

    /// Seconds of a round, the mean of the latest.
    pub fn seconds_per_round(&self) -> Option<f64> {
        let count = self.latest_seconds.len();
        (count > 0).then(|| self.latest_seconds.iter().sum::<f64>() / count as f64)
    }

    /// The epoch of the latest round, counted from 1.
    pub fn epoch(&self) -> u64 {
        1 + self.round.saturating_sub(1) / self.rounds_per_epoch.max(1)
    }

    fn push<'a>(&mut self, round: u64, losses: impl Iterator<Item = (&'a str, f64)>, rates: [f64; 2], seconds: f64) {
        for (name, value) in losses {
            of(&mut self.losses, |known| known == name, || name.to_owned()).push(round, value);
        }
        for (curve, rate) in self.rates.iter_mut().zip(rates) {
            curve.push(round, rate);
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

/// What is kept under a name, at the end if there was nothing.
fn of<N, T: Default>(kept: &mut Vec<(N, T)>, is: impl Fn(&N) -> bool, name: impl FnOnce() -> N) -> &mut T {
    let place = kept.iter().position(|(known, _)| is(known)).unwrap_or_else(|| {
        kept.push((name(), T::default()));
        kept.len() - 1
    });
    &mut kept[place].1
}

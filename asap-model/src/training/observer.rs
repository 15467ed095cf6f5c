//! What a run reports while it goes on, and how it is asked to stop.

use std::path::Path;
use std::time::Duration;

use super::validation::Scores;
use crate::round::{Losses, Rates};

/// Sees a run go on. The library prints nothing: who wants progress, logs or other files writes an observer.
pub trait Observer {
    /// Called after each event, in order.
    fn observe(&mut self, event: &Event<'_>);

    /// Whether to stop: asked after each round. The run then saves its state and returns.
    fn stop_requested(&self) -> bool {
        false
    }
}

/// Sees nothing.
impl Observer for () {
    fn observe(&mut self, _: &Event<'_>) {}
}

/// Something that happened in a run.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// The run begins, or goes on.
    Started(Started<'a>),
    /// A round was played.
    Round(RoundReport),
    /// The generator was measured on validation pairs.
    Validation {
        /// After this round.
        round: u64,
        /// How far it is from them.
        scores: Scores,
    },
    /// A picture of samples was written.
    Sheet {
        /// After this round.
        round: u64,
        /// The file.
        path: &'a Path,
    },
    /// The whole state and the generator were written.
    Checkpoint {
        /// After this round.
        round: u64,
        /// The file of the whole state.
        path: &'a Path,
    },
    /// Something went wrong that a person should know of, but that does not stop the run.
    Warning(&'a str),
}

/// The size of a run.
#[derive(Clone, Debug)]
pub struct Started<'a> {
    /// The run folder.
    pub dir: &'a Path,
    /// Rounds already played: 0 for a new run.
    pub rounds_played: u64,
    /// The last round's number.
    pub rounds_total: u64,
    /// Rounds in an epoch.
    pub rounds_per_epoch: u64,
    /// Training pairs.
    pub training_pairs: usize,
    /// Validation pairs; `train.validate_count` of them at most are measured.
    pub validation_pairs: usize,
    /// Trained numbers of the generator.
    pub generator_parameters: usize,
    /// Trained numbers of all discriminators.
    pub discriminator_parameters: usize,
}

/// One round.
#[derive(Clone, Debug)]
pub struct RoundReport {
    /// The round, counted from 1.
    pub round: u64,
    /// The last round's number.
    pub rounds_total: u64,
    /// The epoch, counted from 1.
    pub epoch: u64,
    /// The losses, each times its weight.
    pub losses: Losses,
    /// The learning rates.
    pub rates: Rates,
    /// From asking for the batch to the end of the round.
    pub time: Duration,
    /// What the rest of the run takes if it goes on at its mean pace, validations and saving included.
    pub time_left: Duration,
}

impl RoundReport {
    /// The time of the round in seconds, as the log has it: to the microsecond. Sums of these are equal before a stop and
    /// after it, so that `train.minutes` end a run once.
    pub fn seconds(&self) -> f64 {
        self.time.as_micros() as f64 / 1e6
    }
}

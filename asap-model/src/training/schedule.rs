//! Which epoch and batch a round is, and when to save and validate.

use crate::config::{Config, TrainConfig};
use crate::data::{Purpose, batches_per_epoch};
use crate::round::Rates;
use crate::{Error, Result};

/// The course of a run over a number of training pairs. Rounds and epochs count from 1, batches of an epoch from 0.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    pub per_epoch: u64,
    pub total: u64,
    train: TrainConfig,
}

impl Schedule {
    /// `train.epochs` epochs, cut off after `train.steps` rounds.
    ///
    /// # Errors
    /// [`Error::Config`] if the pairs do not fill one batch.
    pub fn new(config: &Config, pairs: usize) -> Result<Self> {
        let train = config.train.clone();
        let per_epoch = batches_per_epoch(pairs, train.batch, Purpose::Training) as u64;
        if per_epoch == 0 {
            let problem = format!(
                "train.batch = {} is more than the {pairs} training pairs that there are; lower it or add pairs",
                train.batch
            );
            return Err(Error::Config { origin: "configuration".into(), problem });
        }
        let all = per_epoch.saturating_mul(train.epochs as u64);
        Ok(Schedule { per_epoch, total: train.steps.map_or(all, |steps| steps.min(all)), train })
    }

    /// The epoch of a round and its batch.
    pub fn place(&self, round: u64) -> (u64, usize) {
        let before = round.saturating_sub(1);
        (1 + before / self.per_epoch, (before % self.per_epoch) as usize)
    }

    /// The learning rates in an epoch.
    pub fn rates(&self, epoch: u64) -> Rates {
        let factor = self.train.learning_rate_factor(epoch as usize);
        Rates { generator: factor * self.train.lr_generator, discriminator: factor * self.train.lr_discriminator }
    }

    /// How many seconds the rounds may still take after `seconds` of them, where that is limited.
    pub fn seconds_left(&self, seconds: f64) -> Option<f64> {
        self.train.minutes.map(|minutes| 60.0 * minutes - seconds)
    }

    /// Whether the run is over after a round, and `seconds` of rounds.
    pub fn ends(&self, round: u64, seconds: f64) -> bool {
        round >= self.total || self.seconds_left(seconds).is_some_and(|left| left <= 0.0)
    }

    /// Whether the state is saved after a round.
    pub fn saves(&self, round: u64) -> bool {
        self.is_due(round, self.train.save_every)
    }

    /// Whether the generator is measured after a round.
    pub fn validates(&self, round: u64) -> bool {
        self.is_due(round, self.train.sample_every)
    }

    fn is_due(&self, round: u64, every: u64) -> bool {
        round >= self.total || (every > 0 && round.is_multiple_of(every))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(pairs: usize, steps: Option<u64>) -> Schedule {
        let mut config = Config::default();
        config.train = TrainConfig { epochs: 3, decay_epochs: 2, batch: 2, steps, ..config.train };
        Schedule::new(&config, pairs).unwrap()
    }

    #[test]
    fn an_incomplete_batch_is_dropped_and_the_next_round_begins_an_epoch() {
        let schedule = schedule(5, None);
        assert_eq!((schedule.per_epoch, schedule.total), (2, 6));
        let places: Vec<_> = (1..=6).map(|round| schedule.place(round)).collect();
        assert_eq!(places, [(1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1)]);
    }

    #[test]
    fn steps_cut_a_run_off_but_never_prolong_it() {
        assert_eq!(schedule(5, Some(4)).total, 4);
        assert_eq!(schedule(5, Some(100)).total, 6);
    }

    #[test]
    fn minutes_end_a_run_by_the_time_of_its_rounds() {
        let mut schedule = schedule(5, None);
        assert!(!schedule.ends(5, 1e9) && schedule.ends(6, 0.0));
        schedule.train.minutes = Some(0.5);
        assert!(!schedule.ends(5, 29.9) && schedule.ends(1, 30.0));
    }

    #[test]
    fn fewer_pairs_than_a_batch_are_refused() {
        let mut config = Config::default();
        config.train.batch = 4;
        let error = Schedule::new(&config, 3).unwrap_err().to_string();
        assert!(error.contains("train.batch = 4") && error.contains("3 training pairs"), "{error}");
    }

    #[test]
    fn the_last_round_saves_and_validates_whatever_the_intervals() {
        let mut schedule = schedule(5, None);
        (schedule.train.save_every, schedule.train.sample_every) = (4, 0);
        assert_eq!((1..=6).filter(|&round| schedule.saves(round)).collect::<Vec<_>>(), [4, 6]);
        assert_eq!((1..=6).filter(|&round| schedule.validates(round)).collect::<Vec<_>>(), [6]);
    }
}

//! The epoch and batch of a step; when to save and validate.

use std::time::Duration;

use super::step::Rates;
use crate::config::{Config, TrainConfig};
use crate::data::{Purpose, batches_per_epoch};
use crate::{Error, Result};

/// The schedule of a run. Steps and epochs count from 1, batches of an epoch from 0.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    pub per_epoch: u64,
    pub total: u64,
    train: TrainConfig,
}

impl Schedule {
    /// `train.epochs` epochs over `pairs` training pairs, but at most `train.steps` steps.
    pub fn new(config: &Config, pairs: usize) -> Result<Self> {
        let train = config.train.clone();
        let per_epoch = batches_per_epoch(pairs, train.batch, Purpose::Training) as u64;
        if per_epoch == 0 {
            let problem =
                format!("train.batch = {} exceeds the {pairs} training pairs; lower it or add pairs", train.batch);
            return Err(Error::Config { origin: "configuration".into(), problem });
        }
        let all = per_epoch.saturating_mul(train.epochs as u64);
        Ok(Schedule { per_epoch, total: train.steps.map_or(all, |steps| steps.min(all)), train })
    }

    /// The epoch of a step and its batch.
    pub fn place(&self, step: u64) -> (u64, usize) {
        let before = step.saturating_sub(1);
        (1 + before / self.per_epoch, (before % self.per_epoch) as usize)
    }

    /// The learning rates of a step in an epoch.
    pub fn rates(&self, step: u64, epoch: u64) -> Rates {
        let factor = self.train.warmup_factor(step) * self.train.learning_rate_factor(epoch as usize);
        Rates { generator: factor * self.train.lr_generator, discriminator: factor * self.train.lr_discriminator }
    }

    /// What can't have its effect in so few steps.
    pub fn warning(&self) -> Option<String> {
        let warmup = self.train.warmup_steps;
        (warmup > self.total).then(|| {
            format!(
                "train.warmup_steps = {warmup}, but the run has {} steps: the learning rates stay lower",
                self.total
            )
        })
    }

    /// Seconds left of `train.minutes` after `seconds` spent in steps.
    fn seconds_left(&self, seconds: f64) -> Option<f64> {
        self.train.minutes.map(|minutes| 60.0 * minutes - seconds)
    }

    /// The time left after a step at a pace per step, with `seconds` spent in steps so far.
    pub fn time_left(&self, step: u64, pace: Duration, seconds: f64) -> Duration {
        let left = pace.as_secs_f64() * self.total.saturating_sub(step) as f64;
        Duration::from_secs_f64(self.seconds_left(seconds).map_or(left, |limit| left.min(limit.max(0.0))))
    }

    /// Whether the run ends after a step, with `seconds` spent in steps.
    pub fn ends(&self, step: u64, seconds: f64) -> bool {
        step >= self.total || self.seconds_left(seconds).is_some_and(|left| left <= 0.0)
    }

    /// Whether a step is the last one or a multiple of `every`; 0: only at the end.
    pub fn is_due(&self, step: u64, every: u64) -> bool {
        step >= self.total || (every > 0 && step.is_multiple_of(every))
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
    fn incomplete_batches_are_dropped() {
        let schedule = schedule(5, None);
        assert_eq!((schedule.per_epoch, schedule.total), (2, 6));
        let places: Vec<_> = (1..=6).map(|step| schedule.place(step)).collect();
        assert_eq!(places, [(1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1)]);
    }

    #[test]
    fn steps_shorten_a_run_but_never_extend_it() {
        assert_eq!(schedule(5, Some(4)).total, 4);
        assert_eq!(schedule(5, Some(100)).total, 6);
    }

    #[test]
    fn minutes_end_a_run_by_time_in_steps() {
        let mut schedule = schedule(5, None);
        assert!(!schedule.ends(5, 1e9) && schedule.ends(6, 0.0));
        schedule.train.minutes = Some(0.5);
        assert!(!schedule.ends(5, 29.9) && schedule.ends(1, 30.0));
        assert_eq!(schedule.time_left(4, Duration::from_secs(3), 20.0), Duration::from_secs(6));
        assert_eq!(schedule.time_left(2, Duration::from_secs(3), 20.0), Duration::from_secs(10));
    }

    #[test]
    fn warmup_multiplies_the_decay() {
        let mut schedule = schedule(5, None);
        let full = |schedule: &Schedule, step| schedule.rates(step, schedule.place(step).0);
        let before: Vec<Rates> = (1..=6).map(|step| full(&schedule, step)).collect();
        schedule.train.warmup_steps = 4;
        for (step, factor) in (1..=6).zip([0.25, 0.5, 0.75, 1.0, 1.0, 1.0]) {
            let Rates { generator, discriminator } = before[step as usize - 1];
            let expected = Rates { generator: factor * generator, discriminator: factor * discriminator };
            let rates = full(&schedule, step);
            assert!((rates.generator / expected.generator - 1.0).abs() < 1e-15, "{step}: {rates:?}");
            assert!((rates.discriminator / expected.discriminator - 1.0).abs() < 1e-15, "{step}: {rates:?}");
        }
        assert_eq!(schedule.warning(), None);
        schedule.train.warmup_steps = 7;
        assert!(schedule.warning().unwrap().contains("train.warmup_steps = 7"));
    }

    #[test]
    fn batches_need_enough_pairs() {
        let mut config = Config::default();
        config.train.batch = 4;
        let error = Schedule::new(&config, 3).unwrap_err().to_string();
        assert!(error.contains("train.batch = 4") && error.contains("3 training pairs"), "{error}");
    }

    #[test]
    fn the_last_step_is_always_due() {
        let schedule = schedule(5, None);
        let due = |every| (1..=6).filter(|&step| schedule.is_due(step, every)).collect::<Vec<_>>();
        assert_eq!((due(4), due(0)), (vec![4, 6], vec![6]));
    }
}

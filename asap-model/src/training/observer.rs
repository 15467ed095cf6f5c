//! What a run reports as it trains, and how to stop it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::losses::Losses;
use super::run_folder::RunFolder;
use super::stats::Stats;
use super::step::Rates;
use super::validation::{History, SampleRow};
use crate::Result;
use crate::config::Config;
use crate::evaluation::Measure;

/// Watches a run. The library prints nothing: progress, logs and reports are observers.
pub trait Observer {
    /// Called after each event, in order.
    ///
    /// # Errors
    /// Training continues after an error. The first one of an observer becomes an [`Event::Warning`]; later events still
    /// reach it.
    fn observe(&mut self, event: &Event<'_>) -> Result<()>;

    /// Whether to stop. Asked after each step; the run then saves its state and returns.
    fn stop_requested(&self) -> bool {
        false
    }
}

/// Something that happened in a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// The run starts or resumes.
    Started(&'a Started),
    /// A training step ended.
    Step(&'a StepReport),
    /// The generator was compared with validation pairs.
    Validation {
        /// After this step.
        step: u64,
        /// The measures.
        scores: &'a [(Measure, f64)],
        /// A few of the pairs, the same each time, with the generator's outputs.
        samples: &'a [SampleRow],
    },
    /// The whole state and the generator were saved.
    Checkpoint {
        /// After this step.
        step: u64,
        /// The file of the whole state.
        path: &'a Path,
    },
    /// A problem that does not stop the run.
    Warning(&'a str),
    /// The run ended. No event follows.
    Finished(&'a Result<Summary>),
}

/// What is known of a run before its first step.
#[derive(Clone, Debug)]
pub struct Started {
    /// The run folder.
    pub folder: RunFolder,
    /// The configuration.
    pub config: Config,
    /// The device that computes, as the command line names it.
    pub device: String,
    /// Its host threads.
    pub threads: usize,
    /// Steps done before: 0 for a new run.
    pub steps_done: u64,
    /// The last step.
    pub steps_total: u64,
    /// Steps in an epoch.
    pub steps_per_epoch: u64,
    /// Training pairs.
    pub training_pairs: usize,
    /// Validation pairs; a validation uses at most `train.validate_count` of them.
    pub validation_pairs: usize,
    /// Trainable parameters of the generator.
    pub generator_parameters: usize,
    /// Trainable parameters of all discriminators.
    pub discriminator_parameters: usize,
}

/// One training step.
#[derive(Clone, Debug)]
pub struct StepReport {
    /// The step, counted from 1.
    pub step: u64,
    /// The last step.
    pub steps_total: u64,
    /// The epoch, counted from 1.
    pub epoch: u64,
    /// The losses, each times its weight.
    pub losses: Losses,
    /// What it measured besides.
    pub stats: Stats,
    /// The learning rates.
    pub rates: Rates,
    /// From waiting for the batch to the end of the step.
    pub time: Duration,
    /// The time left at the mean pace so far, validations and saving included.
    pub time_left: Duration,
}

impl StepReport {
    /// The time in seconds as `metrics.jsonl` has it, to the microsecond. Sums of these are equal before a stop and after
    /// it, so `train.minutes` ends a run once.
    pub fn seconds(&self) -> f64 {
        self.time.as_micros() as f64 / 1e6
    }
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The run folder.
    pub dir: PathBuf,
    /// Steps done, those before resuming included.
    pub steps: u64,
    /// The last step; more than `steps` if the run stopped early.
    pub steps_total: u64,
    /// Whether an observer stopped it.
    pub stopped: bool,
    /// The time of this session: from the start, or from resuming.
    pub time: Duration,
    /// The losses of the last step; `None` if no step was left.
    pub losses: Option<Losses>,
    /// The time spent in steps, over all sessions, in seconds.
    pub training_seconds: f64,
    /// If it ended because of `train.patience`: the validations by the measure that did not improve.
    pub out_of_patience: Option<History>,
    /// All validations of the run, by measure.
    pub validations: Vec<History>,
    /// The generator's file.
    pub generator: PathBuf,
}

/// Several observers of one run.
pub(super) struct Observers<'a, 'b> {
    /// Each with whether it has failed.
    list: Vec<(&'a mut (dyn Observer + 'b), bool)>,
}

impl<'a, 'b> Observers<'a, 'b> {
    pub fn new(list: &'a mut [&'b mut dyn Observer]) -> Self {
        Observers { list: list.iter_mut().map(|observer| (&mut **observer, false)).collect() }
    }

    /// Passes an event to each observer. The first error of each becomes a warning for all.
    pub fn emit(&mut self, event: &Event<'_>) {
        for place in 0..self.list.len() {
            let (observer, failed) = &mut self.list[place];
            if let Err(error) = observer.observe(event)
                && !std::mem::replace(failed, true)
            {
                self.warn(&format!("{error}; training continues, later attempts may succeed"));
            }
        }
    }

    pub fn warn(&mut self, text: &str) {
        self.emit(&Event::Warning(text));
    }

    pub fn stop_requested(&self) -> bool {
        self.list.iter().any(|(observer, _)| observer.stop_requested())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    /// Fails except at checkpoint 3 and at warnings.
    #[derive(Default)]
    struct Failing {
        steps: Vec<u64>,
        warnings: Vec<String>,
    }

    impl Observer for Failing {
        fn observe(&mut self, event: &Event<'_>) -> Result<()> {
            match event {
                Event::Warning(text) => self.warnings.push((*text).into()),
                Event::Checkpoint { step, .. } => self.steps.push(*step),
                _ => {}
            }
            match event {
                Event::Checkpoint { step: 3, .. } | Event::Warning(_) => Ok(()),
                _ => Err(Error::io(Path::new("page"), "write it")(std::io::Error::other("the disk is full"))),
            }
        }
    }

    #[test]
    fn failing_observers_warn_once_and_get_every_event() {
        let (mut one, mut two) = (Failing::default(), Failing::default());
        let mut list: [&mut dyn Observer; 2] = [&mut one, &mut two];
        let mut observers = Observers::new(&mut list);
        for step in 1..=3 {
            observers.emit(&Event::Checkpoint { step, path: Path::new("file") });
        }
        observers.emit(&Event::Finished(&Err(Error::Data { file: "photo.jpg".into(), problem: "is cut off".into() })));
        for observer in [one, two] {
            assert_eq!(observer.steps, [1, 2, 3]);
            assert_eq!(observer.warnings.len(), 2, "one for each observer: {:?}", observer.warnings);
            assert!(observer.warnings[0].starts_with("page: cannot write it: the disk is full"));
        }
    }
}

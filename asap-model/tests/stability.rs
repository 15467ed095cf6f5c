//! What keeps generator and discriminators in balance: warm-up, clipping.

mod common;

use std::fs;
use std::path::Path;

use asap_model::checkpoint::{HostTensor, Weights};
use asap_model::config::Config;
use asap_model::training::metrics_log::{Record, each_record};
use asap_model::training::{Event, Observer, RunFolder, Sources, Summary};
use asap_model::{Result, Trainer, checkpoint};
use asap_tensor::Reference;
use common::tiny;

/// Asks to stop after a step.
struct StopAfter(u64, bool);

impl Observer for StopAfter {
    fn observe(&mut self, event: &Event<'_>) -> Result<()> {
        if let Event::Step(report) = event {
            self.1 = report.step >= self.0;
        }
        Ok(())
    }

    fn stop_requested(&self) -> bool {
        self.1
    }
}

fn tiny_with(assignments: &[&str]) -> Config {
    let mut config = tiny();
    assignments.iter().for_each(|assignment| config.set(assignment).unwrap());
    config.validate().unwrap();
    config
}

/// Trains to the end in `dir`, stopped and resumed after each of `stops`.
fn train_in(dir: &Path, config: &Config, stops: &[u64]) -> Summary {
    let sources = || Sources::open(config).unwrap();
    let mut trainer = Trainer::new(Reference::<f32>::new(), config.clone(), dir, sources()).unwrap();
    for &stop in stops {
        let summary = trainer.run(&mut [&mut StopAfter(stop, false)]).unwrap();
        assert!(summary.stopped && summary.steps == stop);
        drop(trainer);
        trainer = Trainer::resume(Reference::<f32>::new(), config.clone(), dir, sources()).unwrap();
    }
    trainer.run(&mut []).unwrap()
}

/// The last checkpoint and the records of a run.
fn train(config: &Config, stops: &[u64]) -> (Vec<u8>, Vec<Record>) {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let summary = train_in(&dir, config, stops);
    let run = RunFolder::open(&dir).unwrap();
    let mut records = Vec::new();
    each_record(&run.metrics_file(), |record| records.push(record)).unwrap();
    (fs::read(run.checkpoint_file(summary.steps)).unwrap(), records)
}

/// The generator's weights after training.
fn weights(config: &Config) -> Weights {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    train_in(&dir, config, &[]);
    checkpoint::load(&dir).unwrap().weights
}

/// The values of a quantity, by step.
fn stats(records: &[Record], name: &str) -> Vec<(u64, f64)> {
    let of_step = |record: &Record| match record {
        Record::Step { step, stats, .. } => {
            stats.iter().find(|(known, _)| known == name).map(|(_, value)| (*step, *value))
        }
        Record::Validation { .. } => None,
    };
    records.iter().filter_map(of_step).collect()
}

/// A run with these keys ends with the same bytes if it is stopped and resumed, and they have an effect.
fn assert_resumes(assignments: &[&str]) -> Vec<Record> {
    let config = tiny_with(assignments);
    let (whole, records) = train(&config, &[]);
    assert!(whole == train(&config, &[3, 8]).0, "{assignments:?}");
    let differs = |(key, value): (&String, &HostTensor)| weights(&tiny())[key] != *value;
    assert!(weights(&config).iter().any(differs), "{assignments:?} have no effect");
    records
}

#[test]
fn warmup_resumes_to_the_bit() {
    let records = assert_resumes(&["train.warmup_steps=4"]);
    let rates: Vec<[f64; 2]> = records
        .iter()
        .filter_map(|record| if let Record::Step { rates, .. } = record { Some(*rates) } else { None })
        .collect();
    assert_eq!(rates[..5], [[2.5e-5, 1e-4], [5e-5, 2e-4], [1e-4 * 0.75, 4e-4 * 0.75], [1e-4, 4e-4], [1e-4, 4e-4]]);
}

#[test]
fn clipping_resumes_to_the_bit() {
    let records = assert_resumes(&["train.clip_norm=0.01"]);
    for name in ["gradient_norm_generator", "gradient_norm_discriminator"] {
        let norms = stats(&records, name);
        assert_eq!(norms.len(), 15);
        assert!(norms.iter().all(|(_, norm)| *norm > 0.01), "{name}: {norms:?}");
    }
}

#[test]
fn a_limit_that_is_never_reached_changes_nothing() {
    assert!(weights(&tiny_with(&["train.clip_norm=1e6"])) == weights(&tiny()));
}

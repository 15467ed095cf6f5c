//! What keeps a run stable: warm-up, clipping, the discriminators' steps and rate; the end of a run by its validations.

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

/// The steps whose losses have `D_fake`.
fn discriminator_steps(records: &[Record]) -> Vec<u64> {
    let of_step = |record: &Record| match record {
        Record::Step { step, losses, .. } => losses.iter().any(|(name, _)| name == "D_fake").then_some(*step),
        Record::Validation { .. } => None,
    };
    records.iter().filter_map(of_step).collect()
}

#[test]
fn fewer_discriminator_steps_resume_to_the_bit() {
    let records = assert_resumes(&["train.discriminator_every=3"]);
    assert_eq!(discriminator_steps(&records), [1, 4, 7, 10, 13]);
}

#[test]
fn more_discriminator_steps_resume_to_the_bit() {
    let records = assert_resumes(&["train.discriminator_steps=2"]);
    assert_eq!(discriminator_steps(&records), (1..=15).collect::<Vec<_>>());
    let one_step = |updates| {
        let config = tiny_with(&["train.steps=1", &format!("train.discriminator_steps={updates}")]);
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("run");
        let mut trainer =
            Trainer::new(Reference::<f32>::new(), config.clone(), &dir, Sources::open(&config).unwrap()).unwrap();
        trainer.run(&mut []).unwrap();
        [&trainer.networks.generator_adam, &trainer.networks.discriminator_adam].map(|adam| adam.steps())
    };
    assert_eq!([one_step(1), one_step(3)], [[1, 1], [1, 3]]);
    let mut config = tiny();
    config.set_all(&["train.discriminator_steps=2".into(), "train.discriminator_every=2".into()]).unwrap();
    let error = config.validate().unwrap_err().to_string();
    assert!(error.contains("train.discriminator_every = 2") && error.contains("discriminator_steps = 2"), "{error}");
}

#[test]
fn discriminator_rate_follows_the_accuracy_and_resumes_to_the_bit() {
    // Discriminators of these small networks are always more accurate, or always less.
    for target in [0.501, 0.999] {
        let records = assert_followed(target);
        let accuracies = stats(&records, "discriminator_accuracy");
        assert_eq!(accuracies.len(), 15);
        assert!(accuracies.iter().all(|(_, accuracy)| (0.0..=1.0).contains(accuracy)), "{accuracies:?}");
        // The factor of a step follows from the accuracies before.
        let (mut average, mut factor) = (target, 1.0_f64);
        let rates = records.iter().filter_map(|record| match record {
            Record::Step { rates, .. } => Some(*rates),
            Record::Validation { .. } => None,
        });
        for (rates, (step, accuracy)) in rates.zip(accuracies) {
            let expected = 4.0 * rates[0] * factor;
            assert!((rates[1] / expected - 1.0).abs() < 1e-12, "step {step}: {rates:?}, factor {factor}");
            average = 0.95 * average + 0.05 * accuracy;
            factor = (factor * (0.05 * (target - average)).exp()).clamp(0.01, 1.0);
        }
    }
}

#[test]
fn oasis_rate_follows_the_accuracy_of_pixels() {
    let oasis = ["discriminator.kind=oasis", "discriminator.levels=3", "discriminator.width=4", "loss.lambda_feat=0"];
    let mut config = tiny();
    config.set_all(&oasis.map(str::to_owned)).unwrap();
    config.set("train.discriminator_accuracy=0.501").unwrap();
    config.validate().unwrap();
    let (whole, records) = train(&config, &[]);
    let accuracies = stats(&records, "discriminator_accuracy");
    assert_eq!(accuracies.len(), 15);
    assert!(accuracies.iter().all(|(_, accuracy)| (0.0..=1.0).contains(accuracy)), "{accuracies:?}");
    assert!(whole == train(&config, &[8]).0);
}

fn assert_followed(target: f64) -> Vec<Record> {
    let config = tiny_with(&[&format!("train.discriminator_accuracy={target}"), "train.lr_discriminator=4e-4"]);
    let (whole, records) = train(&config, &[]);
    assert!(whole == train(&config, &[3, 8]).0, "{target}");
    records
}

#[test]
fn best_images_are_kept_by_their_own_measure() {
    for measure in ["ssim", "psnr", "swd"] {
        let config = tiny_with(&[&format!("train.keep_best={measure}"), "train.sample_every=5"]);
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("run");
        let summary = train_in(&dir, &config, &[7]);
        let names: Vec<&str> = summary.validations.iter().map(|history| history.measure.name()).collect();
        assert_eq!(names, ["l1", measure, "seams"], "no measure is computed that was not asked for");
        let history = &summary.validations[1];
        assert_eq!(history.values.len(), 3);
        assert!(history.values.iter().all(|(_, value)| value.is_finite()), "{history:?}");
        assert!(RunFolder::open(&dir).unwrap().best_file().is_file());
    }
    let small = tiny_with(&["train.keep_best=ssim", "data.size=[8,8]"]);
    let folder = tempfile::tempdir().unwrap();
    let sources = Sources::open(&small).unwrap();
    let error = Trainer::new(Reference::<f32>::new(), small, &folder.path().join("run"), sources).err().unwrap();
    assert!(error.to_string().contains("sides of at least 11"), "{error}");
}

#[test]
fn patience_ends_a_run() {
    // The learning rate is so large that no later output is better.
    let keys = ["train.keep_best=l1", "train.sample_every=1", "train.patience=3", "train.lr_generator=0.1"];
    let config = tiny_with(&keys);
    let folder = tempfile::tempdir().unwrap();
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    let summary = train_in(&whole, &config, &[]);
    let history = summary.out_of_patience.clone().unwrap();
    let (best, _) = history.best.unwrap();
    assert_eq!((summary.steps, summary.stopped), (best + 3, false));
    assert!(summary.steps < 15, "seed {}: patience never ends", config.train.seed);
    // Stopped in the middle of its patience, and again at its end.
    assert_eq!(train_in(&parts, &config, &[best + 1]).steps, summary.steps);
    let bytes = |dir: &Path| fs::read(RunFolder::open(dir).unwrap().checkpoint_file(summary.steps)).unwrap();
    assert!(bytes(&whole) == bytes(&parts));
    let resumed = |config: &Config| {
        let sources = Sources::open(config).unwrap();
        Trainer::resume(Reference::<f32>::new(), config.clone(), &whole, sources).unwrap().run(&mut []).unwrap()
    };
    let again = resumed(&config);
    assert_eq!((again.steps, again.out_of_patience), (summary.steps, Some(history)));
    let unset = Config { train: asap_model::config::TrainConfig { patience: None, ..config.train.clone() }, ..config };
    assert_eq!(resumed(&unset).steps, 15);
}

#[test]
fn patience_needs_validations_by_a_measure() {
    let mut config = tiny();
    config.set("train.patience=3").unwrap();
    assert!(config.validate().unwrap_err().to_string().contains("train.keep_best"));
    config.set("train.keep_best=l1").unwrap();
    config.set("train.sample_every=0").unwrap();
    assert!(config.validate().unwrap_err().to_string().contains("train.sample_every is 0"));
}

#[test]
fn augmentation_resumes_to_the_bit() {
    assert_resumes(&["discriminator.augment=color"]);
    assert_resumes(&["discriminator.augment=color,translation,cutout", "discriminator.augment_probability=0.5"]);
    let nothing = ["discriminator.augment=color,translation,cutout", "discriminator.augment_probability=0"];
    assert!(weights(&tiny_with(&nothing)) == weights(&tiny()), "a probability of 0 changes nothing");
}

#[test]
fn augmentation_follows_the_signs_and_resumes_to_the_bit() {
    let keys = ["discriminator.augment=translation", "discriminator.augment_probability=0.5"];
    for (target, change) in [("-0.999", 1e-3), ("0.999", -1e-3)] {
        let records = assert_resumes(&[&keys[..], &[&format!("discriminator.augment_target={target}")]].concat());
        let probabilities = stats(&records, "augment_probability");
        assert_eq!(probabilities.len(), 15);
        for (step, probability) in probabilities {
            let expected = 0.5 + change * (step - 1) as f64;
            assert!((probability - expected).abs() < 1e-9, "step {step}: {probability}, not {expected}");
        }
        assert!(stats(&records, "discriminator_sign_real").iter().all(|(_, sign)| (-1.0..=1.0).contains(sign)));
    }
}

#[test]
fn masked_depth_is_augmented() {
    let mut depth = Config::preset("depth-synthetic").unwrap();
    let Config { generator, discriminator, loss, train: lengths, .. } = tiny();
    (depth.generator, depth.loss, depth.train) = (generator, loss, lengths);
    depth.discriminator = discriminator;
    (depth.data.size, depth.data.count, depth.data.val_count) = ([16, 16], 11, 6);
    depth.set("discriminator.augment=translation,cutout").unwrap();
    let (whole, _) = train(&depth, &[]);
    assert!(whole == train(&depth, &[8]).0);
}

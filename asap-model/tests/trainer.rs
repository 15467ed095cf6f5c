//! Training runs of tiny networks.

mod common;
#[path = "common/runs.rs"]
mod runs;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use asap_model::checkpoint::{HostTensor, Metadata, Weights};
use asap_model::config::{Config, GeneratorConfig, ValidationMeasure};
use asap_model::data::{Example, Source};
use asap_model::training::{RunFolder, Sources};
use asap_model::{Error, Result, Trainer, checkpoint};
use asap_tensor::{Cpu, Reference};
use common::tiny;
use runs::{Recorder, lines, logged_steps, resume, start};

#[test]
fn averaged_generator_is_validated_and_saved() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = tiny();
    let run = |config: &Config, name: &str| {
        let mut trainer = start(Cpu::new(Some(1)).unwrap(), config, &folder.path().join(name)).unwrap();
        let summary = trainer.run(&mut []).unwrap();
        let raw = trainer.networks.generator.params.to_weights().unwrap();
        (raw, RunFolder::open(trainer.dir()).unwrap(), summary.validations[0].values.clone())
    };
    let (raw, plain, validated) = run(&config, "plain");
    config.train.ema = 0.9;
    let (same, averaged, validated_average) = run(&config, "averaged");
    assert!(raw == same, "the average changes nothing in training");
    let file = |run: &RunFolder| checkpoint::load(&run.generator_file()).unwrap().weights;
    assert!(file(&plain) == raw && file(&averaged) != raw);
    assert!(file(&averaged) == checkpoint::load(&averaged.checkpoint_file(15)).unwrap().weights);
    assert_ne!(validated, validated_average);
}

#[test]
fn minutes_end_a_run() {
    let mut config = tiny();
    config.train.minutes = Some(1e-9);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let mut recorder = Recorder::default();
    let summary = start(Reference::<f32>::new(), &config, &dir).unwrap().run(&mut [&mut recorder]).unwrap();
    assert_eq!((summary.steps, summary.stopped), (1, false));
    let expected = ["step 1", "validation 1, 4 samples", "checkpoint 1", "finished 1"];
    assert_eq!(recorder.events[1..], expected);
    let mut again = Recorder::default();
    let summary = resume(Reference::<f32>::new(), &config, &dir).unwrap().run(&mut [&mut again]).unwrap();
    assert_eq!((summary.steps, summary.stopped, again.events.len()), (1, false, 2));
    config.train.minutes = None;
    let summary = resume(Reference::<f32>::new(), &config, &dir).unwrap().run(&mut []).unwrap();
    assert_eq!(summary.steps, 15);
}

#[test]
fn run_folder_is_complete() {
    let mut config = tiny();
    (config.train.save_every, config.train.sample_every, config.train.steps) = (2, 4, Some(9));
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("runs").join("tiny");
    let mut recorder = Recorder::default();
    let mut trainer = start(Reference::<f32>::new(), &config, &dir).unwrap();
    let summary = trainer.run(&mut [&mut recorder]).unwrap();

    let run = RunFolder::open(&dir).unwrap();
    assert_eq!(run.config().unwrap(), config);
    let steps: Vec<u64> = run.checkpoints().unwrap().into_iter().map(|(step, _)| step).collect();
    assert_eq!(steps, [6, 8, 9]);
    let generator = checkpoint::load(&dir).unwrap();
    assert_eq!(generator.config.as_ref(), Some(&config));
    assert_eq!(generator.weights, trainer.networks.generator.params.to_weights().unwrap());
    let of_state = checkpoint::load(&run.checkpoint_file(9)).unwrap();
    assert_eq!((of_state.weights, of_state.config), (generator.weights, generator.config));

    let validated: Vec<u64> = summary.validations[0].values.iter().map(|(step, _)| *step).collect();
    assert_eq!(validated, [4, 8, 9]);

    let metrics = lines(&dir);
    assert_eq!(metrics.len(), 9 + 3);
    let sixth = metrics.iter().find(|line| line["step"] == 6).unwrap();
    assert_eq!(sixth["epoch"], 2);
    assert_eq!(sixth["lr_generator"], config.train.lr_generator);
    assert!(sixth["seconds"].as_f64().unwrap() > 0.0);
    let names: Vec<&String> = sixth["losses"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["GAN", "GAN_Feat", "D_fake", "D_real"]);

    assert_eq!(recorder.events[..3], ["started 0 of 9", "step 1", "step 2"]);
    assert_eq!(recorder.events[3], "checkpoint 2");
    let last = ["step 9", "validation 9, 4 samples", "checkpoint 9", "finished 9"];
    assert_eq!(recorder.events[recorder.events.len() - 4..], last);
    let mut names: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".lock", "checkpoints", "config.toml", "generator.safetensors", "metrics.jsonl", "samples"]);

    let second = start(Reference::<f32>::new(), &config, &dir).unwrap();
    assert!(second.dir().ends_with("tiny-2"));
}

/// After the best validation, not the last one, and also if the run was stopped in between.
#[test]
fn best_generator_is_kept() {
    let mut config = tiny();
    (config.train.keep_best, config.train.sample_every) = (Some(ValidationMeasure::L1), 1);
    // So large that L1 does not fall at every step.
    config.train.lr_generator = 0.1;
    let folder = tempfile::tempdir().unwrap();
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    let summary = start(Reference::<f32>::new(), &config, &whole).unwrap().run(&mut []).unwrap();
    let (best, value) = summary.validations[0].best.unwrap();
    assert!(best < 15, "seed {}: the last step is the best", config.train.seed);
    let file = |dir: &Path| fs::read(RunFolder::open(dir).unwrap().best_file()).unwrap();
    let kept = file(&whole);
    let loaded = checkpoint::load(&RunFolder::open(&whole).unwrap().best_file()).unwrap();
    assert_eq!(loaded.config.as_ref(), Some(&config));

    for stop in [best, best + 1] {
        let _ = fs::remove_dir_all(&parts);
        start(Reference::<f32>::new(), &config, &parts)
            .unwrap()
            .run(&mut [&mut Recorder::stop_after(Some(stop))])
            .unwrap();
        if stop == best {
            let generator = fs::read(RunFolder::open(&parts).unwrap().generator_file()).unwrap();
            assert!(generator == kept, "the generator of step {best}, whose L1 is {value}");
        }
        resume(Reference::<f32>::new(), &config, &parts).unwrap().run(&mut []).unwrap();
        assert!(file(&parts) == kept, "stopped at {stop}");
    }

    config.train.keep_best = Some(ValidationMeasure::Rmse);
    let error = config.validate().unwrap_err().to_string();
    assert!(error.contains("train.keep_best = \"rmse\""), "{error}");
    config.train.keep_best = Some(ValidationMeasure::Seams);
    config.validate().unwrap();
    config.generator = GeneratorConfig::of_kind("pix2pixhd").unwrap();
    let error = config.validate().unwrap_err().to_string();
    assert!(error.contains("train.keep_best = \"seams\"") && error.contains("use l1"), "{error}");
}

#[test]
fn finished_run_resumes_only_with_more_steps() {
    let mut config = tiny();
    config.train.steps = Some(2);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    start(Reference::<f32>::new(), &config, &dir).unwrap().run(&mut []).unwrap();
    let before = fs::read(dir.join("metrics.jsonl")).unwrap();
    let summary = resume(Reference::<f32>::new(), &config, &dir).unwrap().run(&mut []).unwrap();
    assert_eq!((summary.steps, summary.losses), (2, None));
    assert_eq!(fs::read(dir.join("metrics.jsonl")).unwrap(), before);
    config.train.steps = Some(4);
    let summary = resume(Reference::<f32>::new(), &config, &dir).unwrap().run(&mut []).unwrap();
    assert_eq!(summary.steps, 4);
    assert_eq!(RunFolder::open(&dir).unwrap().config().unwrap().train.steps, Some(4));
}

#[test]
fn resuming_with_other_networks_or_data_is_refused() {
    let mut config = tiny();
    config.train.steps = Some(1);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    start(Reference::<f32>::new(), &config, &dir).unwrap().run(&mut []).unwrap();
    for change in ["generator.mlp_width=7", "loss.lambda_l1=1", "data.flip=false", "train.seed=8", "data.count=12"] {
        let mut other = config.clone();
        other.set(change).unwrap();
        let error = resume(Reference::<f32>::new(), &other, &dir).err().unwrap();
        let (key, _) = change.split_once('=').unwrap();
        assert!(matches!(&error, Error::Config { problem, .. } if problem.contains(key)), "{error}");
    }
    let sources = Sources { training: Sources::open(&config).unwrap().validation, ..Sources::open(&config).unwrap() };
    let error = Trainer::resume(Reference::<f32>::new(), config, &dir, sources).err().unwrap().to_string();
    assert!(error.contains("trained on 11 pairs, but data.dir has 6"), "{error}");
}

#[test]
fn missing_vgg_weights_fail_before_writing() {
    let mut config = tiny();
    config.loss.lambda_vgg = 10.0;
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("runs").join("tiny");
    let error = start(Reference::<f32>::new(), &config, &dir).err().unwrap();
    assert!(matches!(error, Error::Config { .. }));
    let message = error.to_string();
    for part in
        ["loss.lambda_vgg", "loss.vgg_weights", "vgg19-dcbb9e9d.pth", "IMAGENET1K_V1", "--set loss.lambda_vgg=0"]
    {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// A run of five steps with a checkpoint after each.
fn five_steps(dir: &Path) -> (Config, RunFolder) {
    let mut config = tiny();
    (config.train.save_every, config.train.steps) = (1, Some(5));
    start(Reference::<f32>::new(), &config, dir).unwrap().run(&mut []).unwrap();
    (config, RunFolder::open(dir).unwrap())
}

#[test]
fn damaged_checkpoints_are_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let (config, run) = five_steps(&folder.path().join("run"));
    let whole = fs::read(run.checkpoint_file(5)).unwrap();
    // Cut short, and one bit of a weight.
    fs::write(run.checkpoint_file(5), &whole[..whole.len() / 2]).unwrap();
    let mut fourth = fs::read(run.checkpoint_file(4)).unwrap();
    *fourth.last_mut().unwrap() ^= 1;
    fs::write(run.checkpoint_file(4), &fourth).unwrap();
    fs::write(run.dir().join("checkpoints/.writing-abc"), "half").unwrap();

    let mut recorder = Recorder::default();
    resume(Reference::<f32>::new(), &config, run.dir()).unwrap().run(&mut [&mut recorder]).unwrap();
    assert_eq!(recorder.events[0], "started 3 of 5");
    for (event, part) in recorder.events[1..3].iter().zip(["step-000005", "SHA-256"]) {
        assert!(event.starts_with("warning ") && event.contains(part), "{event}");
    }
    assert_eq!(fs::read(run.checkpoint_file(5)).unwrap(), whole);
    assert_eq!(logged_steps(run.dir()), [1, 2, 3, 4, 5]);
    let mut names: Vec<String> = fs::read_dir(run.dir().join("checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = ["3", "4", "4.damaged", "5", "5.damaged"].map(|name| match name.split_once('.') {
        Some((step, _)) => format!("step-00000{step}.safetensors.damaged"),
        None => format!("step-00000{name}.safetensors"),
    });
    assert_eq!(names, expected);
}

#[test]
fn unreadable_checkpoints_are_all_named() {
    let folder = tempfile::tempdir().unwrap();
    let (config, run) = five_steps(&folder.path().join("run"));
    for step in 3..=5 {
        fs::write(run.checkpoint_file(step), "").unwrap();
    }
    let error = resume(Reference::<f32>::new(), &config, run.dir()).err().unwrap().to_string();
    for step in 3..=5 {
        assert!(error.contains(&format!("step-00000{step}.safetensors: ")), "{error}");
    }
    assert!(run.checkpoint_file(5).exists(), "nothing is renamed");
}

/// It may be fine; resuming without it would drop its steps.
#[cfg(unix)]
#[test]
fn unopenable_checkpoint_is_not_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let (config, run) = five_steps(&folder.path().join("run"));
    let newest = run.checkpoint_file(5);
    let elsewhere = folder.path().join("not mounted");
    fs::rename(&newest, &elsewhere).unwrap();
    std::os::unix::fs::symlink(folder.path().join("gone"), &newest).unwrap();
    let error = resume(Reference::<f32>::new(), &config, run.dir()).err().unwrap();
    assert!(matches!(&error, Error::Io { file, .. } if *file == newest), "{error}");
    assert_eq!(logged_steps(run.dir()), [1, 2, 3, 4, 5]);
    fs::rename(&elsewhere, &newest).unwrap();
    assert_eq!(resume(Reference::<f32>::new(), &config, run.dir()).unwrap().networks.steps, 5);
}

#[test]
fn restart_needs_a_run_without_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let (config, run) = five_steps(&folder.path().join("run"));
    let last = fs::read(run.checkpoint_file(5)).unwrap();
    let restart = || Trainer::restart(Reference::<f32>::new(), config.clone(), run.dir(), Sources::open(&config)?);
    let error = restart().err().unwrap().to_string();
    assert!(error.contains("it has a checkpoint"), "{error}");
    for step in 3..=5 {
        fs::remove_file(run.checkpoint_file(step)).unwrap();
    }
    restart().unwrap().run(&mut []).unwrap();
    assert!(fs::read(run.checkpoint_file(5)).unwrap() == last);
    assert_eq!(logged_steps(run.dir()), [1, 2, 3, 4, 5]);
    let elsewhere = folder.path().join("nothing");
    assert!(
        Trainer::restart(Reference::<f32>::new(), config.clone(), &elsewhere, Sources::open(&config).unwrap()).is_err()
    );
    assert!(!elsewhere.exists());
}

#[test]
fn run_folder_is_locked() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let (config, _) = five_steps(&dir);
    let first = resume(Reference::<f32>::new(), &config, &dir).unwrap();
    let error = resume(Reference::<f32>::new(), &config, &dir).err().unwrap();
    assert!(matches!(&error, Error::Config { problem, .. } if problem.contains("another process")), "{error}");
    drop(first);
    resume(Reference::<f32>::new(), &config, &dir).unwrap();
}

/// VGG19 with one channel a layer and equal weights.
fn write_vgg(path: &Path, weight: f32) {
    let mut weights = Weights::new();
    for (place, module) in [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28].into_iter().enumerate() {
        let shape = vec![1, if place == 0 { 3 } else { 1 }, 3, 3];
        let data = vec![weight; shape.iter().product()];
        weights.insert(format!("features.{module}.weight"), HostTensor { shape, data });
        weights.insert(format!("features.{module}.bias"), HostTensor { shape: vec![1], data: vec![0.0] });
    }
    checkpoint::safetensors::write(path, &weights, &Metadata::new()).unwrap();
}

#[test]
fn diverged_run_keeps_its_last_good_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let vgg = folder.path().join("vgg.safetensors");
    write_vgg(&vgg, 0.1);
    let mut config = tiny();
    config.loss.lambda_vgg = 10.0;
    config.loss.vgg_weights = Some(vgg.clone());
    let dir = folder.path().join("run");
    let mut trainer = start(Reference::<f32>::new(), &config, &dir).unwrap();
    trainer.run(&mut [&mut Recorder::stop_after(Some(2))]).unwrap();
    drop(trainer);
    let run = RunFolder::open(&dir).unwrap();
    let files = [run.checkpoint_file(2), run.generator_file()];
    let good = files.clone().map(|file| fs::read(file).unwrap());

    write_vgg(&vgg, 1e30);
    let error = resume(Reference::<f32>::new(), &config, &dir).unwrap().run(&mut []).unwrap_err();
    assert!(matches!(&error, Error::Diverged { step: 3, what, .. } if what == "the loss VGG"), "{error}");
    assert!(files.map(|file| fs::read(file).unwrap()) == good);
    assert_eq!(run.checkpoints().unwrap().len(), 1);
}

#[test]
fn unreadable_pair_stops_the_run_after_saving() {
    let config = tiny();
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let mut sources = Sources::open(&config).unwrap();
    sources.training = Arc::new(Damaged(sources.training));
    let mut trainer = Trainer::new(Reference::<f32>::new(), config.clone(), &dir, sources).unwrap();
    let error = trainer.run(&mut []).unwrap_err();
    assert!(matches!(error, Error::Data { .. }), "{error}");
    let done = trainer.networks.steps;
    assert!(done > 0, "seed {} samples the damaged pair first", config.train.seed);
    assert_eq!(RunFolder::open(&dir).unwrap().checkpoints().unwrap().pop().unwrap().0, done);
    drop(trainer);
    let summary = resume(Reference::<f32>::new(), &config, &dir).unwrap().run(&mut []).unwrap();
    assert_eq!(summary.steps, 15);
}

/// A source whose pair 0 can't be read.
struct Damaged(Arc<dyn Source>);

impl Source for Damaged {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, index: usize) -> Result<Example> {
        if index == 0 {
            return Err(Error::Data { file: "photo.jpg".into(), problem: "is cut off".into() });
        }
        self.0.get(index)
    }
}

#[test]
fn training_lowers_validation_l1() {
    let mut config = tiny();
    config.loss.lambda_l1 = 10.0;
    config.train.epochs = 30;
    config.train.decay_epochs = 0;
    config.train.lr_generator = 3e-3;
    config.train.sample_every = 10;
    let folder = tempfile::tempdir().unwrap();
    let mut trainer = start(Cpu::new(Some(1)).unwrap(), &config, &folder.path().join("run")).unwrap();
    let summary = trainer.run(&mut []).unwrap();
    let l1: Vec<f64> = summary.validations[0].values.iter().map(|(_, l1)| *l1).collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (first, last) = (mean(&l1[..2]), mean(&l1[l1.len() - 2..]));
    assert!(last < 0.8 * first, "seed {}: {l1:?}", config.train.seed);
}

#[test]
fn dry_run_reads_everything_back() {
    let mut recorder = Recorder::default();
    let config = tiny();
    let sources = Sources::open(&config).unwrap();
    let summary = Trainer::dry_run(Cpu::new(Some(1)).unwrap(), config, sources, None, &mut [&mut recorder]).unwrap();
    assert_eq!((summary.steps, summary.steps_total), (2, 2));
    assert!(recorder.events.contains(&"checkpoint 2".to_string()));
    assert!(!summary.dir.exists());
}

//! Runs that are interrupted end with the bytes of those that are not.

mod common;
#[path = "common/runs.rs"]
mod runs;

use std::fs;

use asap_model::config::Config;
use asap_model::training::RunFolder;
use asap_tensor::{Backend, Cpu, Reference};
use common::tiny;
use runs::{Recorder, logged_steps, resume, start};

/// The last checkpoint of a run that stops and resumes at each of `stops`.
fn last_checkpoint<B: Backend>(backends: &[B], stops: &[u64]) -> Vec<u8> {
    last_checkpoint_of(&tiny(), backends, stops)
}

/// As [`last_checkpoint`], for a configuration of fifteen steps.
fn last_checkpoint_of<B: Backend>(config: &Config, backends: &[B], stops: &[u64]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    for (part, backend) in backends.iter().enumerate() {
        let mut trainer = match part {
            0 => start(backend.clone(), config, &dir).unwrap(),
            _ => resume(backend.clone(), config, &dir).unwrap(),
        };
        let stop_after = stops.get(part).copied();
        let mut recorder = Recorder::stop_after(stop_after);
        let summary = trainer.run(&mut [&mut recorder]).unwrap();
        let before = part.checked_sub(1).map_or(0, |before| stops[before]);
        assert_eq!(recorder.events[0], format!("started {before} of 15"));
        assert_eq!(summary.steps, stop_after.unwrap_or(15));
        assert_eq!(summary.stopped, stop_after.is_some());
    }
    assert_eq!(logged_steps(&dir), (1..=15).collect::<Vec<_>>(), "each step is logged once");
    fs::read(RunFolder::open(&dir).unwrap().checkpoint_file(15)).unwrap()
}

#[test]
fn resumed_run_ends_with_the_same_bytes() {
    let reference = Reference::<f32>::new();
    let whole = last_checkpoint(std::slice::from_ref(&reference), &[]);
    // In the middle of an epoch, at its end, and while the learning rates decay.
    let stopped = last_checkpoint(&[reference.clone(), reference.clone(), reference.clone(), reference], &[3, 5, 12]);
    assert!(whole == stopped);
}

#[test]
fn thread_count_does_not_change_the_bytes() {
    let threads = |count| Cpu::new(Some(count)).unwrap();
    let one = last_checkpoint(&[threads(1)], &[]);
    assert!(one == last_checkpoint(&[threads(2)], &[]));
    assert!(one == last_checkpoint(&[threads(4)], &[]));
    assert!(one == last_checkpoint(&[threads(2), threads(1), threads(4)], &[7, 12]));
}

/// Each baseline with a few channels.
fn tiny_baselines() -> Vec<Config> {
    [
        ("pix2pix-unet", &["halvings=3"][..], 16),
        ("pix2pix-resnet", &["blocks=1"], 16),
        ("pix2pixhd", &["halvings=1", "blocks=1"], 16),
        ("pix2pixhd-local", &["halvings=1", "blocks=1"], 16),
        ("spade", &["doublings=5"], 64),
        ("cc-fpse", &["doublings=5"], 64),
    ]
    .map(|(kind, sizes, side)| {
        let mut config = tiny();
        config.set(&format!("generator.kind={kind}")).unwrap();
        for size in [&["width_factor=0.03125"], sizes].concat() {
            config.set(&format!("generator.{size}")).unwrap();
        }
        config.data.size = [side; 2];
        config.validate().unwrap();
        config
    })
    .into()
}

/// Asserts that a run of this configuration ends with the same bytes if it stops after some steps and continues with another
/// number of threads.
fn assert_resumes(config: &Config) {
    config.validate().unwrap();
    let threads = |count| Cpu::new(Some(count)).unwrap();
    let whole = last_checkpoint_of(config, &[threads(1)], &[]);
    let stopped = last_checkpoint_of(config, &[threads(2), threads(1), threads(1)], &[4, 7]);
    assert!(whole == stopped, "{}", config.to_toml().unwrap());
}

/// [`tiny`], with keys set.
fn tiny_with(keys: &[&str]) -> Config {
    let mut config = tiny();
    config.set_all(&keys.iter().map(|&key| key.to_owned()).collect::<Vec<_>>()).unwrap();
    config
}

#[test]
fn baselines_resume_with_the_same_bytes() {
    tiny_baselines().iter().for_each(assert_resumes);
}

/// LabelMix is random.
#[test]
fn oasis_resumes_with_the_same_bytes() {
    assert_resumes(&tiny_with(&["discriminator.kind=oasis", "discriminator.levels=3", "loss.lambda_feat=0"]));
}

#[test]
fn averaged_weights_resume_with_the_same_bytes() {
    assert_resumes(&tiny_with(&["train.ema=0.9"]));
}

/// Phases and dropout's masks are those of the step, not of the process.
#[test]
fn phase_and_dropout_resume_with_the_same_bytes() {
    assert_resumes(&tiny_with(&["generator.seams=phase"]));
    assert_resumes(&tiny_with(&["generator.dropout=0.3"]));
}

#[test]
fn run_with_noise_resumes_with_the_same_bytes() {
    assert_resumes(&tiny_with(&["generator.noise=2"]));
}

#[test]
fn noise_depends_on_the_seed() {
    let last = |seed| last_checkpoint_of(&tiny_with(&["generator.noise=2", seed]), &[Cpu::new(Some(1)).unwrap()], &[]);
    assert!(last("train.seed=7") != last("train.seed=8"));
}

//! The promises of a training run, on networks of a few channels and facades of 16×16 pixels.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use asap_model::checkpoint::{HostTensor, Metadata, Weights};
use asap_model::config::{AsapNetConfig, Config, Layout, Resize};
use asap_model::data::{Raw, Source};
use asap_model::training::{Event, Observer, RunFolder, Sources, metrics};
use asap_model::{Error, Result, Trainer, checkpoint};
use asap_tensor::{Backend, Cpu, Reference};

/// Five rounds an epoch, three epochs.
fn tiny() -> Config {
    let mut config = Config::default();
    config.data.layout = Layout::Synthetic;
    config.data.resize = Resize::None;
    config.data.size = [16, 16];
    config.data.count = 11;
    config.data.val_count = 6;
    config.generator = AsapNetConfig {
        tile: 4,
        learned_factor: 4,
        width: 3,
        max_width: 5,
        depth: 1,
        mlp_width: 6,
        mlp_depth: 2,
        ..AsapNetConfig::default()
    }
    .into();
    config.discriminator.width = 2;
    config.discriminator.max_width = 4;
    config.loss.lambda_vgg = 0.0;
    config.train.batch = 2;
    config.train.epochs = 3;
    config.train.decay_epochs = 2;
    config.train.init_gain = 1.0;
    config.train.seed = 7;
    config.train.validate_count = 5;
    config
}

/// Notes what happens, and asks to stop after a round.
#[derive(Default)]
struct Notes {
    events: Vec<String>,
    rounds: u64,
    stop_after: Option<u64>,
}

impl Observer for Notes {
    fn observe(&mut self, event: &Event<'_>) {
        self.events.push(match event {
            Event::Started(started) => format!("started {} of {}", started.rounds_played, started.rounds_total),
            Event::Round(report) => {
                self.rounds = report.round;
                format!("round {}", report.round)
            }
            Event::Validation { round, .. } => format!("validation {round}"),
            Event::Sheet { round, .. } => format!("sheet {round}"),
            Event::Checkpoint { round, .. } => format!("checkpoint {round}"),
            Event::Warning(text) => format!("warning {text}"),
        });
    }

    fn stop_requested(&self) -> bool {
        self.stop_after.is_some_and(|round| self.rounds >= round)
    }
}

fn start<B: Backend>(backend: B, config: &Config, dir: &Path) -> Result<Trainer<B>> {
    Trainer::new(backend, config.clone(), dir, Sources::open(config)?)
}

fn resume<B: Backend>(backend: B, config: &Config, dir: &Path) -> Result<Trainer<B>> {
    Trainer::resume(backend, config.clone(), dir, Sources::open(config)?)
}

/// The checkpoint after the last round, of a run that stops at each of `stops` and goes on.
fn last_checkpoint<B: Backend>(backends: &[B], stops: &[u64]) -> Vec<u8> {
    last_checkpoint_of(&tiny(), backends, stops)
}

/// As [`last_checkpoint`], of a configuration of fifteen rounds.
fn last_checkpoint_of<B: Backend>(config: &Config, backends: &[B], stops: &[u64]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    for (part, backend) in backends.iter().enumerate() {
        let mut trainer = match part {
            0 => start(backend.clone(), config, &dir).unwrap(),
            _ => resume(backend.clone(), config, &dir).unwrap(),
        };
        let stop_after = stops.get(part).copied();
        let summary = trainer.run(&mut Notes { stop_after, ..Notes::default() }).unwrap();
        assert_eq!(summary.rounds, stop_after.unwrap_or(15));
        assert_eq!(summary.stopped, stop_after.is_some());
    }
    let rounds: Vec<u64> = metric_rounds(&dir);
    assert_eq!(rounds, (1..=15).collect::<Vec<_>>(), "each round is in the metrics once");
    fs::read(RunFolder::open(&dir).unwrap().checkpoint_file(15)).unwrap()
}

fn lines(dir: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(dir.join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn metric_rounds(dir: &Path) -> Vec<u64> {
    lines(dir).iter().filter(|line| line.get("losses").is_some()).map(|line| line["round"].as_u64().unwrap()).collect()
}

#[test]
fn a_run_that_stopped_and_went_on_ends_with_the_same_bytes() {
    let reference = Reference::<f32>::new();
    let whole = last_checkpoint(std::slice::from_ref(&reference), &[]);
    // In the middle of an epoch, at its end, and while the rates fall.
    let stopped = last_checkpoint(&[reference.clone(), reference.clone(), reference.clone(), reference], &[3, 5, 12]);
    assert!(whole == stopped);
}

#[test]
fn one_two_or_four_threads_and_a_change_between_them_give_the_same_bytes() {
    let threads = |count| Cpu::new(Some(count)).unwrap();
    let one = last_checkpoint(&[threads(1)], &[]);
    assert!(one == last_checkpoint(&[threads(2)], &[]));
    assert!(one == last_checkpoint(&[threads(4)], &[]));
    assert!(one == last_checkpoint(&[threads(2), threads(1), threads(4)], &[7, 12]));
}

/// Each kind of the compared generators at sizes of a few channels.
fn tiny_compared() -> Vec<Config> {
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

#[test]
fn a_compared_generator_trains_and_goes_on_as_if_it_had_never_stopped_on_one_thread_or_two() {
    for config in tiny_compared() {
        let threads = |count| Cpu::new(Some(count)).unwrap();
        let whole = last_checkpoint_of(&config, &[threads(1)], &[]);
        let stopped = last_checkpoint_of(&config, &[threads(2), threads(1)], &[7]);
        assert!(whole == stopped, "{}", config.generator.kind());
    }
}

#[test]
fn minutes_end_a_run_which_then_counts_as_done() {
    let mut config = tiny();
    config.train.minutes = Some(1e-9);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let mut notes = Notes::default();
    let summary = start(Reference::<f32>::new(), &config, &dir).unwrap().run(&mut notes).unwrap();
    assert_eq!((summary.rounds, summary.stopped), (1, false));
    assert_eq!(notes.events[1..], ["round 1", "validation 1", "sheet 1", "checkpoint 1"]);
    let mut again = Notes::default();
    let summary = resume(Reference::<f32>::new(), &config, &dir).unwrap().run(&mut again).unwrap();
    assert_eq!((summary.rounds, summary.stopped, again.events.len()), (1, false, 1));
    config.train.minutes = None;
    let summary = resume(Reference::<f32>::new(), &config, &dir).unwrap().run(&mut Notes::default()).unwrap();
    assert_eq!(summary.rounds, 15);
}

#[test]
fn a_run_folder_has_what_a_run_promises() {
    let mut config = tiny();
    (config.train.save_every, config.train.sample_every, config.train.steps) = (2, 4, Some(9));
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("runs").join("tiny");
    let mut notes = Notes::default();
    let mut trainer = start(Reference::<f32>::new(), &config, &dir).unwrap();
    let summary = trainer.run(&mut notes).unwrap();

    let run = RunFolder::open(&dir).unwrap();
    assert_eq!(run.config().unwrap(), config);
    let rounds: Vec<u64> = run.checkpoints().unwrap().into_iter().map(|(round, _)| round).collect();
    assert_eq!(rounds, [6, 8, 9]);
    let generator = checkpoint::load(&dir).unwrap();
    assert_eq!(generator.config.as_ref(), Some(&config));
    assert_eq!(generator.weights, asap_model::Network::to_weights(&trainer.game().generator).unwrap());
    let of_state = checkpoint::load(&run.checkpoint_file(9)).unwrap();
    assert_eq!((of_state.weights, of_state.config), (generator.weights, generator.config));

    let validated: Vec<u64> = summary.validations.iter().map(|(round, _)| *round).collect();
    assert_eq!(validated, [4, 8, 9]);
    assert!(validated.iter().all(|&round| run.sheet_file(round).is_file()));
    let sheet = asap_model::data::read_photo(&run.sheet_file(9)).unwrap();
    assert_eq!((sheet.height, sheet.width), (4 * 16 + 3 * 4, 3 * 16 + 2 * 4));

    let metrics = lines(&dir);
    assert_eq!(metrics.len(), 9 + 3);
    let sixth = metrics.iter().find(|line| line["round"] == 6).unwrap();
    assert_eq!(sixth["epoch"], 2);
    assert_eq!(sixth["lr_generator"], config.train.lr_generator);
    assert!(sixth["seconds"].as_f64().unwrap() > 0.0);
    let names: Vec<&String> = sixth["losses"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["GAN", "GAN_Feat", "D_Fake", "D_real"]);

    assert_eq!(notes.events[..3], ["started 0 of 9", "round 1", "round 2"]);
    assert_eq!(notes.events[3], "checkpoint 2");
    assert_eq!(notes.events[notes.events.len() - 4..], ["round 9", "validation 9", "sheet 9", "checkpoint 9"]);
    let leftovers: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(leftovers.len(), 8, "{leftovers:?}");
    let is_events = |name: &&std::ffi::OsString| name.to_string_lossy().starts_with("events.out.tfevents.");
    assert_eq!(leftovers.iter().filter(is_events).count(), 1, "{leftovers:?}");
    assert!(leftovers.contains(&".lock".into()), "{leftovers:?}");

    let second = start(Reference::<f32>::new(), &config, &dir).unwrap();
    assert!(second.dir().ends_with("tiny-2"));
}

#[test]
fn a_finished_run_goes_on_only_with_more_rounds() {
    let mut config = tiny();
    config.train.steps = Some(2);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    start(Reference::<f32>::new(), &config, &dir).unwrap().run(&mut ()).unwrap();
    let before = fs::read(dir.join("metrics.jsonl")).unwrap();
    let summary = resume(Reference::<f32>::new(), &config, &dir).unwrap().run(&mut ()).unwrap();
    assert_eq!((summary.rounds, summary.losses), (2, None));
    assert_eq!(fs::read(dir.join("metrics.jsonl")).unwrap(), before);
    config.train.steps = Some(4);
    let summary = resume(Reference::<f32>::new(), &config, &dir).unwrap().run(&mut ()).unwrap();
    assert_eq!(summary.rounds, 4);
    assert_eq!(RunFolder::open(&dir).unwrap().config().unwrap().train.steps, Some(4));
}

#[test]
fn going_on_with_other_networks_or_other_data_is_refused() {
    let mut config = tiny();
    config.train.steps = Some(1);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    start(Reference::<f32>::new(), &config, &dir).unwrap().run(&mut ()).unwrap();
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
fn a_missing_vgg_file_is_told_before_anything_is_written() {
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

/// A run of five rounds with a checkpoint after each.
fn five_rounds(dir: &Path) -> (Config, RunFolder) {
    let mut config = tiny();
    (config.train.save_every, config.train.steps) = (1, Some(5));
    start(Reference::<f32>::new(), &config, dir).unwrap().run(&mut ()).unwrap();
    (config, RunFolder::open(dir).unwrap())
}

#[test]
fn a_damaged_checkpoint_is_set_aside_and_the_one_before_it_gives_the_same_end() {
    let folder = tempfile::tempdir().unwrap();
    let (config, run) = five_rounds(&folder.path().join("run"));
    let whole = fs::read(run.checkpoint_file(5)).unwrap();
    // Cut short, and one bit of a weight.
    fs::write(run.checkpoint_file(5), &whole[..whole.len() / 2]).unwrap();
    let mut fourth = fs::read(run.checkpoint_file(4)).unwrap();
    *fourth.last_mut().unwrap() ^= 1;
    fs::write(run.checkpoint_file(4), &fourth).unwrap();
    fs::write(run.dir().join("checkpoints/.writing-abc"), "half").unwrap();

    let mut notes = Notes::default();
    resume(Reference::<f32>::new(), &config, run.dir()).unwrap().run(&mut notes).unwrap();
    assert_eq!(notes.events[0], "started 3 of 5");
    for (event, part) in notes.events[1..3].iter().zip(["round-000005", "SHA-256"]) {
        assert!(event.starts_with("warning ") && event.contains(part), "{event}");
    }
    assert_eq!(fs::read(run.checkpoint_file(5)).unwrap(), whole);
    assert_eq!(metric_rounds(run.dir()), [1, 2, 3, 4, 5]);
    let mut names: Vec<String> = fs::read_dir(run.dir().join("checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = ["3", "4", "4.damaged", "5", "5.damaged"].map(|name| match name.split_once('.') {
        Some((round, _)) => format!("round-00000{round}.safetensors.damaged"),
        None => format!("round-00000{name}.safetensors"),
    });
    assert_eq!(names, expected);
}

#[test]
fn without_a_checkpoint_that_can_be_read_each_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (config, run) = five_rounds(&folder.path().join("run"));
    for round in 3..=5 {
        fs::write(run.checkpoint_file(round), "").unwrap();
    }
    let error = resume(Reference::<f32>::new(), &config, run.dir()).err().unwrap().to_string();
    for round in 3..=5 {
        assert!(error.contains(&format!("round-00000{round}.safetensors: ")), "{error}");
    }
    assert!(run.checkpoint_file(5).exists(), "nothing is renamed for nothing");
}

/// What can't be opened now may be whole: going on without it would drop its rounds.
#[cfg(unix)]
#[test]
fn a_checkpoint_that_cannot_be_opened_is_not_taken_for_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let (config, run) = five_rounds(&folder.path().join("run"));
    let newest = run.checkpoint_file(5);
    let elsewhere = folder.path().join("not mounted");
    fs::rename(&newest, &elsewhere).unwrap();
    std::os::unix::fs::symlink(folder.path().join("gone"), &newest).unwrap();
    let error = resume(Reference::<f32>::new(), &config, run.dir()).err().unwrap();
    assert!(matches!(&error, Error::Io { file, .. } if *file == newest), "{error}");
    assert_eq!(metric_rounds(run.dir()), [1, 2, 3, 4, 5]);
    fs::rename(&elsewhere, &newest).unwrap();
    assert_eq!(resume(Reference::<f32>::new(), &config, run.dir()).unwrap().game().rounds(), 5);
}

#[test]
fn a_run_that_stopped_before_its_first_checkpoint_begins_again_in_its_folder_and_no_other_does() {
    let folder = tempfile::tempdir().unwrap();
    let (config, run) = five_rounds(&folder.path().join("run"));
    let last = fs::read(run.checkpoint_file(5)).unwrap();
    let restart = || Trainer::restart(Reference::<f32>::new(), config.clone(), run.dir(), Sources::open(&config)?);
    let error = restart().err().unwrap().to_string();
    assert!(error.contains("it has a checkpoint"), "{error}");
    for round in 3..=5 {
        fs::remove_file(run.checkpoint_file(round)).unwrap();
    }
    restart().unwrap().run(&mut ()).unwrap();
    assert!(fs::read(run.checkpoint_file(5)).unwrap() == last);
    assert_eq!(metric_rounds(run.dir()), [1, 2, 3, 4, 5]);
    let elsewhere = folder.path().join("nothing");
    assert!(
        Trainer::restart(Reference::<f32>::new(), config.clone(), &elsewhere, Sources::open(&config).unwrap()).is_err()
    );
    assert!(!elsewhere.exists());
}

#[test]
fn two_never_train_in_one_folder() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let (config, _) = five_rounds(&dir);
    let first = resume(Reference::<f32>::new(), &config, &dir).unwrap();
    let error = resume(Reference::<f32>::new(), &config, &dir).err().unwrap();
    assert!(matches!(&error, Error::Config { problem, .. } if problem.contains("another process")), "{error}");
    drop(first);
    resume(Reference::<f32>::new(), &config, &dir).unwrap();
}

/// VGG19 of one channel a layer, with all weights equal.
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
fn a_run_that_diverges_keeps_its_last_good_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let vgg = folder.path().join("vgg.safetensors");
    write_vgg(&vgg, 0.1);
    let mut config = tiny();
    config.loss.lambda_vgg = 10.0;
    config.loss.vgg_weights = Some(vgg.clone());
    let dir = folder.path().join("run");
    let mut trainer = start(Reference::<f32>::new(), &config, &dir).unwrap();
    trainer.run(&mut Notes { stop_after: Some(2), ..Notes::default() }).unwrap();
    drop(trainer);
    let run = RunFolder::open(&dir).unwrap();
    let files = [run.checkpoint_file(2), run.generator_file()];
    let good = files.clone().map(|file| fs::read(file).unwrap());

    write_vgg(&vgg, 1e30);
    let error = resume(Reference::<f32>::new(), &config, &dir).unwrap().run(&mut ()).unwrap_err();
    assert!(matches!(&error, Error::Diverged { round: 3, what, .. } if what == "the loss VGG"), "{error}");
    assert!(files.map(|file| fs::read(file).unwrap()) == good);
    assert_eq!(run.checkpoints().unwrap().len(), 1);
}

#[test]
fn a_pair_that_cannot_be_read_stops_the_run_after_saving() {
    let config = tiny();
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let mut sources = Sources::open(&config).unwrap();
    sources.training = Arc::new(Damaged(sources.training));
    let mut trainer = Trainer::new(Reference::<f32>::new(), config.clone(), &dir, sources).unwrap();
    let error = trainer.run(&mut ()).unwrap_err();
    assert!(matches!(error, Error::Data { .. }), "{error}");
    let played = trainer.game().rounds();
    assert!(played > 0, "seed {} draws the damaged pair first", config.train.seed);
    assert_eq!(RunFolder::open(&dir).unwrap().checkpoints().unwrap().pop().unwrap().0, played);
    drop(trainer);
    let summary = resume(Reference::<f32>::new(), &config, &dir).unwrap().run(&mut ()).unwrap();
    assert_eq!(summary.rounds, 15);
}

/// A source whose picture 0 can't be read.
struct Damaged(Arc<dyn Source>);

impl Source for Damaged {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn raw(&self, index: usize) -> Result<Raw> {
        if index == 0 {
            return Err(Error::Data { file: "photo.jpg".into(), problem: "is cut off".into() });
        }
        self.0.raw(index)
    }
}

#[test]
fn training_brings_the_validation_pictures_nearer_to_the_real_ones() {
    let mut config = tiny();
    config.loss.lambda_l1 = 10.0;
    config.train.epochs = 30;
    config.train.decay_epochs = 0;
    config.train.lr_generator = 3e-3;
    config.train.sample_every = 10;
    let folder = tempfile::tempdir().unwrap();
    let mut trainer = start(Cpu::new(Some(1)).unwrap(), &config, &folder.path().join("run")).unwrap();
    let summary = trainer.run(&mut ()).unwrap();
    let l1: Vec<f64> = summary.validations.iter().map(|(_, scores)| scores.l1).collect();
    let (first, last) = metrics::tenths(&l1).unwrap();
    assert!(last < 0.8 * first, "seed {}: {l1:?}", config.train.seed);
}

#[test]
fn a_dry_run_writes_and_reloads_everything() {
    let mut notes = Notes::default();
    let config = tiny();
    let sources = Sources::open(&config).unwrap();
    let summary = Trainer::dry_run(Cpu::new(Some(1)).unwrap(), config, sources, &mut notes).unwrap();
    assert_eq!((summary.rounds, summary.rounds_total), (2, 2));
    assert!(notes.events.contains(&"checkpoint 2".to_string()) && notes.events.contains(&"sheet 2".to_string()));
    assert!(!summary.dir.exists());
}

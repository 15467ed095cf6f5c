//! Runs that start from the weights of a checkpoint.

mod common;

use std::path::Path;

use asap_model::checkpoint::{HostTensor, Metadata, Weights, pth, safetensors};
use asap_model::training::{Initial, NotTaken, Pretrained, RunFolder, Sources};
use asap_model::{Config, Error, Trainer};
use asap_tensor::Reference;
use common::tiny;

type Backend = Reference<f32>;

/// A run of a few steps in `dir/run`.
fn trained(dir: &Path) -> (RunFolder, Weights, Weights) {
    let mut config = tiny();
    config.train.steps = Some(3);
    let sources = Sources::open(&config).unwrap();
    let mut trainer = Trainer::new(Backend::new(), config, &dir.join("run"), sources).unwrap();
    trainer.run(&mut []).unwrap();
    let weights = |params: &asap_model::nn::Params<Backend>| params.to_weights().unwrap();
    let networks = [weights(&trainer.networks.generator.params), weights(&trainer.networks.discriminator.params)];
    let folder = RunFolder::open(trainer.dir()).unwrap();
    let [generator, discriminator] = networks;
    (folder, generator, discriminator)
}

fn fit(path: &Path, config: &Config) -> asap_model::Result<Initial> {
    Pretrained::read(path)?.fit(config)
}

/// The networks of a new run before its first step, and after two.
fn start(initial: &mut Initial, config: &Config, dir: &Path) -> [Weights; 2] {
    let sources = Sources::open(config).unwrap();
    let mut trainer = Trainer::fine_tune(Backend::new(), config.clone(), dir, sources, initial).unwrap();
    assert_eq!((trainer.networks.steps, trainer.networks.generator_adam.steps()), (0, 0));
    let weights = |trainer: &Trainer<Backend>| {
        let mut all = trainer.networks.generator.params.to_weights().unwrap();
        all.extend(trainer.networks.discriminator.params.to_weights().unwrap());
        all
    };
    let before = weights(&trainer);
    assert_eq!(trainer.run(&mut []).unwrap().steps, 2);
    [before, weights(&trainer)]
}

fn two_steps() -> Config {
    let mut config = tiny();
    config.train.steps = Some(2);
    config.train.seed = 99;
    config
}

#[test]
fn fine_tuning_starts_from_both_networks() {
    let folder = tempfile::tempdir().unwrap();
    let (run, generator, discriminator) = trained(folder.path());
    let config = two_steps();
    let mut all = generator;
    all.extend(discriminator);
    for source in [run.dir().to_path_buf(), run.checkpoint_file(3)] {
        let mut initial = fit(&source, &config).unwrap();
        assert!(
            initial.generator.left.is_empty() && initial.discriminator.left.is_empty() && initial.warnings.is_empty()
        );
        let [before, after] = start(&mut initial, &config, &folder.path().join("tuned"));
        assert_eq!(before, all);
        assert_ne!(after, all);
    }
}

#[test]
fn layers_of_other_channels_are_new() {
    let folder = tempfile::tempdir().unwrap();
    let (run, generator, discriminator) = trained(folder.path());
    let mut config = two_steps();
    config.set("data.classes=20").unwrap();
    let mut initial = fit(run.dir(), &config).unwrap();
    let first = NotTaken {
        key: "lowres_stream.model.1.0.weight".into(),
        checkpoint: Some(vec![3, tiny().data.lowres_channels(), 3, 3]),
        network: Some(vec![3, config.data.lowres_channels(), 3, 3]),
    };
    assert_eq!(initial.generator.left[0], first);
    let left = |taken: &asap_model::training::Taken| taken.left.iter().map(|left| left.key.clone()).collect::<Vec<_>>();
    let (of_generator, of_discriminator) = (left(&initial.generator), left(&initial.discriminator));
    assert_eq!(of_generator.len(), 3, "the first convolution, and weight and bias of the last: {of_generator:?}");
    let scales = ["0", "1"].map(|scale| format!("discriminator_{scale}.model0.0"));
    assert_eq!(of_discriminator, scales.each_ref().map(|s| [format!("{s}.weight"), format!("{s}.bias")]).concat());

    let [before, _] = start(&mut initial, &config, &folder.path().join("tuned"));
    let fresh = {
        let sources = Sources::open(&config).unwrap();
        let trainer = Trainer::new(Backend::new(), config.clone(), &folder.path().join("fresh"), sources).unwrap();
        let mut all = trainer.networks.generator.params.to_weights().unwrap();
        all.extend(trainer.networks.discriminator.params.to_weights().unwrap());
        all
    };
    for (key, tensor) in &before {
        let is_new = of_generator.contains(key) || of_discriminator.contains(key);
        let from = if is_new { &fresh[key] } else { generator.get(key).unwrap_or_else(|| &discriminator[key]) };
        assert_eq!(tensor, from, "{key}");
    }
}

#[test]
fn discriminators_may_be_absent_beside_or_inside() {
    let folder = tempfile::tempdir().unwrap();
    let (run, generator, discriminator) = trained(folder.path());
    let config = two_steps();
    let alone = fit(&run.generator_file(), &config).unwrap();
    assert_eq!((alone.discriminator.file, alone.discriminator.count), (None, 0));
    assert_eq!(alone.generator.count, generator.len());

    let [of_generator, beside] = ["latest_net_G.pth", "latest_net_D.pth"].map(|name| folder.path().join(name));
    pth::write(&of_generator, &generator).unwrap();
    pth::write(&beside, &discriminator).unwrap();
    let both = fit(&of_generator, &config).unwrap();
    assert_eq!((both.discriminator.file.as_deref(), both.discriminator.count), (Some(&*beside), discriminator.len()));

    let prefixed = |weights: &Weights, prefix: &str| -> Weights {
        weights.iter().map(|(key, tensor)| (format!("{prefix}{key}"), tensor.clone())).collect()
    };
    let mut inside = prefixed(&generator, "netG.module.");
    inside.extend(prefixed(&discriminator, "netD.module."));
    let file = folder.path().join("all.safetensors");
    safetensors::write(&file, &inside, &Metadata::new()).unwrap();
    let inside = fit(&file, &config).unwrap();
    assert_eq!([inside.generator.count, inside.discriminator.count], [generator.len(), discriminator.len()]);
    assert_eq!(inside.warnings.len(), 2, "the two prefixes: {:?}", inside.warnings);
}

#[test]
fn checkpoints_of_which_nothing_fits_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (run, _, discriminator) = trained(folder.path());
    let problem = |result: asap_model::Result<Initial>| match result {
        Err(Error::Checkpoint { problem, .. }) => problem,
        other => panic!("{other:?}"),
    };
    let mut config = two_steps();
    ["generator.kind=pix2pixhd", "generator.halvings=2"].iter().for_each(|key| config.set(key).unwrap());
    let text = problem(fit(run.dir(), &config));
    assert!(text.contains("those of the generator asap") && text.contains("first missing: model.1"), "{text}");
    let file = folder.path().join("latest_net_D.pth");
    pth::write(&file, &discriminator).unwrap();
    let text = problem(fit(&file, &two_steps()));
    assert!(text.contains("those of discriminators"), "{text}");
    let mut config = two_steps();
    config.set("generator.padding=zero").unwrap();
    assert!(problem(fit(run.dir(), &config)).contains("shows reflect padding"));
}

#[test]
fn values_that_are_not_finite_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut generator, _) = trained(folder.path());
    let first = generator.values_mut().next().unwrap();
    *first = HostTensor { data: vec![f32::NAN; first.data.len()], ..first.clone() };
    let file = folder.path().join("nan.pth");
    pth::write(&file, &generator).unwrap();
    assert!(fit(&file, &two_steps()).unwrap_err().to_string().contains("NaN"));
}

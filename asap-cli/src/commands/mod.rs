//! The commands, one file or folder each. `roofline` is `profile --roofline`; `workload` is what `profile` and `bench` time;
//! `files` finds the images that arguments name; `dataset` is what `--data` names, `initial` what `train --init` does.

pub mod bench;
pub mod compare;
pub mod completions;
pub mod convert;
pub mod data;
pub mod dataset;
pub mod distill;
pub mod doctor;
pub mod eval;
pub mod files;
pub mod infer;
pub mod init;
pub mod initial;
pub mod preview;
pub mod profile;
pub mod roofline;
pub mod segmenter;
pub mod sweep;
pub mod train;
pub mod verify;
pub mod workload;

use std::path::Path;

use asap_model::checkpoint::Checkpoint;
use asap_model::{Config, Error, Translator};
use asap_tensor::Backend;

use crate::args::Common;
use crate::output::Output;
use dataset::Given;

/// A preset or file, with every `--set` and `--seed` applied, and checked.
pub fn configuration(name: &str, common: &Common) -> asap_model::Result<Config> {
    let mut config = Config::load(name).map_err(|error| unreadable(name, error))?;
    adjust(&mut config, common)?;
    config.validate()?;
    Ok(config)
}

/// As [`configuration`], before it is checked: a dataset completes it. Also returns the keys that the dataset must not change:
/// those that the user has set, of which `flags` are some.
pub fn incomplete_configuration<'a>(
    name: &str,
    common: &Common,
    flags: impl Iterator<Item = &'a str>,
) -> asap_model::Result<(Config, Given)> {
    let (mut config, file) = Config::load_unchecked(name).map_err(|error| unreadable(name, error))?;
    let given = Given::new(&config, common, flags, file);
    adjust(&mut config, common)?;
    Ok((config, given))
}

fn unreadable(name: &str, error: Error) -> Error {
    match error {
        Error::Io { action, source, .. } => usage(name, format!("cannot {action}: {source}")),
        other => other,
    }
}

/// Applies every `--set`, in order, and `--seed`, which wins over them. Another `generator.kind` or `discriminator.kind` has
/// keys of its own: warns about values that it leaves without effect.
pub fn adjust(config: &mut Config, common: &Common) -> asap_model::Result<()> {
    let before = config.clone();
    config.set_all(&common.assignments)?;
    let kinds = [
        ("generator", before.generator.kind(), config.generator.kind()),
        ("discriminator", before.discriminator.kind(), config.discriminator.kind()),
    ];
    for (section, was, kind) in kinds {
        let own = config.keys().into_iter().filter(|key| key.section == section).map(|key| key.name);
        let own: Vec<&str> = own.collect();
        let set = before.keys().into_iter().filter(|key| key.section == section && key.value != key.default);
        let unused = set.filter(|key| !own.contains(&key.name)).map(|key| key.path());
        let unused: Vec<String> = unused.collect();
        if !unused.is_empty() {
            Output::new(common).say(format_args!(
                "warning: {section}.kind = {kind} does not use {}, which the configuration sets for {was}; {kind} has {}",
                unused.join(", "),
                own[1..].join(", ")
            ));
        }
    }
    config.train.seed = common.seed.unwrap_or(config.train.seed);
    Ok(())
}

/// The generator of a checkpoint; the configuration in its header, or the one given, with every `--set` applied.
pub fn translator<B: Backend>(
    backend: &B,
    checkpoint: &Path,
    config: Option<&str>,
    common: &Common,
) -> asap_model::Result<Translator<B>> {
    let loaded = asap_model::checkpoint::load(checkpoint)?;
    let config = network_config(&loaded, config, common)?;
    let translator = Translator::new(backend, &loaded, config)?;
    let output = Output::new(common);
    translator.warnings().iter().for_each(|warning| output.say(format_args!("warning: {warning}")));
    Ok(translator)
}

/// As [`checkpoint_config`], where a checkpoint without a configuration is an error.
pub fn network_config(loaded: &Checkpoint, given: Option<&str>, common: &Common) -> asap_model::Result<Config> {
    checkpoint_config(loaded, given, common)?.ok_or_else(|| {
        let problem = "has no embedded configuration (published checkpoints don't either): describe its network with \
                       --config FILE or PRESET, and --set for what differs";
        usage(&loaded.file.display().to_string(), problem)
    })
}

/// The configuration in a checkpoint's header, or the one given, with every `--set` applied.
pub fn checkpoint_config(
    checkpoint: &Checkpoint,
    given: Option<&str>,
    common: &Common,
) -> asap_model::Result<Option<Config>> {
    if let Some(name) = given {
        return configuration(name, common).map(Some);
    }
    let mut config = checkpoint.config.clone();
    config.iter_mut().try_for_each(|config| adjust(config, common))?;
    Ok(config)
}

/// A preset's own name, or a file's name without its ending.
pub fn short_name(name: &str) -> String {
    let path = std::path::Path::new(name);
    path.file_stem().map_or_else(|| name.to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// The error of arguments that contradict each other.
pub fn usage(argument: &str, problem: impl Into<String>) -> Error {
    Error::Config { origin: argument.to_owned(), problem: problem.into() }
}

/// The error of `--variants` where a generator makes one image of an input.
pub fn no_noise(who: &str) -> Error {
    usage("--variants", format!("{who}, so all images of an input are equal: train one with --set generator.noise=8"))
}

/// A path as one word of a shell.
pub fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    shlex::try_quote(&text).map_or(text.clone(), |quoted| quoted.into_owned())
}

/// A path as text for JSON; what is not Unicode is replaced.
pub fn shown(path: &std::path::Path) -> String {
    path.to_string_lossy().into_owned()
}

//! Checkpoints of the whole state: both networks with their spectral vectors, both optimisers, the rounds played.
//!
//! A safetensors file. Tensors are named `generator.KEY`, `discriminator.KEY`, `generator_adam.KEY.first` (and
//! `.second`), `discriminator_adam....`; KEY is the published one. The header holds the configuration, the rounds
//! played, the optimisers' steps and the number of training pairs. Epoch and batch follow from rounds and pairs.

use std::fs::File;
use std::path::{Path, PathBuf};

use asap_tensor::Backend;
use sha2::{Digest, Sha256};

use crate::checkpoint::load::RUN_FORMAT;
use crate::checkpoint::{Checkpoint, HostTensor, Metadata, Weights, safetensors};
use crate::config::Config;
use crate::network::Network;
use crate::optimiser::Adam;
use crate::round::Game;
use crate::{Error, Result};

const PARTS: [&str; 4] = ["generator", "discriminator", "generator_adam", "discriminator_adam"];

/// All tensors of a game under the names of a checkpoint.
///
/// # Errors
/// If the device fails.
pub(super) fn tensors<B: Backend>(game: &Game<B>) -> Result<Weights> {
    let parts = [
        game.generator.to_weights()?,
        game.discriminator.to_weights()?,
        game.generator_adam.to_weights()?,
        game.discriminator_adam.to_weights()?,
    ];
    let named = PARTS.iter().zip(parts);
    Ok(named.flat_map(|(part, tensors)| tensors.into_iter().map(move |(k, v)| (format!("{part}.{k}"), v))).collect())
}

/// The SHA-256 of every tensor of a game, its shape and its numbers, where two of them would not fit into memory.
///
/// # Errors
/// If the device fails.
pub(super) fn digests<B: Backend>(game: &Game<B>) -> Result<Vec<(String, [u8; 32])>> {
    let digest = |(key, tensor): (String, HostTensor)| {
        let mut hash = Sha256::new();
        tensor.shape.iter().for_each(|side| hash.update((*side as u64).to_le_bytes()));
        tensor.data.iter().for_each(|number| hash.update(number.to_le_bytes()));
        (key, hash.finalize().into())
    };
    Ok(tensors(game)?.into_iter().map(digest).collect())
}

/// Checks that every number is finite, so that what is saved can be gone on from.
///
/// # Errors
/// [`Error::Diverged`] names the first tensor that is not.
pub(super) fn require_finite(tensors: &Weights, round: u64) -> Result<()> {
    for (key, tensor) in tensors {
        if let Some(&value) = tensor.data.iter().find(|value| !value.is_finite()) {
            return Err(Error::Diverged {
                round,
                what: format!("a number of {key}"),
                value: value.into(),
                layer: None,
            });
        }
    }
    Ok(())
}

/// Writes the state of a game, whose [`tensors`] are given.
///
/// # Errors
/// [`Error::Io`] if it can't be written.
pub(super) fn write<B: Backend>(
    path: &Path,
    tensors: &Weights,
    game: &Game<B>,
    config: &Config,
    training_pairs: usize,
) -> Result<()> {
    let header = [
        ("format", RUN_FORMAT.to_string()),
        ("config", config.to_toml()?),
        ("rounds", game.rounds().to_string()),
        ("generator_adam_steps", game.generator_adam.steps().to_string()),
        ("discriminator_adam_steps", game.discriminator_adam.steps().to_string()),
        ("training_pairs", training_pairs.to_string()),
    ];
    let header: Metadata = header.into_iter().map(|(key, value)| (key.to_string(), value)).collect();
    safetensors::write(path, tensors, &header)
}

/// A state as it was read.
pub(super) struct State {
    file: PathBuf,
    /// The configuration that the run was trained with.
    pub config: Config,
    /// The number of pairs that it was trained on.
    pub training_pairs: usize,
    rounds: u64,
    adam_steps: [u64; 2],
    tensors: Weights,
}

impl State {
    /// Reads a checkpoint of a run.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if it is none, or damaged; [`Error::Io`] if it can't be opened, which tells nothing of what it
    /// holds.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = |source| Error::Io { file: path.into(), action: "read it", source };
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let (tensors, header) = safetensors::read_from(file, length, path)?;
        let fault = |problem: String| Error::Checkpoint { file: path.into(), problem };
        if header.get("format").is_none_or(|format| format != RUN_FORMAT) {
            return Err(fault("it is no checkpoint of a run: its header does not say so".into()));
        }
        let text = |key: &str| header.get(key).ok_or_else(|| fault(format!("its header has no {key}")));
        let number = |key: &str| {
            let text = text(key)?;
            text.parse::<u64>().map_err(|_| fault(format!("{key} in its header is {text:?}, not a number")))
        };
        let config = Config::parse(text("config")?, "the configuration in its header");
        Ok(State {
            file: path.into(),
            config: config.map_err(|error| fault(error.to_string()))?,
            training_pairs: number("training_pairs")? as usize,
            rounds: number("rounds")?,
            adam_steps: [number("generator_adam_steps")?, number("discriminator_adam_steps")?],
            tensors,
        })
    }

    /// Puts the state into a game of the same networks.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] lists tensors that are missing, left over or misshapen.
    pub fn restore<B: Backend>(self, backend: &B, game: &mut Game<B>) -> Result<()> {
        let [generator, discriminator, generator_moments, discriminator_moments] = split(self.tensors, &self.file)?;
        let checkpoint = |weights| Checkpoint { file: self.file.clone(), weights, config: None };
        game.generator.load(&checkpoint(generator))?;
        game.discriminator.load(&checkpoint(discriminator))?;
        let [generator_steps, discriminator_steps] = self.adam_steps;
        let moments = checkpoint(generator_moments);
        restore_adam(backend, &mut game.generator_adam, &game.generator, &moments, generator_steps)?;
        let moments = checkpoint(discriminator_moments);
        restore_adam(backend, &mut game.discriminator_adam, &game.discriminator, &moments, discriminator_steps)?;
        game.set_rounds(self.rounds);
        Ok(())
    }
}

/// The tensors of each part, under their own keys.
fn split(tensors: Weights, file: &Path) -> Result<[Weights; 4]> {
    let mut parts: [Weights; 4] = Default::default();
    for (name, tensor) in tensors {
        let place = name.split_once('.').and_then(|(part, key)| {
            let part = PARTS.iter().position(|known| *known == part)?;
            Some((part, key.to_string()))
        });
        let Some((part, key)) = place else {
            let problem = format!("the tensor {name} belongs to no part of a run ({})", PARTS.join(", "));
            return Err(Error::Checkpoint { file: file.into(), problem });
        };
        parts[part].insert(key, tensor);
    }
    Ok(parts)
}

fn restore_adam<B: Backend>(
    backend: &B,
    adam: &mut Adam<B>,
    network: &impl Network<B>,
    moments: &Checkpoint,
    steps: u64,
) -> Result<()> {
    let trained = network.parameters().into_iter().filter(|parameter| parameter.kind().is_trained());
    let expected: Vec<(String, Vec<usize>)> = trained
        .flat_map(|p| ["first", "second"].map(|moment| (format!("{}.{moment}", p.name()), p.value().dims().to_vec())))
        .collect();
    moments.match_keys(&expected)?;
    adam.restore(backend, &moments.weights, steps)
}

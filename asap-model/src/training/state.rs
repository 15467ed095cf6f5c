//! Checkpoints of the whole state: both networks with their buffers, both optimizers, the step.
//!
//! A safetensors file. Tensors are named `generator.KEY`, `discriminator.KEY`, `generator_adam.KEY.first` (and
//! `.second`), `discriminator_adam....`, and `generator_ema.KEY` with `train.ema`; KEY is the published one. The header holds
//! the configuration, the step, the optimizers' steps, the number of training pairs and what follows the discriminators'
//! decisions. Epoch and batch follow from step and pairs.

use std::fs::File;
use std::path::{Path, PathBuf};

use asap_tensor::Backend;
use sha2::{Digest, Sha256};

use super::step::Gan;
use crate::checkpoint::load::RUN_FORMAT;
use crate::checkpoint::{Checkpoint, HostTensor, Metadata, Weights, safetensors};
use crate::config::Config;
use crate::{Error, Result};

const PARTS: [&str; 5] = ["generator", "discriminator", "generator_adam", "discriminator_adam", "generator_ema"];

/// All tensors, by the names of a checkpoint.
pub(super) fn tensors<B: Backend>(networks: &Gan<B>) -> Result<Weights> {
    let parts = [
        networks.generator.params.to_weights()?,
        networks.discriminator.params.to_weights()?,
        networks.generator_adam.to_weights()?,
        networks.discriminator_adam.to_weights()?,
        networks.ema.as_ref().map_or(Ok(Weights::new()), |ema| ema.generator.params.to_weights())?,
    ];
    let named = PARTS.iter().zip(parts);
    Ok(named.flat_map(|(part, tensors)| tensors.into_iter().map(move |(k, v)| (format!("{part}.{k}"), v))).collect())
}

/// The SHA-256 of each tensor's shape and values: a second copy of the state might not fit into memory.
pub(super) fn digests<B: Backend>(networks: &Gan<B>) -> Result<Vec<(String, [u8; 32])>> {
    let digest = |(key, tensor): (String, HostTensor)| {
        let mut hash = Sha256::new();
        tensor.shape.iter().for_each(|side| hash.update((*side as u64).to_le_bytes()));
        tensor.data.iter().for_each(|value| hash.update(value.to_le_bytes()));
        (key, hash.finalize().into())
    };
    Ok(tensors(networks)?.into_iter().map(digest).collect())
}

/// Checks that every value is finite, so that the run can resume from what is saved.
pub(super) fn require_finite(tensors: &Weights, step: u64) -> Result<()> {
    for (key, tensor) in tensors {
        if let Some(&value) = tensor.data.iter().find(|value| !value.is_finite()) {
            let what = format!("a value of {key}");
            return Err(Error::Diverged { step, what, value: value.into(), layer: None });
        }
    }
    Ok(())
}

/// Writes the state; `tensors` are those of [`tensors`].
pub(super) fn write<B: Backend>(
    path: &Path,
    tensors: &Weights,
    networks: &Gan<B>,
    config: &Config,
    training_pairs: usize,
) -> Result<()> {
    let header = [
        ("format", RUN_FORMAT.to_string()),
        ("config", config.to_toml()?),
        ("step", networks.steps.to_string()),
        ("generator_adam_steps", networks.generator_adam.steps().to_string()),
        ("discriminator_adam_steps", networks.discriminator_adam.steps().to_string()),
        ("training_pairs", training_pairs.to_string()),
    ];
    let mut header: Metadata = header.into_iter().map(|(key, value)| (key.to_string(), value)).collect();
    header.extend(networks.control_header());
    safetensors::write(path, tensors, &header)
}

/// A state read from a checkpoint.
pub(super) struct State {
    file: PathBuf,
    /// The configuration that the run was trained with.
    pub config: Config,
    /// The number of pairs that it was trained on.
    pub training_pairs: usize,
    step: u64,
    adam_steps: [u64; 2],
    header: Metadata,
    tensors: Weights,
}

impl State {
    /// Reads a checkpoint of a run.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if it is damaged or something else; [`Error::Io`] if it can't be opened, so it may be fine.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = Error::io(path, "read it");
        let file = File::open(path).map_err(&failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let (tensors, header) = safetensors::read_from(file, length, path)?;
        let fault = |problem: String| Error::Checkpoint { file: path.into(), problem };
        if header.get("format").is_none_or(|format| format != RUN_FORMAT) {
            return Err(fault("not a checkpoint of a run, by its header".into()));
        }
        let text = |key: &str| header.get(key).ok_or_else(|| fault(format!("its header has no {key}")));
        let number = |key: &str| {
            let text = text(key)?;
            text.parse::<u64>().map_err(|_| fault(format!("{key} in its header is {text:?}, not a whole number")))
        };
        let config = Config::parse(text("config")?, "the configuration in its header");
        Ok(State {
            file: path.into(),
            config: config.map_err(|error| fault(error.to_string()))?,
            training_pairs: number("training_pairs")? as usize,
            step: number("step")?,
            adam_steps: [number("generator_adam_steps")?, number("discriminator_adam_steps")?],
            tensors,
            header,
        })
    }

    /// Loads the state into networks of the same configuration. The error lists tensors that are missing, left over or of
    /// a different shape.
    pub fn restore<B: Backend>(self, backend: &B, networks: &mut Gan<B>) -> Result<()> {
        let [generator, discriminator, generator_moments, discriminator_moments, average] =
            split(self.tensors, &self.file)?;
        let checkpoint = |weights| Checkpoint { file: self.file.clone(), weights, config: None };
        let Gan { generator: g, discriminator: d, generator_adam, discriminator_adam, ema, steps, .. } = networks;
        g.params.load(&checkpoint(generator))?;
        d.params.load(&checkpoint(discriminator))?;
        let [generator_steps, discriminator_steps] = self.adam_steps;
        generator_adam.restore(backend, &g.params, &checkpoint(generator_moments), generator_steps)?;
        discriminator_adam.restore(backend, &d.params, &checkpoint(discriminator_moments), discriminator_steps)?;
        if let Some(ema) = ema {
            ema.generator.params.load(&checkpoint(average))?;
        }
        *steps = self.step;
        networks.restore_control(&self.header).map_err(|name| {
            let problem = format!("{name} in its header is missing or not a number");
            Error::Checkpoint { file: self.file.clone(), problem }
        })
    }
}

/// The tensors of each part, under their own keys.
fn split(tensors: Weights, file: &Path) -> Result<[Weights; PARTS.len()]> {
    let mut parts: [Weights; PARTS.len()] = Default::default();
    for (name, tensor) in tensors {
        let known = |(part, key)| Some((PARTS.iter().position(|known| *known == part)?, key));
        let Some((part, key)) = name.split_once('.').and_then(known) else {
            let problem = format!("unexpected tensor {name}: names begin with {}", PARTS.join(", "));
            return Err(Error::Checkpoint { file: file.into(), problem });
        };
        parts[part].insert(key.to_owned(), tensor);
    }
    Ok(parts)
}

//! A checkpoint from a run folder or a file of either kind, and the checks that networks need.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::mismatch::{Mismatch, sizes};
use super::{HostTensor, Metadata, Weights, fault, pth, safetensors, shown};
use crate::Result;
use crate::config::{Config, GeneratorConfig, Padding};

/// The file of a run folder that inference needs.
pub const GENERATOR_FILE: &str = "generator.safetensors";

/// The header's `format`: of a generator, and of the whole state of a run.
const FORMAT: &str = "asap";
pub(crate) const RUN_FORMAT: &str = "asap-run";

/// The cause of values of published weights that are not finite, for [`Checkpoint::check_finite`].
pub const DAMAGED: &str = "it is damaged; download it again";

/// The key of a generator's first convolution by its padding: reflection padding is a layer of its own.
const FIRST: [(Padding, &str); 2] =
    [(Padding::Reflect, "lowres_stream.model.1.0.weight"), (Padding::Zero, "lowres_stream.model.0.0.weight")];

/// Weights from a file, with the configuration embedded in its header, if any.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The file that was read, for messages.
    pub file: PathBuf,
    /// Every tensor by its published key.
    pub weights: Weights,
    /// The configuration in the header; published checkpoints have none.
    pub config: Option<Config>,
}

/// Loads a run folder (its `generator.safetensors`), a `.safetensors` or a `.pth` of either format, recognized by their
/// content. From the whole state of a run, a file of its `checkpoints/`, it loads the generator, averaged if `train.ema` is
/// not 0.
pub fn load(path: &Path) -> Result<Checkpoint> {
    load_keys(path, &|_| true)
}

/// As [`load`], for the wanted keys alone: the other tensors take no memory.
pub fn load_keys(path: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Checkpoint> {
    let (mut checkpoint, is_run) = load_all(path, wanted)?;
    if is_run {
        checkpoint.weights = generator(&mut checkpoint.weights);
        checkpoint.weights.retain(|key, _| wanted(key));
    }
    Ok(checkpoint)
}

/// Both networks of a file: the generator as [`load`] does, and the discriminators if the file is the whole state of a run.
/// In other files the discriminators may be among the tensors of the first.
pub(crate) fn load_networks(path: &Path) -> Result<(Checkpoint, Option<Checkpoint>)> {
    let (mut checkpoint, is_run) = load_all(path, &|_| true)?;
    if !is_run {
        return Ok((checkpoint, None));
    }
    let generator = generator(&mut checkpoint.weights);
    let discriminator = part(&mut checkpoint.weights, "discriminator");
    let Checkpoint { file, config, .. } = checkpoint;
    let checkpoint = |weights| Checkpoint { file: file.clone(), weights, config: config.clone() };
    Ok((checkpoint(generator), Some(checkpoint(discriminator))))
}

/// The file that [`load`] reads: in a run folder, the generator's.
pub fn file_of(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(GENERATOR_FILE) } else { path.to_path_buf() }
}

/// Every tensor of a file, and whether it is the whole state of a run, whose tensors are not filtered.
fn load_all(path: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<(Checkpoint, bool)> {
    let file = file_of(path);
    if path.is_dir() && !file.is_file() {
        return Err(fault(path, format!("the folder has no {GENERATOR_FILE}: pass a run folder or a checkpoint file")));
    }
    if is_pth(&file)? {
        return Ok((Checkpoint { weights: pth::read_keys(&file, wanted)?, config: None, file }, false));
    }
    let (mut weights, metadata) = safetensors::read(&file)?;
    let format = metadata.get("format").map(String::as_str);
    let text = metadata.get("config").filter(|_| matches!(format, Some(FORMAT | RUN_FORMAT)));
    let config = text.map(|text| Config::parse(text, "the configuration in its header")).transpose();
    let config = config.map_err(|error| fault(&file, error.to_string()))?;
    let is_run = format == Some(RUN_FORMAT);
    if !is_run {
        weights.retain(|key, _| wanted(key));
    }
    Ok((Checkpoint { file, weights, config }, is_run))
}

/// Takes the generator out of a run's state: its average, if there is one.
fn generator(state: &mut Weights) -> Weights {
    match part(state, "generator_ema") {
        none if none.is_empty() => part(state, "generator"),
        average => average,
    }
}

/// Takes out the tensors of a part of a run's state, under their own keys.
fn part(state: &mut Weights, name: &str) -> Weights {
    let of_part = |key: &str| Some(key.strip_prefix(name)?.strip_prefix('.')?.to_owned());
    let keys: Vec<(String, String)> = state.keys().filter_map(|key| Some((key.clone(), of_part(key)?))).collect();
    keys.into_iter().filter_map(|(key, own)| Some((own, state.remove(&key)?))).collect()
}

/// Writes weights as safetensors with their configuration in the header, for [`load`].
pub fn save(path: &Path, weights: &Weights, config: &Config) -> Result<()> {
    let metadata = Metadata::from([("format".into(), FORMAT.into()), ("config".into(), config.to_toml()?)]);
    safetensors::write(path, weights, &metadata)
}

/// Whether the first bytes are those of a `.pth`; an error if they are of neither kind.
fn is_pth(file: &Path) -> Result<bool> {
    let unreadable = |error: std::io::Error| fault(file, format!("cannot read it: {error}"));
    let mut start = Vec::new();
    File::open(file).map_err(unreadable)?.take(9).read_to_end(&mut start).map_err(unreadable)?;
    // In safetensors, the header's JSON follows its length.
    if start.get(8) == Some(&b'{') {
        return Ok(false);
    }
    if start.starts_with(b"PK\x03\x04") || matches!(start[..], [0x80, 2..=5, ..]) {
        return Ok(true);
    }
    Err(fault(file, "it is neither a .safetensors nor a .pth file (PyTorch's zip format or the older one)"))
}

impl Checkpoint {
    /// Compares the tensors with those expected, by key and shape; `None` if they are the same.
    pub fn mismatch(&self, expected: &[(String, Vec<usize>)]) -> Option<Mismatch> {
        Mismatch::find(&self.weights, expected)
    }

    /// Checks that the tensors are exactly those expected, by key and shape.
    ///
    /// # Errors
    /// [`Error::Checkpoint`](crate::Error::Checkpoint) lists every missing, extra and misshapen tensor, up to 300 each.
    pub fn match_keys(&self, expected: &[(String, Vec<usize>)]) -> Result<()> {
        let problem = |lists| format!("its tensors are not those of the configured network; {lists}");
        self.mismatch(expected).map_or(Ok(()), |lists| Err(fault(&self.file, problem(lists))))
    }

    /// Removes and returns one tensor.
    pub fn take(&mut self, key: &str, shape: &[usize]) -> Result<HostTensor> {
        let problem = match self.weights.remove(key) {
            Some(tensor) if tensor.shape == shape => return Ok(tensor),
            Some(tensor) => format!("{key} is {}, but the network needs {}", sizes(&tensor.shape), sizes(shape)),
            None => format!("it has no tensor {key} {}", sizes(shape)),
        };
        Err(fault(&self.file, problem))
    }

    /// Checks that every value is finite; `cause` explains why one would not be, and what to do.
    pub fn check_finite(&self, cause: &str) -> Result<()> {
        for (key, HostTensor { data, .. }) in &self.weights {
            if let Some(place) = data.iter().position(|x| !x.is_finite()) {
                let (key, count, value) = (shown(key), data.len(), data[place]);
                return Err(fault(&self.file, format!("{key}: element {place} of {count} is {value}: {cause}")));
            }
        }
        Ok(())
    }

    /// Checks that a generator's key numbering and its configuration have the same padding.
    pub fn check_padding(&self, generator: &GeneratorConfig) -> Result<()> {
        let Some(configured) = generator.asap().map(|asap| asap.padding) else { return Ok(()) };
        match FIRST.into_iter().find(|(_, key)| self.weights.contains_key(*key)) {
            Some((padding, key)) if padding != configured => {
                let [padding, configured] = [padding.name(), configured.name()];
                let problem = format!(
                    "its key {key} shows {padding} padding, but generator.padding is {configured}; to load it: \
                     --set generator.padding={padding}"
                );
                Err(fault(&self.file, problem))
            }
            _ => Ok(()),
        }
    }
}

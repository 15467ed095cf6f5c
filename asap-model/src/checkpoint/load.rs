//! A checkpoint from a run folder or a file of either kind, and what networks ask of it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{HostTensor, Metadata, Weights, fault, pth, safetensors, shown};
use crate::config::{Config, GeneratorConfig, Padding};
use crate::{Error, Result};

/// The file of a run folder that inference needs.
pub const GENERATOR_FILE: &str = "generator.safetensors";

/// What the header says in `format`: of a generator, and of the whole state of a run.
const FORMAT: &str = "asap";
pub(crate) const RUN_FORMAT: &str = "asap-run";

/// Why numbers of published weights, which are finite, would not be, for [`Checkpoint::check_finite`].
pub const DAMAGED: &str = "it is damaged; download it again";

/// The most tensors that a message lists of one kind: more than any network here has.
const LISTED: usize = 300;

/// Weights from a file, with the configuration that its header holds, if any.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The file that was read, for messages.
    pub file: PathBuf,
    /// Every tensor by its published key.
    pub weights: Weights,
    /// The configuration in the header; published checkpoints have none.
    pub config: Option<Config>,
}

/// Loads a run folder (its `generator.safetensors`), a `.safetensors` or a `.pth` of either format, told apart by what
/// they hold rather than by their names. Of the whole state of a run, a file of its `checkpoints/`, the generator.
///
/// # Errors
/// [`Error::Checkpoint`] names the file, and the tensors at fault.
pub fn load(path: &Path) -> Result<Checkpoint> {
    load_keys(path, &|_| true)
}

/// As [`load`], of the tensors alone whose keys are wanted: the others take no memory.
///
/// # Errors
/// As [`load`].
pub fn load_keys(path: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Checkpoint> {
    let file = if path.is_dir() { path.join(GENERATOR_FILE) } else { path.to_path_buf() };
    if path.is_dir() && !file.is_file() {
        return Err(fault(path, format!("the folder has no {GENERATOR_FILE}: give a run folder or a checkpoint file")));
    }
    match kind(&file)? {
        Kind::Pth => Ok(Checkpoint { weights: pth::read_keys(&file, wanted)?, config: None, file }),
        Kind::Safetensors => {
            let (mut weights, metadata) = safetensors::read(&file)?;
            let format = metadata.get("format").map(String::as_str);
            let config = match format {
                Some(FORMAT | RUN_FORMAT) => config_of(&metadata, &file)?,
                _ => None,
            };
            if format == Some(RUN_FORMAT) {
                let generator = |(key, tensor): (String, _)| Some((key.strip_prefix("generator.")?.to_owned(), tensor));
                weights = weights.into_iter().filter_map(generator).collect();
            }
            weights.retain(|key, _| wanted(key));
            Ok(Checkpoint { file, weights, config })
        }
    }
}

/// Writes weights as safetensors with their configuration in the header, as [`load`] reads it.
///
/// # Errors
/// As [`safetensors::write`] and [`Config::to_toml`].
pub fn save(path: &Path, weights: &Weights, config: &Config) -> Result<()> {
    let metadata = Metadata::from([("format".into(), FORMAT.into()), ("config".into(), config.to_toml()?)]);
    safetensors::write(path, weights, &metadata)
}

/// The two kinds of file.
enum Kind {
    Safetensors,
    Pth,
}

/// The kind of a file by its first bytes.
fn kind(file: &Path) -> Result<Kind> {
    let unreadable = |error: std::io::Error| fault(file, format!("cannot read it: {error}"));
    let mut start = Vec::new();
    File::open(file).map_err(unreadable)?.take(9).read_to_end(&mut start).map_err(unreadable)?;
    let pickle = start.starts_with(&[0x80]) && start.get(1).is_some_and(|protocol| (2..=5).contains(protocol));
    // After the length of the header, safetensors begin with its JSON.
    if start.get(8) == Some(&b'{') {
        Ok(Kind::Safetensors)
    } else if start.starts_with(b"PK\x03\x04") || pickle {
        Ok(Kind::Pth)
    } else {
        Err(fault(file, "it is neither a .safetensors nor a .pth file (PyTorch's zip format or the older one)"))
    }
}

fn config_of(metadata: &Metadata, file: &Path) -> Result<Option<Config>> {
    let Some(text) = metadata.get("config") else { return Ok(None) };
    let config = Config::parse(text, "the configuration in its header");
    config.map(Some).map_err(|error| fault(file, error.to_string()))
}

impl Checkpoint {
    /// Checks that the tensors are exactly those expected, by key and shape.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] lists every missing, extra and misshapen tensor, up to 300 of each.
    pub fn match_keys(&self, expected: &[(String, Vec<usize>)]) -> Result<()> {
        let mut missing = Vec::new();
        let mut misshapen = Vec::new();
        let mut extra: Vec<&String> = self.weights.keys().collect();
        extra.retain(|key| !expected.iter().any(|(other, _)| other == *key));
        for (key, shape) in expected {
            match self.weights.get(key) {
                None => missing.push(format!("{key} {}", sizes(shape))),
                Some(tensor) if tensor.shape != *shape => {
                    misshapen.push(format!("{key} is {}, not {}", sizes(&tensor.shape), sizes(shape)));
                }
                Some(_) => {}
            }
        }
        let extra: Vec<String> =
            extra.into_iter().map(|key| format!("{} {}", shown(key), sizes(&self.weights[key].shape))).collect();
        let list = |keys: &[String]| {
            let more = keys.len().saturating_sub(LISTED);
            let end = if more > 0 { format!("\n  and {more} more") } else { String::new() };
            format!("{}{end}", keys[..keys.len() - more].join("\n  "))
        };
        let lists: Vec<String> = [("missing", missing), ("not expected", extra), ("of another shape", misshapen)]
            .into_iter()
            .filter(|(_, keys)| !keys.is_empty())
            .map(|(what, keys)| format!("{} {what}:\n  {}", keys.len(), list(&keys)))
            .collect();
        if lists.is_empty() {
            return Ok(());
        }
        let problem = format!("its tensors are not those of the configured network; {}", lists.join("\n"));
        Err(fault(&self.file, problem))
    }

    /// Takes one tensor out.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if it is missing or has another shape.
    pub fn take(&mut self, key: &str, shape: &[usize]) -> Result<HostTensor> {
        match self.weights.remove(key) {
            Some(tensor) if tensor.shape == shape => Ok(tensor),
            Some(tensor) => {
                let problem = format!("{key} is {}, but the network needs {}", sizes(&tensor.shape), sizes(shape));
                Err(fault(&self.file, problem))
            }
            None => Err(fault(&self.file, format!("it has no tensor {key} {}", sizes(shape)))),
        }
    }

    /// Checks that every number is finite; `cause` says why one would not be, and what to do.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] names the first tensor with one that is not, and its value.
    pub fn check_finite(&self, cause: &str) -> Result<()> {
        for (key, tensor) in &self.weights {
            if let Some(place) = tensor.data.iter().position(|x| !x.is_finite()) {
                let problem = format!(
                    "{}: number {place} of {} is {}: {cause}",
                    shown(key),
                    tensor.data.len(),
                    tensor.data[place]
                );
                return Err(fault(&self.file, problem));
            }
        }
        Ok(())
    }

    /// As [`check_padding`], for this checkpoint.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if key numbering and configuration disagree.
    pub fn check_padding(&self, generator: &GeneratorConfig) -> Result<()> {
        check_padding(&self.weights, generator, &self.file)
    }
}

/// The padding that a generator's key numbering shows: with reflection padding, a layer of its own, the first
/// convolution is `model.1.0`, with zeros `model.0.0`. `None` for other weights.
pub fn padding_of(weights: &Weights) -> Option<Padding> {
    if weights.contains_key("lowres_stream.model.1.0.weight") {
        Some(Padding::Reflect)
    } else if weights.contains_key("lowres_stream.model.0.0.weight") {
        Some(Padding::Zero)
    } else {
        None
    }
}

/// Checks that a generator's key numbering and its configuration speak of the same padding.
///
/// # Errors
/// [`Error::Checkpoint`] names both, if they differ.
pub fn check_padding(weights: &Weights, generator: &GeneratorConfig, file: &Path) -> Result<()> {
    let first = |padding| match padding {
        Padding::Reflect => "lowres_stream.model.1.0.weight",
        Padding::Zero => "lowres_stream.model.0.0.weight",
    };
    match padding_of(weights) {
        Some(shown) if generator.asap().is_some_and(|asap| asap.padding != shown) => Err(Error::Checkpoint {
            file: file.into(),
            problem: format!(
                "its key {} shows {1} padding, but generator.padding is {2}; to load it: --set generator.padding={1}",
                first(shown),
                shown.name(),
                generator.asap().map_or("not set", |asap| asap.padding.name()),
            ),
        }),
        _ => Ok(()),
    }
}

fn sizes(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("({})", sizes.join(", "))
}

//! Weights from which a new run starts: fine-tuning.

use std::path::{Path, PathBuf};

use asap_tensor::Plan;

use super::run_folder::RunFolder;
use crate::checkpoint::load::{Checkpoint, load_networks};
use crate::checkpoint::{Mismatch, Weights};
use crate::config::Config;
use crate::inference::{DIVERGED, cause};
use crate::networks::{Discriminator, Generator};
use crate::nn::{Blank, Initializer, ParamRole, XavierNormal};
use crate::{Error, Result};

/// Names of a generator's file and of the discriminators' beside it.
const BESIDE: [[&str; 2]; 3] = [["net_G", "net_D"], ["netG", "netD"], ["generator", "discriminator"]];

/// The networks of a checkpoint, before it is known what fits.
#[derive(Clone, Debug)]
pub struct Pretrained {
    generator: Checkpoint,
    /// `None`: if anywhere, they are in the generator's file.
    discriminator: Option<Checkpoint>,
    warnings: Vec<String>,
}

/// A tensor that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotTaken {
    /// Its key in the network.
    pub key: String,
    /// Its shape in the checkpoint; `None`: it has no such tensor.
    pub checkpoint: Option<Vec<usize>>,
    /// Its shape in the network; `None`: the network has no such tensor.
    pub network: Option<Vec<usize>>,
}

/// How much of a network was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// The file that it came from; `None`: no file has the network.
    pub file: Option<PathBuf>,
    /// Tensors taken.
    pub count: usize,
    /// Tensors of the network.
    pub total: usize,
    /// What was not taken, by key.
    pub left: Vec<NotTaken>,
}

/// The initial values of a run: tensors of a checkpoint that fit, and new ones for the others.
#[derive(Clone, Debug)]
pub struct Initial {
    /// Of the generator.
    pub generator: Taken,
    /// Of the discriminators.
    pub discriminator: Taken,
    /// What was done to the checkpoint's tensors so that they fit.
    pub warnings: Vec<String>,
    weights: Weights,
    new: XavierNormal,
}

impl Pretrained {
    /// Reads a run folder (its newest checkpoint that can be read, else its generator), or a file of either kind. The
    /// discriminators are read from the same file, or from one beside it: `latest_net_D.pth` of `latest_net_G.pth`.
    pub fn read(path: &Path) -> Result<Self> {
        let mut warnings = Vec::new();
        if let Ok(folder) = RunFolder::open(path)
            && !folder.checkpoints()?.is_empty()
        {
            let ((generator, discriminator), damaged) = folder.newest_readable(load_networks)?;
            warnings.extend(damaged.into_iter().map(|(file, problem)| format!("{}: {problem}", file.display())));
            return Ok(Pretrained { generator, discriminator, warnings });
        }
        let (generator, mut discriminator) = load_networks(path)?;
        if let Some(beside) = beside(&generator.file).filter(|_| discriminator.is_none()) {
            discriminator = Some(load_networks(&beside)?.0);
        }
        Ok(Pretrained { generator, discriminator, warnings })
    }

    /// The configuration that is embedded in the checkpoint.
    pub fn config(&self) -> Option<&Config> {
        self.generator.config.as_ref()
    }

    /// The generator's file.
    pub fn file(&self) -> &Path {
        &self.generator.file
    }

    /// The tensors that fit the configured networks, by key and shape. A layer whose weight does not fit, as that of the
    /// first convolution for other channels, is initialized anew as a whole.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] if no weight of the generator fits, if its padding is another, or if a value is not finite.
    pub fn fit(self, config: &Config) -> Result<Initial> {
        config.validate()?;
        let plan = Plan::new(1);
        let generator = Generator::new(&plan, &config.generator, &config.data, &mut Blank)?.params.expected();
        let discriminator =
            Discriminator::new(&plan, &config.discriminator, &config.data, &mut Blank)?.params.expected();
        let Pretrained { generator: file, discriminator: other, mut warnings } = self;

        let adapted = file.adapt(&generator);
        adapted.checkpoint.check_padding(&config.generator)?;
        let mut weights = Weights::new();
        let mut generator_taken = take(&adapted.checkpoint, &generator, &mut weights);
        if !weights.values().any(|tensor| tensor.shape.len() > 1) {
            let mismatch = adapted.checkpoint.mismatch(&generator).unwrap_or_default();
            let problem =
                format!("no weight of its generator fits: {}", first(&adapted.checkpoint, &mismatch, config)?);
            return Err(Error::Checkpoint { file: file.file, problem });
        }
        let source = other.as_ref().unwrap_or(&file);
        let mut discriminator_taken = Taken { total: discriminator.len(), ..Taken::default() };
        if source.count_keys(&discriminator) > 0 {
            let adapted = source.adapt(&discriminator);
            discriminator_taken = take(&adapted.checkpoint, &discriminator, &mut weights);
            if other.is_some() {
                warnings.extend(adapted.warnings());
            } else {
                // One file: what is of one network is not left over from the other.
                let is_own =
                    |own: &[(String, Vec<usize>)], left: &NotTaken| own.iter().any(|(key, _)| *key == left.key);
                generator_taken.left.retain(|left| left.network.is_some() || !is_own(&discriminator, left));
                discriminator_taken.left.retain(|left| left.network.is_some() || !is_own(&generator, left));
                warnings.extend(adapted.notes.iter().map(|note| format!("{}: {note}", source.file.display())));
            }
        }
        let adapted_warnings = match discriminator_taken.file.is_some() && other.is_none() {
            true => adapted.notes.iter().map(|note| format!("{}: {note}", file.file.display())).collect(),
            false => adapted.warnings(),
        };
        warnings.splice(0..0, adapted_warnings);
        let taken = Checkpoint { file: file.file.clone(), weights, config: None };
        taken.check_finite(DIVERGED)?;
        let new = XavierNormal { seed: config.train.seed, gain: config.train.init_gain };
        Ok(Initial {
            generator: generator_taken,
            discriminator: discriminator_taken,
            warnings,
            weights: taken.weights,
            new,
        })
    }
}

/// The likely cause why nothing fits, with the first of the tensors that differ.
fn first(checkpoint: &Checkpoint, mismatch: &Mismatch, config: &Config) -> Result<String> {
    let Mismatch { missing, unexpected, misshapen } = mismatch;
    let lists = [("missing", missing), ("not expected", unexpected), ("of another shape", misshapen)];
    let firsts = lists.iter().filter_map(|(what, list)| Some(format!("first {what}: {}", list.first()?)));
    Ok(format!("{}\n  {}", cause(checkpoint, mismatch, config)?, firsts.collect::<Vec<_>>().join("\n  ")))
}

/// The discriminators' file beside a generator's.
fn beside(generator: &Path) -> Option<PathBuf> {
    let name = generator.file_name()?.to_str()?;
    let other =
        |[own, other]: [&str; 2]| name.contains(own).then(|| generator.with_file_name(name.replace(own, other)));
    BESIDE.into_iter().filter_map(other).find(|file| file.is_file())
}

/// Copies the tensors that fit a network.
fn take(checkpoint: &Checkpoint, network: &[(String, Vec<usize>)], weights: &mut Weights) -> Taken {
    let mut taken = Taken { file: Some(checkpoint.file.clone()), total: network.len(), ..Taken::default() };
    let fits = |(key, shape): &(String, Vec<usize>)| checkpoint.weights.get(key).is_some_and(|own| own.shape == *shape);
    let layer = |key: &str| key.rsplit_once('.').map_or(String::new(), |(layer, _)| layer.to_owned());
    let is_weight = |key: &str| key.rsplit('.').next().is_some_and(|name| name.starts_with("weight"));
    let of_layer = |key: &str| {
        let name = layer(key);
        network.iter().filter(move |(other, _)| is_weight(other) && layer(other) == name)
    };
    for entry in network {
        let (key, shape) = entry;
        let own = checkpoint.weights.get(key);
        match own.filter(|_| fits(entry) && of_layer(key).all(fits)) {
            Some(tensor) => {
                weights.insert(key.clone(), tensor.clone());
                taken.count += 1;
            }
            None => taken.left.push(NotTaken {
                key: key.clone(),
                checkpoint: own.map(|tensor| tensor.shape.clone()),
                network: Some(shape.clone()),
            }),
        }
    }
    for (key, tensor) in &checkpoint.weights {
        if !network.iter().any(|(own, _)| own == key) {
            let checkpoint = Some(tensor.shape.clone());
            taken.left.push(NotTaken { key: key.clone(), checkpoint, network: None });
        }
    }
    taken
}

impl Initializer for Initial {
    fn fill(&mut self, key: &str, shape: &[usize], role: ParamRole) -> Result<Vec<f32>> {
        match self.weights.remove(key) {
            Some(tensor) => Ok(tensor.data),
            None => self.new.fill(key, shape, role),
        }
    }
}

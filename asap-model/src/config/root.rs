//! All sections together: reading and setting keys by name, checks across sections.

use toml::Value as Toml;

use super::data::DataConfig;
use super::discriminator::DiscriminatorConfig;
use super::foreign::keys_meant_by;
use super::generator::GeneratorConfig;
use super::kinds::Kinds;
use super::schema::{Key, KeyError, Section};
use super::suggest::{nearest, unknown_key};
use super::training::{LossConfig, TrainConfig, ValidationMeasure};
use crate::error::shown;
use crate::{Error, Result};

/// Minimum side of an image for the perceptual loss: VGG19 halves it four times.
pub const VGG_MIN_SIDE: usize = 16;

/// A whole training configuration; the defaults are the paper's for facades at 256×256.
///
/// ```
/// use asap_model::config::Config;
/// let mut config = Config::preset("facades-512")?;
/// config.set("train.batch=4")?;
/// config.validate()?;
/// assert_eq!((config.generator.multiple(), config.train.batch), (32, 4));
/// # Ok::<(), asap_model::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Dataset, sizes, augmentation.
    pub data: DataConfig,
    /// Which generator, and its sizes.
    pub generator: GeneratorConfig,
    /// Which discriminator, and its sizes.
    pub discriminator: DiscriminatorConfig,
    /// Loss weights.
    pub loss: LossConfig,
    /// Optimizer, lengths, intervals.
    pub train: TrainConfig,
}

impl Config {
    /// The sections in the order of a configuration file.
    fn sections(&self) -> [&dyn Section; 5] {
        [&self.data, &self.generator, &self.discriminator, &self.loss, &self.train]
    }

    /// Every key of this configuration, in the order of a configuration file.
    pub fn keys(&self) -> Vec<Key> {
        self.sections().into_iter().flat_map(Section::keys).collect()
    }

    /// Every key of any kind of generator or discriminator, once each.
    pub fn all_keys() -> Vec<Key> {
        let mut keys = Config::default().keys();
        let generators = GeneratorConfig::all().flat_map(|generator| generator.keys());
        for key in generators.chain(DiscriminatorConfig::all().flat_map(|discriminator| discriminator.keys())) {
            if !keys.iter().any(|known| known.path() == key.path()) {
                keys.push(key);
            }
        }
        keys
    }

    /// The paths of the keys that a name stands for: of the key itself, with or without its section, or in other projects,
    /// as in `batch_size`. Empty if it is not known.
    pub fn keys_meant_by(name: &str) -> Vec<String> {
        keys_meant_by(name, &Config::all_keys())
    }

    /// The value of a key, as in `train.batch`; `None` if it is not set or there is no such key.
    pub fn get(&self, path: &str) -> Option<Toml> {
        self.keys().into_iter().find(|key| key.path() == path)?.value
    }

    /// Sets a key of a section, to its default without a value.
    pub(super) fn set_key(&mut self, section: &str, name: &str, value: Option<&Toml>) -> Result<(), KeyError> {
        let keys = self.keys();
        let Some(key) = keys.iter().find(|key| (key.section, key.name) == (section, name)) else {
            let message = unknown_key(section, name, &keys);
            return Err(KeyError { key: format!("{section}.{name}"), message });
        };
        let section: &mut dyn Section = match section {
            "data" => &mut self.data,
            "generator" => &mut self.generator,
            "discriminator" => &mut self.discriminator,
            "loss" => &mut self.loss,
            _ => &mut self.train,
        };
        match section.set(name, value) {
            true => Ok(()),
            false => Err(key.error(value, &format!("expected {}", key.expected))),
        }
    }

    /// Sets one key from `KEY=VALUE`, as in `train.batch=4` or `data.size=[256, 512]`.
    ///
    /// The value is TOML; what is not valid TOML is a string (`data.layout=pairs`). An empty value restores the key's
    /// default. Values that must agree are not checked: call [`validate`](Self::validate) after the last one.
    ///
    /// # Errors
    /// [`Error::Config`] for an unknown key, with the nearest known one, or for a value of the wrong type or out of range.
    pub fn set(&mut self, assignment: &str) -> Result<()> {
        let error =
            |problem: &str| Error::Config { origin: format!("--set {}", shown(assignment)), problem: shown(problem) };
        let Some((path, value)) = assignment.split_once('=') else {
            return Err(error("write it as KEY=VALUE, as in train.batch=4"));
        };
        let (path, value) = (path.trim(), value.trim());
        let Some((section, name)) = path.split_once('.') else {
            let keys = Config::all_keys();
            let mut meant = keys_meant_by(path, &keys);
            meant.extend(nearest(path, &keys).filter(|_| meant.is_empty()).map(Key::path));
            let meant = if meant.is_empty() { "train.batch".into() } else { meant.join(" and ") };
            return Err(error(&format!("a key starts with its section, as in {meant}")));
        };
        let parsed = value.parse().unwrap_or_else(|_| Toml::String(value.into()));
        let value = if value.is_empty() { None } else { Some(&parsed) };
        self.set_key(section, name, value).map_err(|wrong| error(&wrong.message))
    }

    /// Sets several keys; a new kind of generator or discriminator first, so that the order does not matter.
    pub fn set_all(&mut self, assignments: &[String]) -> Result<()> {
        let kinds = ["generator.kind", "discriminator.kind"];
        let is_kind = |assignment: &&String| kinds.iter().any(|kind| assignment.trim_start().starts_with(kind));
        let (kind, others): (Vec<_>, Vec<_>) = assignments.iter().partition(is_kind);
        kind.into_iter().chain(others).try_for_each(|assignment| self.set(assignment))
    }

    /// Checks every value's range and that values agree. The error names the first wrong key, its value and what it must be.
    pub fn validate(&self) -> Result<()> {
        self.check().map_err(|error| invalid(error.message))
    }

    /// With absolute paths, which hold in every working directory.
    pub(crate) fn with_absolute_paths(mut self) -> Config {
        for path in [&mut self.data.dir, &mut self.loss.vgg_weights].into_iter().flatten() {
            // A configuration is text: in a folder whose name is none, the path stays as it is.
            if let Some(absolute) = std::path::absolute(&*path).ok().filter(|path| path.to_str().is_some()) {
                *path = absolute;
            }
        }
        self
    }

    /// The training size must be a multiple of this: of what the generator and the discriminators need.
    pub fn size_multiple(&self) -> usize {
        let [generator, discriminator] = [self.generator.multiple(), self.discriminator.multiple()];
        // The least common one.
        (1..=discriminator).map(|times| times * generator).find(|size| size.is_multiple_of(discriminator)).unwrap_or(1)
    }

    /// Checks that training has what its losses need: one of them for the generator; with a perceptual loss, VGG19's weights
    /// and large enough images.
    pub fn check_losses(&self) -> Result<()> {
        let LossConfig { lambda_gan, lambda_feat, lambda_vgg: lambda, lambda_l1, lambda_charbonnier, .. } = self.loss;
        if [lambda_gan, lambda_feat, lambda, lambda_l1, lambda_charbonnier].iter().all(|weight| *weight == 0.0) {
            return Err(invalid("every weight in [loss] is 0, so nothing trains the generator; set one".into()));
        }
        let [height, width] = self.data.size;
        if lambda != 0.0 && height.min(width) < VGG_MIN_SIDE {
            return Err(invalid(format!(
                "data.size = [{height}, {width}] is too small for the perceptual loss: VGG19 needs sides of at least \
                 {VGG_MIN_SIDE}. Train larger images, or without that loss: --set loss.lambda_vgg=0"
            )));
        }
        if lambda != 0.0 && self.loss.vgg_weights.is_none() {
            return Err(invalid(format!(
                "loss.lambda_vgg is {lambda} but loss.vgg_weights is not set: set it to torchvision's VGG19 weights, \
                 vgg19-dcbb9e9d.pth (https://download.pytorch.org/models/vgg19-dcbb9e9d.pth; in Python \
                 torchvision.models.vgg19(weights=\"IMAGENET1K_V1\") downloads it), or train without that loss: \
                 --set loss.lambda_vgg=0"
            )));
        }
        Ok(())
    }

    pub(super) fn check_ranges(&self) -> Result<(), KeyError> {
        self.sections().into_iter().try_for_each(Section::check_ranges)
    }

    pub(super) fn check(&self) -> Result<(), KeyError> {
        self.check_ranges()?;
        self.data.check_values()?;
        if self.train.decay_epochs > self.train.epochs {
            let problem = format!("must be at most train.epochs = {}", self.train.epochs);
            return Err(self.train.conflict("decay_epochs", &problem));
        }
        self.train.check_values()?;
        if self.discriminator.patch().is_some() && self.loss.lambda_label_mix.is_some() {
            let problem = "only for discriminator.kind = \"oasis\"; set that, or leave it out";
            return Err(self.loss.conflict("lambda_label_mix", problem));
        }
        self.discriminator.check_values(&self.data)?;
        let is_depth = self.data.depth().is_some();
        let problem = match self.train.keep_best {
            Some(best) if best.is_of_depth() && !is_depth => "measures depth, but data.output is not depth: use l1",
            Some(best) if !best.is_of_depth() && best != ValidationMeasure::L1 && is_depth => {
                "measures images, but data.output is depth: use rmse, abs_rel, delta1 or l1"
            }
            Some(ValidationMeasure::Seams) if self.generator.asap().is_none() => {
                "measures seams between the tiles of asap, and this generator has none: use l1"
            }
            _ => return self.generator.check_values(&self.data),
        };
        Err(self.train.conflict("keep_best", problem))
    }
}

impl DataConfig {
    /// Checks every value of this section; [`Config::validate`] does so too.
    pub fn validate(&self) -> Result<()> {
        self.check_ranges().and_then(|()| self.check_values()).map_err(|error| invalid(error.message))
    }
}

pub(super) fn invalid(problem: String) -> Error {
    Error::Config { origin: "configuration".into(), problem: shown(problem) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{AsapNetConfig, InputKind, Layout, Padding};

    #[test]
    fn values_are_toml_or_strings() {
        let mut config = Config::default();
        for assignment in [
            "train.batch=4",
            " data.size = [256, 512]",
            "data.load_size=600",
            "data.layout=pairs",
            "data.input=\"image\"",
            "data.dir=/data/a b=c",
            "generator.padding=zero",
            "train.lr_generator=2e-4",
            "loss.lambda_vgg=0",
            "discriminator.spectral_norm=false",
        ] {
            config.set(assignment).unwrap();
        }
        config.validate().unwrap();
        assert_eq!((config.train.batch, config.data.size, config.data.load_size), (4, [256, 512], Some([600, 600])));
        assert_eq!((config.data.layout, config.data.input), (Layout::Pairs, InputKind::Image));
        assert_eq!(config.data.dir.as_deref(), Some(Path::new("/data/a b=c")));
        assert_eq!(config.generator.asap().unwrap().padding, Padding::Zero);
        assert_eq!((config.train.lr_generator, config.loss.lambda_vgg), (2e-4, 0.0));
        assert!(!config.discriminator.patch().unwrap().spectral_norm);
        config.set("data.load_size=").unwrap();
        config.set("train.batch=").unwrap();
        assert_eq!((config.data.load_size, config.train.batch), (None, 1));
    }

    #[test]
    fn wrong_assignments_change_nothing() {
        let mut config = Config::default();
        for (assignment, part) in [
            ("train.batch", "KEY=VALUE"),
            ("batch=4", "train.batch"),
            ("train.batch=many", "train.batch = \"many\": expected a whole number from 1 to 4096"),
            ("train.batch=0", "train.batch = 0: expected a whole number from 1 to 4096"),
            ("train.batch=1\nseed=3", "train.batch"),
            ("generator.padding=mirror", "expected reflect or zero"),
        ] {
            let error = config.set(assignment).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("--set"), "{assignment}: {error}");
        }
        assert_eq!(config, Config::default());
    }

    #[test]
    fn another_kind_keeps_shared_keys() {
        let mut config = Config::preset("quickstart").unwrap();
        config.set_all(&["generator.width_factor=0.25".into(), "generator.kind=spade".into()]).unwrap();
        assert_eq!(config.get("generator.width_factor").unwrap().as_float(), Some(0.25));
        assert_eq!(
            (config.get("generator.tile"), config.get("generator.doublings").unwrap().as_integer()),
            (None, Some(6))
        );
        config.validate().unwrap();
        // Keys that both kinds have stay.
        config.set("generator.kind=pix2pixhd").unwrap();
        assert_eq!(config.get("generator.width_factor").unwrap().as_float(), Some(0.25));
        config.set("generator.kind=").unwrap();
        assert_eq!(config.generator, AsapNetConfig::default().into());
    }

    #[test]
    fn perceptual_loss_without_weights_names_the_key() {
        let mut config = Config::default();
        let error = config.check_losses().unwrap_err().to_string();
        assert!(error.contains("loss.vgg_weights") && error.contains("loss.lambda_vgg=0"), "{error}");
        config.set("loss.lambda_vgg=0").unwrap();
        config.check_losses().unwrap();
    }
}

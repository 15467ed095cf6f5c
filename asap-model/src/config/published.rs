//! The published code's options.
//!
//! Options with the same values as a key stand at that key. The others:
//!
//! | option | here |
//! |---|---|
//! | `no_one_hot`, `output_nc` | `data.input`, `data.output` |
//! | `contain_dontcare_label` | `data.ignore` = 255 |
//! | `no_instance_edge` | `data.instances` (negated) |
//! | `crop_size`, `aspect_ratio` | `data.size` = \[crop_size/aspect_ratio, crop_size\]; `generator.tile` = crop_size/(16·aspect_ratio) |
//! | `reflection_pad` | `generator.padding` |
//! | `norm_D` | `discriminator.spectral_norm` |

use std::fmt::Display;

use serde_json::Value as Json;
use toml::Value as Toml;

use super::data::{DataConfig, InputKind, OutputKind};
use super::discriminator::PatchConfig;
use super::labels::IdList;
use super::schema::{Section, Value};
use crate::{Error, Result};

impl DataConfig {
    /// Input and output channels, and the size, from the published code's options (a JSON object).
    pub fn from_published(options: &Json) -> Result<DataConfig> {
        let options = Options(options);
        let mut config = DataConfig::default();
        if options.has("crop_size") {
            let width = options.get("crop_size", config.size[1])?;
            config.size = [(width as f64 / options.aspect_ratio()?).round() as usize, width];
        }
        match options.get("output_nc", config.output_channels)? {
            1 => config.output = OutputKind::Depth,
            channels @ 2..=256 => config.output_channels = channels,
            _ => return Err(options.refused("output_nc", "expected a whole number from 1 to 256")),
        }
        if options.get("contain_dontcare_label", false)? {
            config.ignore = Some(IdList(vec![255]));
        }
        config.instances = !options.get("no_instance_edge", true)?;
        config.input = if options.get("no_one_hot", false)? { InputKind::Image } else { InputKind::Labels };
        options.read(config)
    }
}

impl PatchConfig {
    /// The discriminators from the published code's options (a JSON object); options left out have their defaults.
    pub fn from_published(options: &Json) -> Result<PatchConfig> {
        let options = Options(options);
        let spectral_norm = match options.get("norm_D", "spectralinstance".to_owned())?.as_str() {
            "spectralinstance" => true,
            "instance" => false,
            _ => return Err(options.refused("norm_D", "expected instance or spectralinstance")),
        };
        options.read(PatchConfig { spectral_norm, ..Self::default() })
    }
}

pub(super) const ORIGIN: &str = "published options";

/// The published code's options, a JSON object.
pub(super) struct Options<'a>(pub(super) &'a Json);

impl Options<'_> {
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some()
    }

    /// An option, or its default.
    pub(super) fn get<V: Value>(&self, name: &str, default: V) -> Result<V> {
        let Some(value) = self.0.get(name) else { return Ok(default) };
        let read = Toml::try_from(value).ok().and_then(|value| V::from_toml(&value));
        read.ok_or_else(|| self.refused(name, &format!("expected {}", V::expected())))
    }

    /// Refuses every value of an option but its default.
    pub(super) fn only<V: Value + PartialEq + Display + Clone>(&self, name: &str, default: V) -> Result<()> {
        match self.get(name, default.clone())? == default {
            true => Ok(()),
            false => Err(self.refused(name, &format!("only {default} is supported"))),
        }
    }

    /// Sets the keys of a section that have the same values as an option, and checks all of its ranges.
    pub(super) fn read<S: Section>(&self, mut section: S) -> Result<S> {
        for key in section.keys() {
            let Some((option, value)) = key.published.and_then(|option| Some((option, self.0.get(option)?))) else {
                continue;
            };
            if !Toml::try_from(value).is_ok_and(|value| section.set(key.name, Some(&value))) {
                return Err(self.refused(option, &format!("expected {}", key.expected)));
            }
        }
        section.check_ranges().map_err(|error| Error::Config { origin: ORIGIN.into(), problem: error.message })?;
        Ok(section)
    }

    pub(super) fn refused(&self, name: &str, why: &str) -> Error {
        let value = self.0.get(name).unwrap_or(&Json::Null);
        Error::Config { origin: ORIGIN.into(), problem: format!("{name} = {value}: {why}") }
    }

    pub(super) fn aspect_ratio(&self) -> Result<f64> {
        let ratio = self.get("aspect_ratio", 1.0)?;
        match (0.01..=100.0).contains(&ratio) {
            true => Ok(ratio),
            false => Err(self.refused("aspect_ratio", "expected width/height, from 0.01 to 100")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::{AsapNetConfig, GeneratorConfig, Padding};

    #[test]
    fn cityscapes_options_match_the_preset() {
        let options = json!({
            "label_nc": 35, "no_instance_edge": false, "lr_instance": true, "learned_ds_factor": 16, "crop_size": 512,
            "aspect_ratio": 2.0, "output_nc": 3, "hr_width": 64, "hr_depth": 5, "no_one_hot": false,
            "norm_G": "instanceaffine", "lr_width": 64, "lr_max_width": 1024, "lr_depth": 7, "reflection_pad": true,
        });
        let preset = crate::config::Config::preset("cityscapes-256").unwrap();
        assert_eq!(GeneratorConfig::Asap(AsapNetConfig::from_published(&options).unwrap()), preset.generator);
        let data = DataConfig::from_published(&options).unwrap();
        assert_eq!((data.size, data.classes, data.instances), ([256, 512], 35, true));
        assert_eq!(data.lowres_channels(), preset.data.lowres_channels());
    }

    #[test]
    fn dontcare_label_is_an_extra_class() {
        let options = json!({ "label_nc": 182, "contain_dontcare_label": true, "no_instance_edge": false });
        let data = DataConfig::from_published(&options).unwrap();
        assert_eq!((data.lowres_channels(), data.label_ids().class(255)), (184, Some(182)));
        let options = json!({ "label_nc": 182, "contain_dontcare_label": false });
        assert_eq!(DataConfig::from_published(&options).unwrap().label_ids().class(255), None);
    }

    #[test]
    fn tile_is_a_sixteenth_of_the_crop() {
        let options = json!({ "label_nc": 4, "no_instance_edge": true, "lr_instance": false, "learned_ds_factor": 4,
            "crop_size": 64, "aspect_ratio": 1, "no_one_hot": true, "reflection_pad": false });
        let generator = AsapNetConfig::from_published(&options).unwrap();
        assert_eq!((generator.tile, generator.fixed_factor(), generator.strided_layers()), (4, 1, 2));
        assert_eq!(generator.padding, Padding::Zero);
        assert_eq!(DataConfig::from_published(&options).unwrap().input, InputKind::Image);
    }

    #[test]
    fn discriminator_options_match() {
        let options = json!({ "norm_D": "instance", "ndf": 4, "ndf_max": 16, "num_D": 3, "n_layers_D": 4 });
        let sizes = PatchConfig { scales: 3, layers: 4, width: 4, max_width: 16, ..PatchConfig::default() };
        let expected = PatchConfig { spectral_norm: false, ..sizes };
        assert_eq!(PatchConfig::from_published(&options).unwrap(), expected);
    }

    #[test]
    fn unsupported_options_are_refused() {
        for (options, name) in [
            (json!({ "no_instance_edge": false, "lr_instance": false }), "lr_instance"),
            (json!({ "norm_G": "batch" }), "norm_G"),
            (json!({ "crop_size": 100 }), "crop_size"),
            (json!({ "crop_size": "big" }), "crop_size"),
            (json!({ "crop_size": 64, "aspect_ratio": 0 }), "aspect_ratio"),
            (json!({ "lr_width": 0 }), "lr_width = 0: expected a whole number from 1"),
        ] {
            let error = AsapNetConfig::from_published(&options).unwrap_err().to_string();
            assert!(error.contains(name), "{options}: {error}");
        }
    }
}

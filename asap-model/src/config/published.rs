//! The published code's option names.
//!
//! | option | here |
//! |---|---|
//! | `label_nc`, `no_one_hot` | `data.classes`, `data.input` |
//! | `no_instance_edge` | `data.instances` (negated) |
//! | `crop_size`, `aspect_ratio` | `data.size` = \[crop_size/aspect_ratio, crop_size\]; `generator.tile` = crop_size/(16·aspect_ratio) |
//! | `learned_ds_factor` | `generator.learned_factor` |
//! | `lr_width`, `lr_max_width`, `lr_depth` | `generator.width`, `.max_width`, `.depth` |
//! | `hr_width`, `hr_depth`, `output_nc` | `generator.mlp_width`, `.mlp_depth`, `data.output` |
//! | `reflection_pad` | `generator.padding` |
//! | `ndf`, `ndf_max`, `num_D`, `n_layers_D` | `discriminator.width`, `.max_width`, `.scales`, `.layers` |
//! | `norm_D` | `discriminator.spectral_norm` |

use serde_json::Value;

use super::data::{DataConfig, Input, Output};
use super::discriminator::DiscriminatorConfig;
use super::schema::Section;
use crate::{Error, Result};

impl DataConfig {
    /// Input and output channels, and the size, from the published code's options (a JSON object).
    ///
    /// # Errors
    /// [`Error::Config`] for an option of the wrong type, or one that has no counterpart here.
    pub fn from_published(options: &Value) -> Result<DataConfig> {
        let options = Options(options);
        let defaults = DataConfig::default();
        let size = match options.get("crop_size") {
            Some(_) => {
                let width = options.count("crop_size", defaults.size[1])?;
                [(width as f64 / options.aspect_ratio()?).round() as usize, width]
            }
            None => defaults.size,
        };
        let output = match options.count("output_nc", 3)? {
            3 => Output::Rgb,
            1 => Output::Depth,
            _ => return Err(options.refused("output_nc", "it must be 3 (rgb) or 1 (depth)")),
        };
        Ok(DataConfig {
            classes: options.count("label_nc", defaults.classes)?,
            instances: !options.flag("no_instance_edge", true)?,
            input: if options.flag("no_one_hot", false)? { Input::Rgb } else { Input::Labels },
            output,
            size,
            ..defaults
        })
    }
}

impl DiscriminatorConfig {
    /// The discriminators from the published code's options (a JSON object); options left out have their defaults.
    ///
    /// # Errors
    /// [`Error::Config`] for an option of the wrong type, one without a counterpart here, or a value out of range.
    pub fn from_published(options: &Value) -> Result<DiscriminatorConfig> {
        let options = Options(options);
        let defaults = DiscriminatorConfig::default();
        let spectral_norm = match options.text("norm_D", "spectralinstance")? {
            "spectralinstance" => true,
            "instance" => false,
            _ => return Err(options.refused("norm_D", "it must be instance or spectralinstance")),
        };
        let discriminator = DiscriminatorConfig {
            scales: options.count("num_D", defaults.scales)?,
            layers: options.count("n_layers_D", defaults.layers)?,
            width: options.count("ndf", defaults.width)?,
            max_width: options.count("ndf_max", defaults.max_width)?,
            spectral_norm,
        };
        options.in_range(&discriminator)?;
        Ok(discriminator)
    }
}

pub(super) const ORIGIN: &str = "published options";

/// The published code's options, a JSON object.
pub(super) struct Options<'a>(pub(super) &'a Value);

impl<'a> Options<'a> {
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name)
    }

    /// Refuses values out of a section's ranges.
    pub(super) fn in_range(&self, section: &dyn Section) -> Result<()> {
        section.check_ranges().map_err(|fault| Error::Config { origin: ORIGIN.into(), problem: fault.problem })
    }

    /// Refuses every value of an option but its default, the one that has a counterpart.
    pub(super) fn only(&self, name: &str, value: &'static str) -> Result<()> {
        match self.text(name, value)? == value {
            true => Ok(()),
            false => Err(self.refused(name, &format!("only {value} has a counterpart here"))),
        }
    }

    pub(super) fn without_style_encoder(&self) -> Result<()> {
        match self.flag("use_vae", false)? {
            false => Ok(()),
            true => Err(self.refused("use_vae", "style encoders have no counterpart here")),
        }
    }

    pub(super) fn refused(&self, name: &str, why: &str) -> Error {
        let value = self.get(name).unwrap_or(&Value::Null);
        Error::Config { origin: ORIGIN.into(), problem: format!("{name} = {value}: {why}") }
    }

    pub(super) fn count(&self, name: &str, default: usize) -> Result<usize> {
        let Some(value) = self.get(name) else { return Ok(default) };
        let count = value.as_u64().filter(|&count| count <= u32::MAX.into());
        count.map(|count| count as usize).ok_or_else(|| self.refused(name, "it must be a whole number from 0"))
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool> {
        let Some(value) = self.get(name) else { return Ok(default) };
        value.as_bool().ok_or_else(|| self.refused(name, "it must be true or false"))
    }

    pub(super) fn text(&self, name: &str, default: &'static str) -> Result<&'a str> {
        let Some(value) = self.get(name) else { return Ok(default) };
        value.as_str().ok_or_else(|| self.refused(name, "it must be a string"))
    }

    pub(super) fn aspect_ratio(&self) -> Result<f64> {
        let Some(value) = self.get("aspect_ratio") else { return Ok(1.0) };
        let ratio = value.as_f64().filter(|ratio| (0.01..=100.0).contains(ratio));
        ratio.ok_or_else(|| self.refused("aspect_ratio", "it must be width/height, from 0.01 to 100"))
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
    fn tile_is_a_sixteenth_of_the_crop() {
        let options = json!({ "label_nc": 4, "no_instance_edge": true, "lr_instance": false, "learned_ds_factor": 4,
            "crop_size": 64, "aspect_ratio": 1, "no_one_hot": true, "reflection_pad": false });
        let generator = AsapNetConfig::from_published(&options).unwrap();
        assert_eq!((generator.tile, generator.fixed_factor(), generator.strided_layers()), (4, 1, 2));
        assert_eq!(generator.padding, Padding::Zero);
        assert_eq!(DataConfig::from_published(&options).unwrap().input, Input::Rgb);
    }

    #[test]
    fn discriminator_options_match() {
        let options = json!({ "norm_D": "instance", "ndf": 4, "ndf_max": 16, "num_D": 3, "n_layers_D": 4 });
        let expected = DiscriminatorConfig { scales: 3, layers: 4, width: 4, max_width: 16, spectral_norm: false };
        assert_eq!(DiscriminatorConfig::from_published(&options).unwrap(), expected);
    }

    #[test]
    fn options_without_a_counterpart_are_refused() {
        for (options, name) in [
            (json!({ "no_instance_edge": false, "lr_instance": false }), "lr_instance"),
            (json!({ "norm_G": "batch" }), "norm_G"),
            (json!({ "crop_size": 100 }), "crop_size"),
            (json!({ "crop_size": "big" }), "crop_size"),
            (json!({ "crop_size": 64, "aspect_ratio": 0 }), "aspect_ratio"),
            (json!({ "lr_width": 0 }), "generator.width"),
        ] {
            let error = AsapNetConfig::from_published(&options).unwrap_err().to_string();
            assert!(error.contains(name), "{options}: {error}");
        }
    }
}

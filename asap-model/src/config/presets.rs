//! The shipped configurations of `configs/`, built into the library.

use super::{Config, keys};
use crate::{Error, Result};

/// Names and descriptions, in the order in which people meet them.
const PRESETS: &[(&str, &str)] = &[
    ("quickstart", "synthetic facades at 128×128, a few minutes on two CPU cores"),
    ("facades-small", "the CMP facades at 128×128, about 20 minutes on two CPU cores"),
    ("facades-256", "the CMP facades at 256×256, the paper's network"),
    ("facades-512", "the CMP facades at 512×512, the paper's network"),
    ("facades-1024", "the CMP facades at 1024×1024, the paper's network, three discriminators"),
    ("facades-2048", "the network of facades-1024 at 2048×2048"),
    ("cityscapes-256", "Cityscapes at 256×512, the paper's network"),
    ("cityscapes-512", "Cityscapes at 512×1024, the paper's network"),
    ("depth-synthetic", "depth from synthetic scenes at 128×128, within ten minutes on two CPU cores"),
    ("depth-256", "depth from a colour image at 256×256"),
];

/// The file of a preset.
pub(super) fn text(name: &str) -> Option<&'static str> {
    Some(match name {
        "quickstart" => include_str!("../../../configs/quickstart.toml"),
        "facades-small" => include_str!("../../../configs/facades-small.toml"),
        "facades-256" => include_str!("../../../configs/facades-256.toml"),
        "facades-512" => include_str!("../../../configs/facades-512.toml"),
        "facades-1024" => include_str!("../../../configs/facades-1024.toml"),
        "facades-2048" => include_str!("../../../configs/facades-2048.toml"),
        "cityscapes-256" => include_str!("../../../configs/cityscapes-256.toml"),
        "cityscapes-512" => include_str!("../../../configs/cityscapes-512.toml"),
        "depth-synthetic" => include_str!("../../../configs/depth-synthetic.toml"),
        "depth-256" => include_str!("../../../configs/depth-256.toml"),
        _ => return None,
    })
}

impl Config {
    /// Name and description of every shipped configuration.
    pub fn presets() -> &'static [(&'static str, &'static str)] {
        PRESETS
    }

    /// The shipped configuration of that name.
    ///
    /// # Errors
    /// [`Error::Config`] lists the names there are, if this is none of them.
    pub fn preset(name: &str) -> Result<Config> {
        match text(name) {
            Some(text) => Config::parse(text, &format!("preset {name}")),
            None => {
                Err(Error::Config { origin: name.into(), problem: format!("there is no such preset{}", known(name)) })
            }
        }
    }
}

/// The error of a name that is neither a preset's nor a file's.
pub(super) fn neither_file_nor_preset(name: &str) -> Error {
    Error::Config { origin: name.into(), problem: format!("there is no such file and no such preset{}", known(name)) }
}

fn known(name: &str) -> String {
    let names: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
    let suggestion = match keys::nearest(name, names.iter().map(|name| name.to_string())) {
        Some(nearest) => format!("; did you mean {nearest}?"),
        None => ".".into(),
    };
    format!("{suggestion} Presets: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_valid_and_comes_back_from_its_own_toml() {
        for (name, _) in Config::presets() {
            let config = Config::preset(name).unwrap();
            config.validate().unwrap();
            assert_eq!(Config::parse(&config.to_toml().unwrap(), name).unwrap(), config, "{name}");
        }
    }

    #[test]
    fn every_file_of_configs_is_a_preset() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../configs");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        let mut names: Vec<&str> = Config::presets().iter().map(|(name, _)| *name).collect();
        files.sort();
        names.sort();
        assert_eq!(files, names);
    }

    #[test]
    fn every_configuration_in_a_folder_of_configs_is_valid_and_unlike_the_others() {
        for folder in ["ablations", "compared", "compared-depth"] {
            let path = format!("{}/../configs/{folder}", env!("CARGO_MANIFEST_DIR"));
            let mut seen: Vec<Config> = Vec::new();
            for file in std::fs::read_dir(path).unwrap() {
                let file = file.unwrap().path();
                let config = Config::load(&file.to_string_lossy()).unwrap();
                config.validate().unwrap();
                assert!(!seen.contains(&config), "{} is like another", file.display());
                seen.push(config);
            }
            assert!(seen.len() >= 2, "{folder}");
        }
    }

    #[test]
    fn published_sizes_have_the_published_tiles() {
        for (name, size, tile, scales) in [
            ("facades-256", [256, 256], 16, 2),
            ("facades-512", [512, 512], 32, 2),
            ("facades-1024", [1024, 1024], 64, 3),
            ("facades-2048", [2048, 2048], 64, 3),
            ("cityscapes-256", [256, 512], 16, 2),
            ("cityscapes-512", [512, 1024], 32, 2),
            ("depth-256", [256, 256], 16, 2),
        ] {
            let config = Config::preset(name).unwrap();
            assert_eq!((config.data.size, config.generator.tile), (size, tile), "{name}");
            assert_eq!((config.discriminator.scales, config.generator.learned_factor), (scales, 16), "{name}");
        }
    }

    #[test]
    fn a_name_that_is_no_preset_is_told_the_nearest() {
        let error = Config::load("facade-512").unwrap_err().to_string();
        assert!(error.contains("did you mean facades-512?") && error.contains("quickstart"), "{error}");
    }
}

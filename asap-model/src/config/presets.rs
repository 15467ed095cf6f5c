//! The shipped configurations of `configs/`, built into the library.

use super::root::Config;
use super::suggest::nearest_name;
use crate::{Error, Result};

macro_rules! presets {
    ($($name:literal),* $(,)?) => {
        /// Name and file of every preset.
        const PRESETS: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../../configs/", $name, ".toml"))),)*];
    };
}

presets![
    "quickstart",
    "small-data",
    "facades-small",
    "facades-256",
    "facades-512",
    "facades-1024",
    "facades-2048",
    "cityscapes-256",
    "cityscapes-512",
    "depth-synthetic",
    "depth-256",
];

/// The file of a preset.
pub(super) fn text(name: &str) -> Option<&'static str> {
    PRESETS.iter().find(|(preset, _)| *preset == name).map(|(_, text)| *text)
}

impl Config {
    /// Name and description of every shipped configuration; the description is the first line of its file.
    pub fn presets() -> impl Iterator<Item = (&'static str, &'static str)> {
        PRESETS
            .iter()
            .map(|(name, text)| (*name, text.lines().next().unwrap_or_default().trim_matches(['#', ' ', '.'])))
    }

    /// The shipped configuration of that name.
    ///
    /// # Errors
    /// [`Error::Config`] lists the names if this is none of them.
    pub fn preset(name: &str) -> Result<Config> {
        let text = text(name).ok_or_else(|| unknown(name, "there is no such preset"))?;
        Config::parse(text, &format!("preset {name}"))
    }
}

/// The error of an unknown name.
pub(super) fn unknown(name: &str, problem: &str) -> Error {
    let names: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
    let suggestion = nearest_name(name, &names).map_or(".".into(), |nearest| format!("; did you mean {nearest}?"));
    Error::Config { origin: name.into(), problem: format!("{problem}{suggestion} Presets: {}", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_valid_and_round_trip() {
        for (name, description) in Config::presets() {
            let config = Config::preset(name).unwrap();
            config.validate().unwrap();
            assert_eq!(Config::parse(&config.to_toml().unwrap(), name).unwrap(), config, "{name}");
            assert!(description.len() > 10, "{name}: the first line of its file is its description");
        }
    }

    #[test]
    fn every_file_is_a_preset() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../configs");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        let mut names: Vec<&str> = Config::presets().map(|(name, _)| name).collect();
        files.sort();
        names.sort();
        assert_eq!(files, names);
    }

    #[test]
    fn experiments_are_valid_and_distinct() {
        for folder in ["ablations", "baselines", "baselines-depth"] {
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
    fn published_sizes_have_published_tiles() {
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
            assert_eq!((config.data.size, config.generator.multiple()), (size, tile), "{name}");
            assert_eq!(
                (config.discriminator.patch().unwrap().scales, config.generator.asap().unwrap().learned_factor),
                (scales, 16),
                "{name}"
            );
        }
    }

    #[test]
    fn unknown_preset_gets_the_nearest() {
        let error = Config::load("facade-512").unwrap_err().to_string();
        assert!(error.contains("did you mean facades-512?") && error.contains("quickstart"), "{error}");
    }
}

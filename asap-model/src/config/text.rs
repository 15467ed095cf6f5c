//! TOML: reading, with the line of every error, and writing.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::presets;
use super::root::{Config, invalid};
use crate::error::shown;
use crate::{Error, Result};

/// Maximum length of a configuration file, in bytes.
const MAX_LENGTH: u64 = 1 << 20;

impl Config {
    /// Reads and validates a configuration file, or the preset of that name.
    ///
    /// A preset wins over a file of the same name; `./NAME` reaches the file.
    ///
    /// # Errors
    /// [`Error::Config`] if there is neither, or as [`parse`](Self::parse); [`Error::Io`] if the file can't be read.
    pub fn load(path_or_preset: &str) -> Result<Config> {
        match presets::text(path_or_preset) {
            Some(_) => Config::preset(path_or_preset),
            None => Config::parse(&read(path_or_preset)?, path_or_preset),
        }
    }

    /// As [`load`](Self::load), without checking that values agree: for a configuration that a dataset completes. Also returns
    /// the keys that a file sets; none of a preset, which describes its own dataset.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_unchecked(path_or_preset: &str) -> Result<(Config, Vec<String>)> {
        if presets::text(path_or_preset).is_some() {
            return Ok((Config::preset(path_or_preset)?, Vec::new()));
        }
        let text = read(path_or_preset)?;
        let (config, table) = parse_keys(&text, path_or_preset)?;
        let keys = table.iter().flat_map(|(section, keys)| {
            let keys = keys.get_ref().as_table().into_iter().flat_map(|keys| keys.keys());
            keys.map(move |key| format!("{}.{}", section.get_ref(), key.get_ref()))
        });
        let keys = keys.collect();
        Ok((config, keys))
    }

    /// Reads and validates TOML; keys left out have their defaults. `origin` names the text in errors.
    ///
    /// # Errors
    /// [`Error::Config`] names origin and line (`train.toml:12`), key, value and what is expected.
    pub fn parse(text: &str, origin: &str) -> Result<Config> {
        let (config, table) = parse_keys(text, origin)?;
        config.check().map_err(|wrong| {
            let (section, name) = wrong.key.split_once('.').unwrap_or_default();
            let keys = table.get(section).and_then(|keys| keys.get_ref().as_table());
            let span = keys.and_then(|keys| Some(keys.get_key_value(name)?.0.span()));
            error_at(text, origin, span, &wrong.message)
        })?;
        Ok(config)
    }

    /// The whole configuration as TOML, every key with its value; keys without one are left out.
    /// [`parse`](Self::parse) gives the same configuration back.
    ///
    /// # Errors
    /// [`Error::Config`] for a value out of range, or one that TOML can't represent (a path that is not Unicode).
    pub fn to_toml(&self) -> Result<String> {
        self.write(None)
    }

    /// TOML with every key, its value, its help, default and range; keys without a value are comments. `head` is a comment before
    /// all, and `notes` are comments on keys.
    ///
    /// # Errors
    /// As [`to_toml`](Self::to_toml).
    pub fn commented(&self, head: &str, notes: &[(&str, String)]) -> Result<String> {
        Ok(comment(head) + "\n" + &self.write(Some(notes))?)
    }

    fn write(&self, notes: Option<&[(&str, String)]>) -> Result<String> {
        self.check_ranges().map_err(|error| invalid(error.message))?;
        let mut lines: Vec<String> = Vec::new();
        let mut section = "";
        for key in self.keys() {
            if key.section != section {
                section = key.section;
                lines.extend((!lines.is_empty()).then(String::new));
                lines.push(format!("[{section}]"));
            }
            if let Some(notes) = notes {
                let default = key.default.as_ref().map_or("unset".into(), toml::Value::to_string);
                lines.push(format!("# {} ({}; default: {default})", key.help(), key.expected));
                let notes = notes.iter().filter(|(path, _)| *path == key.path());
                lines.extend(notes.map(|(_, note)| comment(note).trim_end().to_owned()));
            }
            match &key.value {
                Some(value) => lines.push(format!("{} = {value}", key.name)),
                None if notes.is_some() => lines.push(format!("# {} =", key.name)),
                None => {}
            }
        }
        Ok(lines.join("\n") + "\n")
    }
}

/// Text as lines of a comment.
fn comment(text: &str) -> String {
    text.lines().map(|line| format!("# {}\n", shown(line))).collect()
}

/// The text of a configuration file.
fn read(name: &str) -> Result<String> {
    let path = Path::new(name);
    if !path.exists() {
        return Err(presets::unknown(name, "there is no such file and no such preset"));
    }
    let failed = |source| Error::Io { file: path.into(), action: "read it", source };
    let error = |problem| Error::Config { origin: name.into(), problem };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_LENGTH + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > MAX_LENGTH {
        return Err(error(format!("it has more than {MAX_LENGTH} bytes; configurations have a few thousand")));
    }
    String::from_utf8(bytes)
        .map_err(|wrong| error(format!("it is not text: byte {} is not UTF-8", wrong.utf8_error().valid_up_to())))
}

/// The error of a place in a text.
fn error_at(text: &str, origin: &str, span: Option<Range<usize>>, problem: &str) -> Error {
    let line = |span: Range<usize>| 1 + text.bytes().take(span.start).filter(|&b| b == b'\n').count();
    let origin = span.map_or_else(|| origin.to_owned(), |span| format!("{origin}:{}", line(span)));
    Error::Config { origin, problem: shown(problem) }
}

/// A configuration with every key of a text set, and the keys with their places. Whether values agree is not checked.
fn parse_keys<'a>(text: &'a str, origin: &str) -> Result<(Config, DeTable<'a>)> {
    let error = |span, problem: &str| error_at(text, origin, span, problem);
    let table = DeTable::parse(text).map_err(|wrong| error(wrong.span(), wrong.message()))?.into_inner();
    let mut config = Config::default();
    for (section, keys) in &table {
        let (span, section) = (Some(section.span()), section.get_ref().as_ref());
        if !config.keys().iter().any(|key| key.section == section) {
            config.set_key(section, "", None).map_err(|wrong| error(span, &wrong.message))?;
            break;
        }
        let DeValue::Table(keys) = keys.get_ref() else {
            return Err(error(span, &format!("{section} is a section: write [{section}] and its keys below")));
        };
        // The kind decides which other keys there are.
        let (kind, others): (Vec<_>, Vec<_>) = keys.iter().partition(|(key, _)| key.get_ref() == "kind");
        for (key, value) in kind.into_iter().chain(others) {
            let value = toml::Value::deserialize(ValueDeserializer::from(value.clone()));
            let value = value.map_err(|wrong| error(wrong.span(), wrong.message()))?;
            let set = config.set_key(section, key.get_ref(), Some(&value));
            set.map_err(|wrong| error(Some(key.span()), &wrong.message))?;
        }
    }
    Ok((config, table))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::kinds::Kinds;
    use crate::config::{DiscriminatorConfig, GeneratorConfig, Key};

    #[test]
    fn empty_text_is_the_default() {
        assert_eq!(Config::parse("", "run.toml").unwrap(), Config::default());
        Config::default().validate().unwrap();
    }

    #[test]
    fn every_key_is_written_documented_and_read_back() {
        let generators = GeneratorConfig::all().map(|generator| Config { generator, ..Config::default() });
        let discriminators =
            DiscriminatorConfig::kinds().map(|discriminator| Config { discriminator, ..Config::default() });
        for (mut config, all) in
            generators.chain(discriminators).flat_map(|config| [(config.clone(), false), (config, true)])
        {
            config.set("data.output=depth").unwrap();
            // Depth maps have other keys than data.output_range, and PatchGANs no LabelMix.
            let mut unusable = vec!["output_range"];
            if config.discriminator.patch().is_some() {
                config.set("discriminator.augment=translation,cutout").unwrap();
                unusable.push("lambda_label_mix");
            }
            let is_set = |key: &&Key| all && key.default.is_none() && !unusable.contains(&key.name);
            for key in config.keys().iter().filter(is_set) {
                let value = match key.name {
                    "depth_max" => "2",
                    "keep_best" => "l1",
                    "discriminator_accuracy" | "augment_probability" | "augment_target" => "0.75",
                    "remap" => "[[255, 0], [7, 1]]",
                    "names" | "colors" => "cmp",
                    "direction" => "BtoA",
                    "input_range" => "[0, 9]",
                    "input_shown" => "[2, 1, 0]",
                    "output_shown" => "[0, 0, 0]",
                    "output_format" => "tiff",
                    "output_bits" => "16",
                    _ if key.expected.contains("path") => "a'\"b",
                    _ => "256",
                };
                config.set(&format!("{}={value}", key.path())).unwrap();
            }
            let (text, starter) = (
                config.to_toml().unwrap(),
                config.commented("A head.", &[("train.batch", "Two\nlines.".into())]).unwrap(),
            );
            assert_eq!(
                [&text, &starter].map(|text| Config::parse(text, "run.toml").unwrap()),
                [&config; 2].map(Config::clone)
            );
            assert_eq!(text.matches(" = ").count() == config.keys().len() - unusable.len(), all, "{text}");
            for key in config.keys() {
                assert!(starter.contains(&format!("{} =", key.name)), "{} is missing from\n{starter}", key.name);
                assert!(!key.help().is_empty() && !key.help().contains(['[', '`']), "{}: {}", key.path(), key.help());
            }
        }
    }

    /// The tests of the program have more of them.
    #[test]
    fn errors_name_line_key_value_and_range() {
        for (text, parts) in [
            ("[train]\nbatch = 1\n\ntiel = 3", &["run.toml:4: ", "train.tiel", "generator.tile"][..]),
            ("[generator]\nlearned_factor = 1", &["run.toml:2: ", "learned_factor = 1", "from 2 to 1024"]),
            ("[data]\nlayout = \"synthetic\"\nclasses = 5", &["run.toml:3: ", "data.classes = 5", "at least 13"]),
            ("[data]\nlayout = \"synthetic\"\noutput = \"depth\"", &["run.toml:3: ", "from images to depth"]),
            ("[data]\ndepth_max = 10.0", &["run.toml:2: ", "data.depth_max = 10", "data.output = \"depth\""]),
            ("[data]\ndepth_invalid = 0", &["run.toml:2: ", "data.depth_invalid = 0", "leave it out"]),
            ("[data]\noutput = \"depth\"\ndepth_max = 0.0", &["run.toml:3: ", "data.depth_max = 0", "above 0"]),
            ("[data]\noutput = \"depth\"\ndepth_scale = inf", &["run.toml:3: ", "data.depth_scale = inf", "finite"]),
            (
                "[data]\noutput = \"depth\"\ndepth_invalid = 65536",
                &["run.toml:3: ", "data.depth_invalid = 65536", "from 0 to 65535"],
            ),
            ("[data]\noutput = \"depth\"\ndepth_invalid = -1", &["run.toml:3: ", "data.depth_invalid", "-1"]),
            (
                "[data]\noutput = \"depth\"\ndepth_scale = 1000\ndepth_max = 80",
                &["run.toml:4: ", "data.depth_max = 80", "level 80000", "65535"],
            ),
            ("[generator]\nwidth = 0", &["run.toml:2: ", "generator.width = 0"]),
            ("[generator]\nmlp_width = 512\nmlp_depth = 16\nmax_width = 8192", &["generator.mlp_width = 512"]),
            ("[train]\nbeta2 = -0.5", &["run.toml:2: ", "train.beta2 = -0.5"]),
            ("[loss]\nlambda_l1 = -1.0", &["run.toml:2: ", "loss.lambda_l1 = -1"]),
            ("[train]\nepochs = 50", &["run.toml: ", "train.decay_epochs = 100", "train.epochs = 50"]),
            ("[train]\nbatch = 100000", &["run.toml:2: ", "train.batch = 100000", "4096"]),
        ] {
            let error = Config::parse(text, "run.toml").unwrap_err().to_string();
            for part in parts {
                assert!(error.contains(part), "{text}\ngives: {error}\nwithout: {part}");
            }
        }
    }
}

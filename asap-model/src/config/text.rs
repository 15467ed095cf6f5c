//! TOML: reading, with the line of every error, and writing.

use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

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
        if presets::text(path_or_preset).is_some() {
            return Config::preset(path_or_preset);
        }
        let path = Path::new(path_or_preset);
        if !path.exists() {
            return Err(presets::unknown(path_or_preset, "there is no such file and no such preset"));
        }
        let failed = |source| Error::Io { file: path.into(), action: "read it", source };
        let fault = |problem| Error::Config { origin: path_or_preset.into(), problem };
        let mut bytes = Vec::new();
        File::open(path).map_err(failed)?.take(MAX_LENGTH + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > MAX_LENGTH {
            return Err(fault(format!("more than {MAX_LENGTH} bytes, where a configuration has a few thousand")));
        }
        let text = String::from_utf8(bytes)
            .map_err(|error| fault(format!("not text: byte {} is not UTF-8", error.utf8_error().valid_up_to())))?;
        Config::parse(&text, path_or_preset)
    }

    /// Reads and validates TOML; keys left out have their defaults. `origin` names the text in errors.
    ///
    /// # Errors
    /// [`Error::Config`] names origin and line (`train.toml:12`), key, value and what is expected.
    pub fn parse(text: &str, origin: &str) -> Result<Config> {
        let fault = |span: Option<Range<usize>>, problem: String| Error::Config {
            origin: match span {
                Some(span) => format!("{origin}:{}", line(text, span.start)),
                None => origin.to_string(),
            },
            problem: shown(problem),
        };
        let syntax = |error: toml::de::Error| fault(error.span(), error.message().to_string());
        let spans = DeTable::parse(text).map_err(syntax)?;
        let table: toml::Table = toml::from_str(text).map_err(syntax)?;
        let mut config = Config::default();
        for (section, keys) in &table {
            let span = || spans.get_ref().get_key_value(section.as_str()).map(|(section, _)| section.span());
            if !config.sections().iter().any(|(name, _)| name == section) {
                let wrong = config.set_key(section, "", None).err();
                return Err(fault(span(), wrong.map_or_else(String::new, |wrong| wrong.problem)));
            }
            let Some(keys) = keys.as_table() else {
                return Err(fault(span(), format!("{section} is a section: write [{section}] and its keys below")));
            };
            // The kind decides which other keys there are.
            let (kind, others): (Vec<_>, Vec<_>) = keys.iter().partition(|(key, _)| *key == "kind");
            for (key, value) in kind.into_iter().chain(others) {
                let set = config.set_key(section, key, Some(value));
                set.map_err(|wrong| fault(span_of(spans.get_ref(), section, key), wrong.problem))?;
            }
        }
        config.check().map_err(|wrong| {
            let span = wrong.path.split_once('.').and_then(|(section, key)| span_of(spans.get_ref(), section, key));
            fault(span, wrong.problem)
        })?;
        Ok(config)
    }

    /// The whole configuration as TOML, every key with its value; keys without one are left out.
    /// [`parse`](Self::parse) gives the same configuration back.
    ///
    /// # Errors
    /// [`Error::Config`] for a value out of range, or one that TOML can't hold (a path that is not Unicode).
    pub fn to_toml(&self) -> Result<String> {
        let mut text = String::new();
        for (name, section) in self.sections() {
            section.check_ranges().map_err(|fault| invalid(fault.problem))?;
            let separator = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{separator}[{name}]");
            for (key, value) in section.keys().iter().filter_map(|key| Some((key, section.get(key.name)?))) {
                let _ = writeln!(text, "{} = {value}", key.name);
            }
        }
        Ok(text)
    }

    /// TOML with every key, its value, its help, default and range; keys without a value stand as comments.
    ///
    /// # Errors
    /// As [`to_toml`](Self::to_toml).
    pub fn starter(&self) -> Result<String> {
        self.to_toml()?;
        let mut text =
            "# Configuration of asap. Keys left out have their defaults: the paper's, for facades at 256x256.\n"
                .to_string();
        for (name, section) in self.sections() {
            let _ = writeln!(text, "\n[{name}]");
            for key in section.keys() {
                let default = key.default.as_ref().map_or("unset".into(), toml::Value::to_string);
                let _ = writeln!(text, "# {} ({}; default: {default})", key.help(), key.expected);
                let _ = match section.get(key.name) {
                    Some(value) => writeln!(text, "{} = {value}", key.name),
                    None => writeln!(text, "# {} =", key.name),
                };
            }
        }
        Ok(text)
    }
}

/// Where a key stands in the text, if it does.
fn span_of(table: &DeTable, section: &str, key: &str) -> Option<Range<usize>> {
    let DeValue::Table(keys) = table.get(section)?.get_ref() else { return None };
    Some(keys.get_key_value(key)?.0.span())
}

/// The line, counted from 1, of a byte of the text.
fn line(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|&b| b == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_text_is_the_default() {
        assert_eq!(Config::parse("", "run.toml").unwrap(), Config::default());
        Config::default().validate().unwrap();
    }

    #[test]
    fn starter_parses_back_and_documents_every_key() {
        for set in [&[][..], &["train.batch=4", "data.dir=a'\"b"], &["generator.kind=spade"]] {
            let mut config = Config::default();
            set.iter().for_each(|assignment| config.set(assignment).unwrap());
            let text = config.starter().unwrap();
            assert_eq!(Config::parse(&text, "starter").unwrap(), config);
            for key in config.keys() {
                assert!(text.contains(&format!("{} =", key.name)), "{} is missing from\n{text}", key.name);
                assert!(!key.help().is_empty() && !key.help().contains(['[', '`']), "{}: {}", key.path(), key.help());
            }
        }
    }

    #[test]
    fn every_key_is_written_and_read_back() {
        for generator in crate::config::GeneratorConfig::all() {
            let mut config = Config { generator, ..Config::default() };
            config.set("data.output=depth").unwrap();
            for key in config.keys().iter().filter(|key| key.default.is_none()) {
                let value = if key.name == "depth_max" { "2" } else { "256" };
                let quoted = if key.expected.contains("path") { "'x'" } else { value };
                config.set(&format!("{}={quoted}", key.path())).unwrap();
            }
            let text = config.to_toml().unwrap();
            assert_eq!(Config::parse(&text, "run.toml").unwrap(), config);
            assert_eq!(text.matches(" = ").count(), config.keys().len());
        }
    }

    #[test]
    fn errors_name_file_line_key_value_and_what_is_expected() {
        for (text, parts) in [
            ("[train]\nbatch = 1\n\ntiel = 3", &["run.toml:4: ", "train.tiel", "generator.tile"][..]),
            ("# x\n[trian]\nbatch = 1", &["run.toml:2: ", "[trian]", "did you mean [train]?"]),
            ("batch = 1", &["run.toml:1: ", "the key is train.batch"]),
            ("train = 1", &["run.toml:1: ", "write [train]"]),
            ("[train]\nbatch = [", &["run.toml:2: "]),
            ("[train]\nbatch = \"four\"", &["run.toml:2: ", "train.batch", "\"four\"", "expected a whole number"]),
            ("[data]\nclasses = -1", &["run.toml:2: ", "data.classes", "-1"]),
            ("[data]\nlayout = \"zip\"", &["run.toml:2: ", "data.layout", "zip", "facades", "pairs"]),
            ("[data]\n\nsize = [1, 2, 3]", &["run.toml:3: ", "data.size", "[height, width]"]),
            ("[generator]\ntile = 12", &["run.toml:2: ", "generator.tile = 12", "power of two from 2 to 1024"]),
            ("[generator]\ntile = 8", &["run.toml:2: ", "generator.tile = 8", "generator.learned_factor = 16"]),
            ("[generator]\nlearned_factor = 1", &["run.toml:2: ", "learned_factor = 1", "from 2 to 1024"]),
            ("[data]\nsize = [256, 250]", &["run.toml:2: ", "width 250", "multiple of generator.tile = 16"]),
            ("[data]\nsize = [16, 256]", &["run.toml:2: ", "height 16", "at least 32"]),
            ("[data]\nsize = 1048576", &["run.toml:2: ", "1048576", "16384"]),
            ("[data]\nload_size = 200", &["run.toml:2: ", "data.load_size = [200, 200]", "[256, 256]"]),
            ("[data]\nclasses = 1", &["run.toml:2: ", "data.classes = 1", "from 2 to 256"]),
            ("[data]\nclasses = 257", &["run.toml:2: ", "data.classes = 257", "from 2 to 256"]),
            ("[data]\nlayout = \"synthetic\"\nclasses = 5", &["run.toml:3: ", "data.classes = 5", "at least 13"]),
            ("[data]\nlayout = \"synthetic\"\noutput = \"depth\"", &["run.toml:3: ", "from rgb to depth"]),
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
            ("[discriminator]\nscales = 0", &["run.toml:2: ", "discriminator.scales = 0"]),
            ("[train]\nbeta1 = 1.0", &["run.toml:2: ", "train.beta1 = 1", "below 1"]),
            ("[train]\nbeta2 = -0.5", &["run.toml:2: ", "train.beta2 = -0.5"]),
            ("[train]\nlr_generator = nan", &["run.toml:2: ", "train.lr_generator = nan", "above 0"]),
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

//! Reading from TOML text with the line of every fault, `KEY=VALUE`, writing back.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::{Config, keys, presets};
use crate::error::shown;
use crate::{Error, Result};

/// The longest configuration file that is read, in bytes.
const MAX_LENGTH: u64 = 1 << 20;

impl Config {
    /// Reads and validates a configuration file, or the preset of that name.
    ///
    /// A preset wins over a file of the same name; `./NAME` reaches the file.
    ///
    /// # Errors
    /// [`Error::Config`] if there is neither, or as [`parse`](Self::parse) says; [`Error::Io`] if the file can't be read.
    pub fn load(path_or_preset: &str) -> Result<Config> {
        if presets::text(path_or_preset).is_some() {
            return Config::preset(path_or_preset);
        }
        let path = Path::new(path_or_preset);
        if !path.exists() {
            return Err(presets::neither_file_nor_preset(path_or_preset));
        }
        let failed = |source| Error::Io { file: path.into(), action: "read it", source };
        let fault = |problem| Error::Config { origin: path_or_preset.into(), problem };
        let mut bytes = Vec::new();
        File::open(path).map_err(failed)?.take(MAX_LENGTH + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > MAX_LENGTH {
            return Err(fault(format!(
                "it has more than {MAX_LENGTH} bytes, where a configuration has a few thousand"
            )));
        }
        let text = String::from_utf8(bytes)
            .map_err(|error| fault(format!("it is no text: byte {} is not UTF-8", error.utf8_error().valid_up_to())))?;
        Config::parse(&text, path_or_preset)
    }

    /// Reads and validates TOML; what it leaves out has its default. `origin` names the text in errors.
    ///
    /// # Errors
    /// [`Error::Config`] names origin and line (`train.toml:12`), key and value, and says what is allowed.
    pub fn parse(text: &str, origin: &str) -> Result<Config> {
        let fault = |span: Option<Range<usize>>, problem: String| Error::Config {
            origin: match span {
                Some(span) => format!("{origin}:{}", line(text, span.start)),
                None => origin.to_string(),
            },
            problem: shown(problem),
        };
        let table = DeTable::parse(text).map_err(|error| fault(error.span(), error.message().to_string()))?;
        check_known(table.get_ref()).map_err(|(span, problem)| fault(Some(span), problem))?;
        let config: Config =
            toml::from_str(text).map_err(|error| fault(error.span(), named(table.get_ref(), &error)))?;
        match config.fault() {
            Some((key, problem)) => Err(fault(span_of(table.get_ref(), key), problem)),
            None => Ok(config),
        }
    }

    /// Sets one key from `KEY=VALUE`, as in `train.batch=4` or `data.size=[256, 512]`.
    ///
    /// The value is TOML; what is not valid TOML is a string (`data.layout=pairs`). An empty value restores the key's
    /// default. Values are not checked against each other here: call [`validate`](Self::validate) after the last one.
    ///
    /// # Errors
    /// [`Error::Config`] for an unknown key, with the nearest known one, or a value of the wrong type.
    pub fn set(&mut self, assignment: &str) -> Result<()> {
        let fault =
            |problem: String| Error::Config { origin: format!("--set {}", shown(assignment)), problem: shown(problem) };
        let Some((path, value)) = assignment.split_once('=') else {
            return Err(fault("write it as KEY=VALUE, as in train.batch=4".into()));
        };
        let (path, value) = (path.trim(), value.trim());
        let Some((section, key)) = path.split_once('.') else {
            let whole = keys::nearest(path, keys::all_keys()).unwrap_or_else(|| "train.batch".into());
            return Err(fault(format!("a key has its section before it, as in {whole}")));
        };
        let Some(known) = keys::of_section(section) else {
            return Err(fault(keys::unknown_section(section)));
        };
        if !known.iter().any(|(name, _)| *name == key) {
            return Err(fault(keys::unknown_key(section, key)));
        }
        let mut whole = toml::Table::try_from(&*self).map_err(|error| fault(error.to_string()))?;
        if let Some(toml::Value::Table(table)) = whole.get_mut(section) {
            table.remove(key);
            if !value.is_empty() {
                table.insert(key.to_string(), toml_value(value));
            }
        }
        *self =
            Config::deserialize(whole).map_err(|error| fault(format!("{path}: {}", first_line(error.message()))))?;
        Ok(())
    }

    /// The whole configuration as TOML, every key with its value; keys without one are left out.
    /// [`parse`](Self::parse) gives the same configuration back.
    ///
    /// # Errors
    /// [`Error::Config`] for a value that TOML can't hold (a seed above 2⁶³ − 1, a path that is not Unicode).
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self)
            .map_err(|error| Error::Config { origin: "configuration".into(), problem: error.to_string() })
    }
}

/// Refuses the first section or key that does not exist, with its place in the text.
fn check_known(table: &DeTable) -> Result<(), (Range<usize>, String)> {
    for (section, value) in table {
        let name = section.get_ref();
        let Some(known) = keys::of_section(name) else {
            return Err((section.span(), keys::unknown_section(name)));
        };
        let DeValue::Table(entries) = value.get_ref() else {
            return Err((section.span(), format!("{name} is a section: write [{name}] and its keys below")));
        };
        if let Some((key, _)) = entries.iter().find(|(key, _)| !known.iter().any(|(name, _)| *name == key.get_ref())) {
            return Err((key.span(), keys::unknown_key(name, key.get_ref())));
        }
    }
    Ok(())
}

/// The message of a value of the wrong type, with the key whose value it is.
fn named(table: &DeTable, error: &toml::de::Error) -> String {
    let message = first_line(error.message());
    let Some(span) = error.span() else { return message.to_string() };
    for (section, value) in table {
        let DeValue::Table(entries) = value.get_ref() else { continue };
        for (key, value) in entries {
            if key.span().start <= span.start && span.end <= value.span().end {
                return format!("{}.{}: {message}", section.get_ref(), key.get_ref());
            }
        }
    }
    message.to_string()
}

/// Where the value of `section.key` stands, if the text has it.
fn span_of(table: &DeTable, path: &str) -> Option<Range<usize>> {
    let (section, key) = path.split_once('.')?;
    let DeValue::Table(entries) = table.get(section)?.get_ref() else { return None };
    Some(entries.get(key)?.span())
}

/// The line, counted from 1, of a byte of the text.
fn line(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|&b| b == b'\n').count() + 1
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}

/// A value as TOML, or else as the string it is.
fn toml_value(text: &str) -> toml::Value {
    let parsed = toml::from_str::<toml::Table>(&format!("value = {text}"));
    // A line break in the text could add keys of its own.
    match parsed.ok().filter(|table| table.len() == 1).and_then(|mut table| table.remove("value")) {
        Some(value) => value,
        None => toml::Value::String(text.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Input, Layout, Padding};

    fn refused(text: &str) -> String {
        Config::parse(text, "run.toml").unwrap_err().to_string()
    }

    #[test]
    fn an_empty_text_is_the_default() {
        assert_eq!(Config::parse("", "run.toml").unwrap(), Config::default());
        Config::default().validate().unwrap();
    }

    #[test]
    fn every_explained_key_exists_and_every_key_is_explained() {
        let mut config = Config::default();
        // Those without a default.
        for assignment in [
            "data.depth_scale=1",
            "data.depth_max=2",
            "data.depth_invalid=3",
            "data.dir=x",
            "data.load_size=300",
            "loss.vgg_weights=y",
            "train.steps=7",
            "train.minutes=1",
            "generator.halvings=5",
            "generator.blocks=1",
        ] {
            config.set(assignment).unwrap();
        }
        let whole: toml::Table = toml::from_str(&config.to_toml().unwrap()).unwrap();
        let mut held: Vec<String> = Vec::new();
        for (section, keys) in &whole {
            held.extend(keys.as_table().unwrap().keys().map(|key| format!("{section}.{key}")));
        }
        let mut explained: Vec<String> = keys::all_keys().collect();
        held.sort();
        explained.sort();
        assert_eq!(held, explained);
    }

    #[test]
    fn a_fault_is_told_with_file_line_key_value_and_what_is_allowed() {
        for (text, parts) in [
            ("[train]\nbatch = 1\n\ntiel = 3", &["run.toml:4: ", "train.tiel", "generator.tile"][..]),
            ("# x\n[trian]\nbatch = 1", &["run.toml:2: ", "[trian]", "did you mean [train]?"]),
            ("batch = 1", &["run.toml:1: ", "`train.batch`"]),
            ("train = 1", &["run.toml:1: ", "write [train]"]),
            ("[train]\nbatch = [", &["run.toml:2: "]),
            ("[train]\nbatch = \"four\"", &["run.toml:2: ", "train.batch", "\"four\"", "expected usize"]),
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
            ("[train]\nlr_generator = nan", &["run.toml:2: ", "train.lr_generator = NaN", "above 0"]),
            ("[loss]\nlambda_l1 = -1.0", &["run.toml:2: ", "loss.lambda_l1 = -1"]),
            ("[train]\nepochs = 50", &["run.toml: ", "train.decay_epochs = 100", "train.epochs = 50"]),
            ("[train]\nbatch = 100000", &["run.toml:2: ", "train.batch = 100000", "4096"]),
        ] {
            let error = refused(text);
            for part in parts {
                assert!(error.contains(part), "{text}\ngives: {error}\nwithout: {part}");
            }
        }
    }

    #[test]
    fn a_value_may_be_toml_or_a_bare_string() {
        let mut config = Config::default();
        for assignment in [
            "train.batch=4",
            " data.size = [256, 512]",
            "data.load_size=600",
            "data.layout=pairs",
            "data.input=\"rgb\"",
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
        assert_eq!((config.data.layout, config.data.input), (Layout::Pairs, Input::Rgb));
        assert_eq!(config.data.dir.as_deref(), Some(Path::new("/data/a b=c")));
        assert_eq!((config.generator.padding, config.discriminator.spectral_norm), (Padding::Zero, false));
        assert_eq!((config.train.lr_generator, config.loss.lambda_vgg), (2e-4, 0.0));
        config.set("data.load_size=").unwrap();
        config.set("train.batch=").unwrap();
        assert_eq!((config.data.load_size, config.train.batch), (None, 1));
    }

    #[test]
    fn a_wrong_assignment_is_told_what_is_right_and_changes_nothing() {
        let mut config = Config::default();
        for (assignment, part) in [
            ("train.batch", "KEY=VALUE"),
            ("batch=4", "train.batch"),
            ("train.bach=4", "did you mean train.batch?"),
            ("trian.batch=4", "did you mean [train]?"),
            ("train.batch=many", "train.batch: invalid type: string \"many\""),
            ("train.batch=1\nseed=3", "train.batch"),
            ("generator.padding=mirror", "reflect"),
        ] {
            let error = config.set(assignment).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("--set"), "{assignment}: {error}");
        }
        assert_eq!(config, Config::default());
    }

    #[test]
    fn the_perceptual_loss_without_its_weights_names_the_key_to_set() {
        let mut config = Config::default();
        let error = config.check_losses().unwrap_err().to_string();
        assert!(error.contains("loss.vgg_weights") && error.contains("loss.lambda_vgg=0"), "{error}");
        config.set("loss.lambda_vgg=0").unwrap();
        config.check_losses().unwrap();
    }
}

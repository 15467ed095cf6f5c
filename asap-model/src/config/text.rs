//! Reading from TOML text with the line of every fault, `KEY=VALUE`, writing back.

use std::fs;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::{Config, keys, presets};
use crate::{Error, Result};

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
        let text =
            fs::read_to_string(path).map_err(|source| Error::Io { file: path.into(), action: "read it", source })?;
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
            problem,
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
        let fault = |problem: String| Error::Config { origin: format!("--set {assignment}"), problem };
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

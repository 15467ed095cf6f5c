//! The properties that the parsers keep for any input: they return a consistent value or an error. They never panic, never
//! allocate far more than the input's size, and never take more than seconds.

use std::io::Write;
use std::path::Path;

use asap_model::Error;
use asap_model::checkpoint::{Weights, pth, safetensors};
use asap_model::config::Config;
use asap_model::data::{instances_of, labels_of, photo_of};

/// The name of the input in errors.
const NAME: &str = "fuzzed";

/// A safetensors file has as many elements as its shapes, and no more than bytes.
pub fn safetensors(bytes: &[u8]) {
    match safetensors::read_from(bytes, bytes.len() as u64, Path::new(NAME)) {
        Ok((weights, _)) => check_weights(&weights, bytes.len()),
        Err(error) => check_error(&error, NAME),
    }
}

/// A `.pth` of either format, with the properties of [`safetensors()`].
pub fn pth(bytes: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("the temporary file can be written");
    match pth::read(file.path()) {
        Ok(weights) => check_weights(&weights, bytes.len()),
        Err(error) => check_error(&error, &file.path().display().to_string()),
    }
}

/// An accepted configuration file is valid and survives a round trip through its text.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Config::parse(text, NAME) {
        Ok(config) => check_config(&config),
        Err(error) => check_error(&error, NAME),
    }
}

/// Arguments of `--set`, one per line, with the properties of [`config()`]. A rejected one changes nothing.
pub fn set(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut config = Config::default();
    for line in text.lines() {
        let before = config.clone();
        if let Err(error) = config.set(line) {
            check_error(&error, "--set");
            assert_same(&config, &before);
        }
    }
    if config.validate().is_ok() {
        check_config(&config);
    }
}

/// A label map and an instance map have a value for every pixel; labels are below the number of classes.
pub fn labels(bytes: &[u8]) {
    const CLASSES: usize = 13;
    match labels_of(bytes, Path::new(NAME), CLASSES) {
        Ok(map) => {
            assert_eq!(map.data.len(), map.height * map.width);
            assert!(map.data.iter().all(|&id| usize::from(id) < CLASSES));
        }
        Err(error) => check_error(&error, NAME),
    }
    match instances_of(bytes, Path::new(NAME)) {
        Ok(map) => assert_eq!(map.data.len(), map.height * map.width),
        Err(error) => check_error(&error, NAME),
    }
}

/// A photo has a color for every pixel.
pub fn photo(bytes: &[u8]) {
    match photo_of(bytes, Path::new(NAME)) {
        Ok(photo) => assert_eq!(photo.data.len(), photo.height * photo.width),
        Err(error) => check_error(&error, NAME),
    }
}

fn check_weights(weights: &Weights, length: usize) {
    let mut elements = 0;
    for (key, tensor) in weights {
        assert_eq!(tensor.data.len(), tensor.shape.iter().product::<usize>(), "{key}");
        elements += tensor.data.len();
    }
    assert!(elements <= length, "{elements} elements from {length} bytes");
}

fn check_config(config: &Config) {
    config.validate().expect("an accepted configuration is valid");
    let text = config.to_toml().expect("an accepted configuration can be written");
    assert_same(&Config::parse(&text, NAME).expect("what was written is accepted"), config);
}

fn assert_same(left: &Config, right: &Config) {
    let text = |config: &Config| config.to_toml().map_err(|error| error.to_string());
    // Compared as text, in which NaN equals itself.
    assert_eq!(text(left), text(right));
}

/// An error names the input, and its message is short and printable.
fn check_error(error: &Error, name: &str) {
    let message = error.to_string();
    assert!(message.contains(name), "{message}");
    assert!(message.len() < 10_000, "{} bytes of message: {message:.200}", message.len());
    let terminal = |c: char| c.is_control() && c != '\n';
    assert!(!message.contains(terminal), "{message:?}");
}

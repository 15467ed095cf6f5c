//! Which keys may change when a run goes on.

use std::path::Path;

use crate::config::{Config, Key};
use crate::{Error, Result};

/// Keys that may differ from those that a run began with: where files lie, how long to train, how often to report.
/// Every other key shapes what the rounds already played have made.
pub const CHANGEABLE: [&str; 10] = [
    "data.dir",
    "data.workers",
    "loss.vgg_weights",
    "train.epochs",
    "train.decay_epochs",
    "train.steps",
    "train.minutes",
    "train.save_every",
    "train.sample_every",
    "train.validate_count",
];

/// Checks that a run which began with `began` may go on with `now`.
///
/// # Errors
/// [`Error::Config`] names every key that differs and may not, with both values.
pub(super) fn check(began: &Config, now: &Config, run: &Path) -> Result<()> {
    let differences = differences(began, now);
    if differences.is_empty() {
        return Ok(());
    }
    let problem = format!(
        "the run can't go on with another {}; leave it as it was, or start a new run. These may change: {}",
        differences.join(", "),
        CHANGEABLE.join(", ")
    );
    Err(Error::Config { origin: run.display().to_string(), problem })
}

fn differences(began: &Config, now: &Config) -> Vec<String> {
    let shown = |value: Option<toml::Value>| value.map_or("not set".to_string(), |value| value.to_string());
    let mut found = Vec::new();
    for path in now.keys().iter().map(Key::path).filter(|path| !CHANGEABLE.contains(&path.as_str())) {
        let (old, new) = (began.get(&path), now.get(&path));
        if old != new {
            found.push(format!("{path} ({}, it began with {})", shown(new), shown(old)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shaped_the_networks_is_refused_by_name_with_both_values() {
        let began = Config::preset("quickstart").unwrap();
        let mut now = began.clone();
        now.set("generator.width=8").unwrap();
        now.set("data.size=[64, 128]").unwrap();
        let error = check(&began, &now, Path::new("runs/quickstart")).unwrap_err().to_string();
        assert!(error.starts_with("runs/quickstart: "), "{error}");
        assert!(error.contains("generator.width (8, it began with 16)"), "{error}");
        assert!(error.contains("data.size ([64, 128], it began with [128, 128])"), "{error}");
    }

    #[test]
    fn lengths_intervals_and_places_may_change() {
        let began = Config::preset("facades-small").unwrap();
        let mut now = began.clone();
        for change in ["train.steps=9", "train.epochs=50", "train.save_every=1", "data.workers=0", "data.dir=moved"] {
            now.set(change).unwrap();
        }
        check(&began, &now, Path::new("run")).unwrap();
    }

    #[test]
    fn every_changeable_key_is_a_key() {
        let known: Vec<String> = Config::default().keys().iter().map(Key::path).collect();
        assert!(CHANGEABLE.iter().all(|key| known.iter().any(|other| other == key)));
    }
}

//! Which keys may change when a run resumes.

use std::path::Path;

use crate::config::{Config, Key};
use crate::{Error, Result};

/// Keys that may differ when a run resumes: paths, the length of training, reporting intervals. Every other key has
/// shaped the steps done so far.
pub const CHANGEABLE: [&str; 12] = [
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
    "train.keep_best",
    "train.patience",
];

/// Checks that a run which was trained with `before` can resume with `now`. The error names every key that differs and
/// may not, with both values.
pub(super) fn check(before: &Config, now: &Config, run: &Path) -> Result<()> {
    let shown = |value: Option<toml::Value>| value.map_or("not set".to_string(), |value| value.to_string());
    let difference = |key: Key| {
        let (path, old) = (key.path(), before.get(&key.path()));
        let differs = old != key.value && !CHANGEABLE.contains(&path.as_str());
        differs.then(|| format!("{path} ({}, was {})", shown(key.value), shown(old)))
    };
    let differences: Vec<String> = now.keys().into_iter().filter_map(difference).collect();
    if differences.is_empty() {
        return Ok(());
    }
    let problem = format!(
        "can't resume with a different {}; restore it, or start a new run. These may change: {}",
        differences.join(", "),
        CHANGEABLE.join(", ")
    );
    Err(Error::Config { origin: run.display().to_string(), problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_networks_are_refused_with_both_values() {
        let before = Config::preset("quickstart").unwrap();
        let mut now = before.clone();
        now.set("generator.width=8").unwrap();
        now.set("data.size=[64, 128]").unwrap();
        let error = check(&before, &now, Path::new("runs/quickstart")).unwrap_err().to_string();
        assert!(error.starts_with("runs/quickstart: "), "{error}");
        assert!(error.contains("generator.width (8, was 16)"), "{error}");
        assert!(error.contains("data.size ([64, 128], was [128, 128])"), "{error}");
    }

    #[test]
    fn changeable_keys_exist_and_may_change() {
        let before = Config::preset("facades-small").unwrap();
        let known: Vec<String> = before.keys().iter().map(Key::path).collect();
        assert!(CHANGEABLE.iter().all(|key| known.iter().any(|other| other == key)));
        let mut now = before.clone();
        for change in ["train.steps=9", "train.epochs=50", "train.save_every=1", "data.workers=0", "data.dir=moved"] {
            now.set(change).unwrap();
        }
        check(&before, &now, Path::new("run")).unwrap();
    }
}

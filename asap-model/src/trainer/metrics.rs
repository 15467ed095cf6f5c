//! `metrics.jsonl`: losses and validations by round, one JSON object a line.
//!
//! A round is `{"round", "epoch", "losses": {NAME: VALUE, ...}, "lr_generator", "lr_discriminator", "seconds"}`, each
//! loss times its weight; a validation is `{"round", "validation_l1"}`.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::observer::RoundReport;
use crate::atomic;
use crate::{Error, Result};

/// The file, open for more lines.
#[derive(Debug)]
pub(super) struct MetricsLog {
    path: PathBuf,
    file: File,
    /// Bytes of whole lines in the file.
    length: u64,
    /// Lines that could not be written yet.
    waiting: String,
    /// Whether it was told that they wait.
    told: bool,
}

impl MetricsLog {
    /// Opens or makes the file for a run that has played `rounds` rounds. Lines of later rounds are dropped, and so is
    /// a last line that was cut off.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(path: &Path, rounds: u64) -> Result<Self> {
        let text = read(path)?;
        let kept: String = text
            .split_inclusive('\n')
            .filter(|line| {
                parse(line).and_then(|line| line.get("round")?.as_u64()).is_some_and(|round| round <= rounds)
            })
            .collect();
        if kept != text {
            atomic::write(path, |file| file.write_all(kept.as_bytes()))?;
        }
        let file = OpenOptions::new().append(true).create(true).open(path);
        let file = file.map_err(|source| Error::Io { file: path.into(), action: "write it", source })?;
        Ok(MetricsLog { path: path.into(), file, length: kept.len() as u64, waiting: String::new(), told: false })
    }

    /// Adds a round.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn round(&mut self, report: &RoundReport) -> Result<()> {
        let losses: Map<String, Value> =
            report.losses.named().into_iter().map(|(name, value)| (name.to_string(), json!(value))).collect();
        self.write(&json!({
            "round": report.round,
            "epoch": report.epoch,
            "losses": losses,
            "lr_generator": report.rates.generator,
            "lr_discriminator": report.rates.discriminator,
            "seconds": report.time.as_micros() as f64 / 1e6,
        }))
    }

    /// Adds a validation.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn validation(&mut self, round: u64, l1: f64) -> Result<()> {
        self.write(&json!({ "round": round, "validation_l1": l1 }))
    }

    /// Writes the line, and those before it that wait. Only the first of several failures in a row is an error.
    fn write(&mut self, line: &Value) -> Result<()> {
        self.waiting += &format!("{line}\n");
        match self.file.write_all(self.waiting.as_bytes()) {
            Ok(()) => {
                self.length += self.waiting.len() as u64;
                self.waiting.clear();
                self.told = false;
                Ok(())
            }
            Err(source) => {
                // Takes back a line that was cut off. Where that fails too, reading skips it.
                let _ = self.file.set_len(self.length);
                if std::mem::replace(&mut self.told, true) {
                    return Ok(());
                }
                Err(Error::Io { file: self.path.clone(), action: "write it", source })
            }
        }
    }
}

/// The validations of a `metrics.jsonl`, in order: (round, mean L1).
///
/// # Errors
/// [`Error::Io`] if the file can't be read; one that is not there has no validations.
pub fn validations(path: &Path) -> Result<Vec<(u64, f64)>> {
    let validation = |line: &str| {
        let line = parse(line)?;
        Some((line.get("round")?.as_u64()?, line.get("validation_l1")?.as_f64()?))
    };
    Ok(read(path)?.split_inclusive('\n').filter_map(validation).collect())
}

/// The means of the first and of the last tenth of a row of numbers, each of one at least; `None` for an empty row.
pub fn tenths(values: &[f64]) -> Option<(f64, f64)> {
    let count = values.len().div_ceil(10);
    let mean = |part: &[f64]| part.iter().sum::<f64>() / count as f64;
    (count > 0).then(|| (mean(&values[..count]), mean(&values[values.len() - count..])))
}

fn read(path: &Path) -> Result<String> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(source) => Err(Error::Io { file: path.into(), action: "read it", source }),
    }
}

/// A whole line.
fn parse(line: &str) -> Option<Value> {
    serde_json::from_str(line.strip_suffix('\n')?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn going_on_drops_later_rounds_and_a_cut_off_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut log = MetricsLog::open(&path, 0).unwrap();
        for round in 1..=4 {
            log.validation(round, round as f64 / 4.0).unwrap();
        }
        log.file.write_all(b"{\"round\": 1, \"valid").unwrap();
        let mut log = MetricsLog::open(&path, 2).unwrap();
        log.validation(3, 0.1).unwrap();
        assert_eq!(validations(&path).unwrap(), [(1, 0.25), (2, 0.5), (3, 0.1)]);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3);
    }

    #[test]
    fn tenths_are_means_over_a_tenth_at_each_end() {
        let values: Vec<f64> = (0..20).map(f64::from).collect();
        assert_eq!(tenths(&values), Some((0.5, 18.5)));
        assert_eq!(tenths(&[3.0]), Some((3.0, 3.0)));
        assert_eq!(tenths(&[]), None);
    }
}

//! `metrics.jsonl`: losses and validations by step, one JSON object a line.
//!
//! A step is `{"step", "epoch", "losses": {NAME: VALUE, ...}, "lr_generator", "lr_discriminator", "seconds"}`, each loss
//! times its weight; where a step measures more, also `"stats": {NAME: VALUE, ...}`. A validation is `{"step", "validation_l1"}`, of depth also `"validation_rmse"`,
//! `"validation_abs_rel"` and `"validation_delta1"`.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::observer::StepReport;
use super::validation::{History, Scores};
use crate::checkpoint::atomic;
use crate::evaluation::Measure;
use crate::{Error, Result};

/// The file, open for appending, and what its lines amount to.
#[derive(Debug)]
pub struct MetricsLog {
    path: PathBuf,
    file: File,
    /// Bytes of whole lines in the file.
    length: u64,
    /// Lines that could not be written yet.
    pending: String,
    /// Whether the last write failed and was reported.
    failing: bool,
    /// The time spent in steps.
    pub(super) seconds: f64,
    /// All validations.
    pub(super) validations: Vec<History>,
}

impl MetricsLog {
    /// Opens or creates the file of a run that has done `steps` steps. Lines of later steps are dropped, and so is a
    /// truncated last line.
    pub fn open(path: &Path, steps: u64) -> Result<Self> {
        let (mut seconds, mut validations) = (0.0, Vec::new());
        let (mut kept, mut dropped) = (Vec::new(), false);
        each_line(path, |line| match record(line) {
            Some(found) if found.step() <= steps => {
                kept.extend_from_slice(line);
                match found {
                    Record::Step { seconds: more, .. } => seconds += more,
                    Record::Validation { step, scores } => History::record(&mut validations, step, &scores),
                }
            }
            _ => dropped = true,
        })?;
        if dropped {
            atomic::write(path, |file| file.write_all(&kept))?;
        }
        let file = OpenOptions::new().append(true).create(true).open(path).map_err(Error::io(path, "write it"))?;
        let (path, length, pending) = (path.into(), kept.len() as u64, String::new());
        Ok(MetricsLog { path, file, length, pending, failing: false, seconds, validations })
    }

    /// Adds a step.
    pub fn step(&mut self, report: &StepReport) -> Result<()> {
        self.seconds += report.seconds();
        let mut line = json!({
            "step": report.step,
            "epoch": report.epoch,
            "losses": report.losses.to_json(),
            "lr_generator": report.rates.generator,
            "lr_discriminator": report.rates.discriminator,
            "seconds": report.seconds(),
        });
        if !report.stats.0.is_empty() {
            line["stats"] = report.stats.to_json();
        }
        self.write(&line)
    }

    /// Adds a validation.
    pub fn validation(&mut self, step: u64, scores: &[(Measure, f64)]) -> Result<()> {
        History::record(&mut self.validations, step, scores);
        let mut line = json!({ "step": step });
        for (measure, value) in scores {
            line[format!("validation_{}", measure.name())] = json!(value);
        }
        self.write(&line)
    }

    /// Writes pending lines and this one. Of several failures in a row, only the first is an error.
    fn write(&mut self, line: &Value) -> Result<()> {
        self.pending += &format!("{line}\n");
        let written = self.file.write_all(self.pending.as_bytes());
        let reported = std::mem::replace(&mut self.failing, written.is_err());
        if written.is_ok() {
            self.length += self.pending.len() as u64;
            self.pending.clear();
        } else {
            // Removes a truncated line. Where that fails too, readers skip it.
            let _ = self.file.set_len(self.length);
        }
        if reported { Ok(()) } else { written.map_err(Error::io(&self.path, "write it")) }
    }
}

/// A line of `metrics.jsonl`. Values that were not finite are NaN.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// A training step.
    Step {
        /// Its number.
        step: u64,
        /// The losses by name, in order.
        losses: Vec<(String, f64)>,
        /// What it measured besides, by name.
        stats: Vec<(String, f64)>,
        /// The learning rates of generator and discriminators.
        rates: [f64; 2],
        /// From waiting for the batch to the end of the step.
        seconds: f64,
    },
    /// A validation.
    Validation {
        /// After this step.
        step: u64,
        /// The measures.
        scores: Scores,
    },
}

impl Record {
    /// The step that it is of.
    pub fn step(&self) -> u64 {
        match self {
            Record::Step { step, .. } | Record::Validation { step, .. } => *step,
        }
    }
}

/// Calls `take` with each record, without loading the whole file. A missing file has no records; broken lines are skipped.
pub fn each_record(path: &Path, mut take: impl FnMut(Record)) -> Result<()> {
    each_line(path, |line| {
        if let Some(record) = record(line) {
            take(record);
        }
    })
}

fn each_line(path: &Path, mut take: impl FnMut(&[u8])) -> Result<()> {
    let failed = Error::io(path, "read it");
    let mut reader = match File::open(path) {
        Ok(file) => BufReader::new(file),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).map_err(&failed)? > 0 {
        take(&line);
        line.clear();
    }
    Ok(())
}

/// The record of a whole line.
fn record(line: &[u8]) -> Option<Record> {
    let line: Value = serde_json::from_slice(line.strip_suffix(b"\n")?).ok()?;
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let get = |key: &str| line.get(key).map(number);
    let step = line.get("step")?.as_u64()?;
    let score = |measure: Measure| Some((measure, get(&format!("validation_{}", measure.name()))?));
    let scores: Scores = Measure::ALL.into_iter().filter_map(score).collect();
    if !scores.is_empty() {
        return Some(Record::Validation { step, scores });
    }
    let named = |key: &str| -> Option<Vec<(String, f64)>> {
        Some(line.get(key)?.as_object()?.iter().map(|(name, value)| (name.clone(), number(value))).collect())
    };
    Some(Record::Step {
        step,
        losses: named("losses")?,
        stats: named("stats").unwrap_or_default(),
        rates: [get("lr_generator")?, get("lr_discriminator")?],
        seconds: get("seconds")?,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::training::losses::Losses;
    use crate::training::stats::Stats;
    use crate::training::step::Rates;

    #[test]
    fn opening_drops_later_steps_and_a_truncated_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut log = MetricsLog::open(&path, 0).unwrap();
        for step in 1..=4 {
            log.validation(step, &[(Measure::L1, step as f64 / 4.0)]).unwrap();
        }
        log.file.write_all(b"{\"step\": 1, \"valid").unwrap();
        let mut log = MetricsLog::open(&path, 2).unwrap();
        log.validation(3, &[(Measure::L1, 0.1), (Measure::Rmse, 2.5)]).unwrap();
        let validations = MetricsLog::open(&path, 3).unwrap().validations;
        assert_eq!(validations[0].values, [(1, 0.25), (2, 0.5), (3, 0.1)]);
        assert_eq!((validations[1].measure, validations[1].best), (Measure::Rmse, Some((3, 2.5))));
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3);
    }

    #[test]
    fn records_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut log = MetricsLog::open(&path, 0).unwrap();
        let report = StepReport {
            step: 1,
            steps_total: 2,
            epoch: 1,
            losses: Losses(vec![("GAN", 0.25), ("D_real", f64::INFINITY)]),
            stats: Stats(vec![("gradient_norm_generator", 3.5)]),
            rates: Rates { generator: 1e-4, discriminator: 4e-4 },
            time: Duration::from_nanos(1_500_000_999),
            time_left: Duration::ZERO,
        };
        log.step(&report).unwrap();
        log.validation(1, &[(Measure::L1, 0.5)]).unwrap();
        log.file.write_all(b"{\"step\": 2, \"valid").unwrap();
        let mut records = Vec::new();
        each_record(&path, |record| records.push(record)).unwrap();
        let Record::Step { step: 1, losses, stats, rates, seconds } = &records[0] else { panic!("{records:?}") };
        assert_eq!((losses[0].clone(), *rates, *seconds), (("GAN".into(), 0.25), [1e-4, 4e-4], 1.5));
        assert_eq!(*stats, [("gradient_norm_generator".into(), 3.5)]);
        assert_eq!(MetricsLog::open(&path, 1).unwrap().seconds, log.seconds, "sums are equal before and after a stop");
        assert!(losses.iter().any(|(_, value)| value.is_nan()));
        assert_eq!(records[1..], [Record::Validation { step: 1, scores: vec![(Measure::L1, 0.5)] }]);
        each_record(&folder.path().join("none"), |_| panic!("no record")).unwrap();
    }
}

//! `metrics.jsonl`: losses and validations by step, one JSON object a line.
//!
//! A step is `{"step", "epoch", "losses": {NAME: VALUE, ...}, "lr_generator", "lr_discriminator", "seconds"}`, each loss
//! times its weight. A validation is `{"step", "validation_l1"}`, of depth also `"validation_rmse"`,
//! `"validation_abs_rel"` and `"validation_delta1"`.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::observer::StepReport;
use super::validation::{DepthScores, Scores};
use crate::checkpoint::atomic;
use crate::{Error, Result};

/// The file, open for appending.
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
}

impl MetricsLog {
    /// Opens or creates the file of a run that has done `steps` steps. Lines of later steps are dropped, and so is a
    /// truncated last line.
    pub fn open(path: &Path, steps: u64) -> Result<Self> {
        let text = match std::fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(source) => return Err(Error::Io { file: path.into(), action: "read it", source }),
        };
        let is_kept =
            |line: &&str| parse(line).and_then(|line| line.get("step")?.as_u64()).is_some_and(|step| step <= steps);
        let kept: String = text.split_inclusive('\n').filter(is_kept).collect();
        if kept != text {
            atomic::write(path, |file| file.write_all(kept.as_bytes()))?;
        }
        let file = OpenOptions::new().append(true).create(true).open(path);
        let file = file.map_err(|source| Error::Io { file: path.into(), action: "write it", source })?;
        Ok(MetricsLog { path: path.into(), file, length: kept.len() as u64, pending: String::new(), failing: false })
    }

    /// Adds a step.
    pub fn step(&mut self, report: &StepReport) -> Result<()> {
        let losses: Map<String, Value> =
            report.losses.named().into_iter().map(|(name, value)| (name.to_string(), json!(value))).collect();
        self.write(&json!({
            "step": report.step,
            "epoch": report.epoch,
            "losses": losses,
            "lr_generator": report.rates.generator,
            "lr_discriminator": report.rates.discriminator,
            "seconds": report.seconds(),
        }))
    }

    /// Adds a validation.
    pub fn validation(&mut self, step: u64, scores: &Scores) -> Result<()> {
        let mut line = json!({ "step": step });
        for (measure, value) in scores.named() {
            line[format!("validation_{}", measure.name())] = json!(value);
        }
        self.write(&line)
    }

    /// Writes pending lines and this one. Of several failures in a row, only the first is an error.
    fn write(&mut self, line: &Value) -> Result<()> {
        self.pending += &format!("{line}\n");
        match self.file.write_all(self.pending.as_bytes()) {
            Ok(()) => {
                self.length += self.pending.len() as u64;
                self.pending.clear();
                self.failing = false;
                Ok(())
            }
            Err(source) => {
                // Removes a truncated line. Where that fails too, readers skip it.
                let _ = self.file.set_len(self.length);
                if std::mem::replace(&mut self.failing, true) {
                    return Ok(());
                }
                Err(Error::Io { file: self.path.clone(), action: "write it", source })
            }
        }
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

/// Calls `take` with each record, without loading the whole file. A missing file has no records; broken lines are skipped.
pub fn each_record(path: &Path, mut take: impl FnMut(Record)) -> Result<()> {
    let failed = |source| Error::Io { file: path.into(), action: "read it", source };
    let mut reader = match File::open(path) {
        Ok(file) => BufReader::new(file),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(failed(source)),
    };
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes).map_err(failed)? > 0 {
        if let Some(record) = parse(&String::from_utf8_lossy(&bytes)).as_ref().and_then(record) {
            take(record);
        }
        bytes.clear();
    }
    Ok(())
}

fn record(line: &Value) -> Option<Record> {
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let get = |key: &str| line.get(key).map(number);
    let step = line.get("step")?.as_u64()?;
    if let Some(l1) = get("validation_l1") {
        let depth = || {
            let [rmse, abs_rel, delta1] = ["validation_rmse", "validation_abs_rel", "validation_delta1"].map(get);
            Some(DepthScores { rmse: rmse?, abs_rel: abs_rel?, delta1: delta1? })
        };
        return Some(Record::Validation { step, scores: Scores { l1, depth: depth() } });
    }
    let losses = line.get("losses")?.as_object()?;
    Some(Record::Step {
        step,
        losses: losses.iter().map(|(name, value)| (name.clone(), number(value))).collect(),
        rates: [get("lr_generator")?, get("lr_discriminator")?],
        seconds: get("seconds")?,
    })
}

/// The validations of a `metrics.jsonl` with their steps.
pub fn validations(path: &Path) -> Result<Vec<(u64, Scores)>> {
    let mut all = Vec::new();
    each_record(path, |record| {
        if let Record::Validation { step, scores } = record {
            all.push((step, scores));
        }
    })?;
    Ok(all)
}

/// The seconds spent in the steps of a `metrics.jsonl`.
pub fn seconds(path: &Path) -> Result<f64> {
    let mut total = 0.0;
    each_record(path, |record| {
        if let Record::Step { seconds, .. } = record {
            total += seconds;
        }
    })?;
    Ok(total)
}

/// The JSON of a whole line.
fn parse(line: &str) -> Option<Value> {
    serde_json::from_str(line.strip_suffix('\n')?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn color(l1: f64) -> Scores {
        Scores { l1, depth: None }
    }

    #[test]
    fn opening_drops_later_steps_and_a_truncated_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut log = MetricsLog::open(&path, 0).unwrap();
        for step in 1..=4 {
            log.validation(step, &color(step as f64 / 4.0)).unwrap();
        }
        log.file.write_all(b"{\"step\": 1, \"valid").unwrap();
        let mut log = MetricsLog::open(&path, 2).unwrap();
        let depth = Scores { l1: 0.1, depth: Some(DepthScores { rmse: 2.5, abs_rel: 0.25, delta1: 0.75 }) };
        log.validation(3, &depth).unwrap();
        assert_eq!(validations(&path).unwrap(), [(1, color(0.25)), (2, color(0.5)), (3, depth)]);
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
            losses: crate::training::step::Losses::new(vec![("GAN", 0.25), ("D_real", f64::INFINITY)]),
            rates: crate::training::step::Rates { generator: 1e-4, discriminator: 4e-4 },
            time: std::time::Duration::from_nanos(1_500_000_999),
            time_left: std::time::Duration::ZERO,
        };
        log.step(&report).unwrap();
        log.validation(1, &color(0.5)).unwrap();
        log.file.write_all(b"{\"step\": 2, \"valid").unwrap();
        let mut records = Vec::new();
        each_record(&path, |record| records.push(record)).unwrap();
        let Record::Step { step: 1, losses, rates, seconds } = &records[0] else { panic!("{records:?}") };
        assert_eq!((losses[0].clone(), *rates, *seconds), (("GAN".into(), 0.25), [1e-4, 4e-4], 1.5));
        assert_eq!(report.seconds(), *seconds, "sums of steps are those of the log");
        assert!(losses.iter().any(|(_, value)| value.is_nan()));
        assert_eq!(records[1..], [Record::Validation { step: 1, scores: color(0.5) }]);
        each_record(&folder.path().join("none"), |_| panic!("no record")).unwrap();
    }
}

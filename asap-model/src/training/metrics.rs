//! `metrics.jsonl`: losses and validations by round, one JSON object a line.
//!
//! A round is `{"round", "epoch", "losses": {NAME: VALUE, ...}, "lr_generator", "lr_discriminator", "seconds"}`, each
//! loss times its weight; a validation is `{"round", "validation_l1"}`, of depths also `"validation_rmse"`,
//! `"validation_abs_rel"` and `"validation_delta1"`.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::observer::RoundReport;
use super::validation::{DepthScores, Scores};
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
            "seconds": report.seconds(),
        }))
    }

    /// Adds a validation.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn validation(&mut self, round: u64, scores: &Scores) -> Result<()> {
        let mut line = json!({ "round": round });
        for (measure, value) in scores.named() {
            line[format!("validation_{}", measure.name())] = json!(value);
        }
        self.write(&line)
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

/// A line of a `metrics.jsonl`. What was not finite is NaN.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Line {
    /// A round.
    Round {
        /// Its number.
        round: u64,
        /// The losses by name, in their order.
        losses: Vec<(String, f64)>,
        /// The learning rates of generator and discriminators.
        rates: [f64; 2],
        /// From asking for the batch to the end of the round.
        seconds: f64,
    },
    /// A validation.
    Validation {
        /// After this round.
        round: u64,
        /// What it told.
        scores: Scores,
    },
}

/// Calls `take` with each line of a file that may be large. What is no whole line is passed over.
///
/// # Errors
/// [`Error::Io`] if the file can't be read; one that is not there has no lines.
pub(super) fn each_line(path: &Path, mut take: impl FnMut(Line)) -> Result<()> {
    let failed = |source| Error::Io { file: path.into(), action: "read it", source };
    let mut reader = match File::open(path) {
        Ok(file) => BufReader::new(file),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(failed(source)),
    };
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes).map_err(failed)? > 0 {
        if let Some(line) = parse(&String::from_utf8_lossy(&bytes)).as_ref().and_then(line) {
            take(line);
        }
        bytes.clear();
    }
    Ok(())
}

fn line(value: &Value) -> Option<Line> {
    let round = value.get("round")?.as_u64()?;
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    if let Some(l1) = value.get("validation_l1") {
        return Some(Line::Validation { round, scores: Scores { l1: number(l1), depth: depth_scores(value) } });
    }
    let losses = value.get("losses")?.as_object()?;
    Some(Line::Round {
        round,
        losses: losses.iter().map(|(name, value)| (name.clone(), number(value))).collect(),
        rates: [number(value.get("lr_generator")?), number(value.get("lr_discriminator")?)],
        seconds: number(value.get("seconds")?),
    })
}

fn depth_scores(value: &Value) -> Option<DepthScores> {
    let score = |key: &str| Some(value.get(key)?.as_f64().unwrap_or(f64::NAN));
    Some(DepthScores {
        rmse: score("validation_rmse")?,
        abs_rel: score("validation_abs_rel")?,
        delta1: score("validation_delta1")?,
    })
}

/// The validations of a `metrics.jsonl`, in order, with their rounds.
///
/// # Errors
/// [`Error::Io`] if the file can't be read; one that is not there has no validations.
pub fn validations(path: &Path) -> Result<Vec<(u64, Scores)>> {
    let mut all = Vec::new();
    each_line(path, |line| {
        if let Line::Validation { round, scores } = line {
            all.push((round, scores));
        }
    })?;
    Ok(all)
}

/// The seconds that the rounds of a `metrics.jsonl` took together.
///
/// # Errors
/// [`Error::Io`] if the file can't be read; one that is not there has no rounds.
pub fn seconds(path: &Path) -> Result<f64> {
    let mut total = 0.0;
    each_line(path, |line| {
        if let Line::Round { seconds, .. } = line {
            total += seconds;
        }
    })?;
    Ok(total)
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

    fn colours(l1: f64) -> Scores {
        Scores { l1, depth: None }
    }

    #[test]
    fn going_on_drops_later_rounds_and_a_cut_off_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut log = MetricsLog::open(&path, 0).unwrap();
        for round in 1..=4 {
            log.validation(round, &colours(round as f64 / 4.0)).unwrap();
        }
        log.file.write_all(b"{\"round\": 1, \"valid").unwrap();
        let mut log = MetricsLog::open(&path, 2).unwrap();
        let depths = Scores { l1: 0.1, depth: Some(DepthScores { rmse: 2.5, abs_rel: 0.25, delta1: 0.75 }) };
        log.validation(3, &depths).unwrap();
        assert_eq!(validations(&path).unwrap(), [(1, colours(0.25)), (2, colours(0.5)), (3, depths)]);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3);
    }

    #[test]
    fn lines_come_back_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut log = MetricsLog::open(&path, 0).unwrap();
        let report = RoundReport {
            round: 1,
            rounds_total: 2,
            epoch: 1,
            losses: crate::round::Losses { gan: 0.25, real: f64::INFINITY, ..Default::default() },
            rates: crate::round::Rates { generator: 1e-4, discriminator: 4e-4 },
            time: std::time::Duration::from_nanos(1_500_000_999),
            time_left: std::time::Duration::ZERO,
        };
        log.round(&report).unwrap();
        log.validation(1, &colours(0.5)).unwrap();
        log.file.write_all(b"{\"round\": 2, \"valid").unwrap();
        let mut lines = Vec::new();
        each_line(&path, |line| lines.push(line)).unwrap();
        let Line::Round { round: 1, losses, rates, seconds } = &lines[0] else { panic!("{lines:?}") };
        assert_eq!((losses[0].clone(), *rates, *seconds), (("GAN".into(), 0.25), [1e-4, 4e-4], 1.5));
        assert_eq!(report.seconds(), *seconds, "sums of rounds are those of the log");
        assert!(losses.iter().any(|(name, value)| name == "D_real" && value.is_nan()));
        assert_eq!(lines[1..], [Line::Validation { round: 1, scores: colours(0.5) }]);
        each_line(&folder.path().join("none"), |_| panic!("no line")).unwrap();
    }

    #[test]
    fn tenths_are_means_over_a_tenth_at_each_end() {
        let values: Vec<f64> = (0..20).map(f64::from).collect();
        assert_eq!(tenths(&values), Some((0.5, 18.5)));
        assert_eq!(tenths(&[3.0]), Some((3.0, 3.0)));
        assert_eq!(tenths(&[]), None);
    }
}

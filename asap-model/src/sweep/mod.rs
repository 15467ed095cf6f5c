//! Several generators beside each other: what each costs and how good it is, as in the paper's figures 1 and 2.
//!
//! | file | holds |
//! |---|---|
//! | `measure` | [`Measure`]: the measures of quality that a figure can show |
//! | `figure` | [`figure`](fn@figure): time against quality, as an SVG picture |

mod figure;
mod measure;

pub use figure::figure;
pub use measure::Measure;

use crate::evaluation::Evaluation;
use crate::{Error, Result};

/// One generator of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What it is called.
    pub name: String,
    /// Its `generator.kind`.
    pub kind: &'static str,
    /// Height and width of the pictures that were timed.
    pub size: [usize; 2],
    /// Numbers that are trained.
    pub parameters: usize,
    /// 10⁹ multiply-accumulates of a picture, from one-hot labels.
    pub gmac: f64,
    /// The median time of a picture, in seconds.
    pub seconds: f64,
    /// Bytes that drawing one is planned to take.
    pub planned_bytes: u64,
    /// Rounds of training.
    pub rounds: u64,
    /// The time of these rounds, in seconds.
    pub training_seconds: f64,
    /// How its pictures compare with the real ones.
    pub evaluation: Evaluation,
}

/// The entries as comma-separated values, a line each below a head; a measure that was not taken is empty.
///
/// # Errors
/// [`Error::Config`] if a value can't be written as text.
pub fn csv(entries: &[Entry]) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let columns = [
        "name",
        "generator",
        "height",
        "width",
        "parameters",
        "gmac",
        "ms",
        "planned_mb",
        "rounds",
        "training_minutes",
    ];
    let head = columns.into_iter().map(str::to_owned).chain(Measure::ALL.map(|measure| measure.name().to_owned()));
    let mut lines = vec![head.collect::<Vec<String>>()];
    for entry in entries {
        let known = [
            entry.name.clone(),
            entry.kind.to_owned(),
            entry.size[0].to_string(),
            entry.size[1].to_string(),
            entry.parameters.to_string(),
            format!("{:.4}", entry.gmac),
            format!("{:.4}", 1e3 * entry.seconds),
            format!("{:.1}", entry.planned_bytes as f64 / 1e6),
            entry.rounds.to_string(),
            format!("{:.3}", entry.training_seconds / 60.0),
        ];
        let measured =
            Measure::ALL.map(|measure| measure.of(&entry.evaluation).map_or(String::new(), |v| v.to_string()));
        lines.push(known.into_iter().chain(measured).collect());
    }
    let fault = |problem: String| Error::Config { origin: "sweep".into(), problem };
    for line in lines {
        writer.write_record(&line).map_err(|error| fault(error.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|error| fault(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| fault(error.to_string()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::evaluation::Sizes;

    /// An entry of that name with an L1 and a time.
    pub(crate) fn entry(name: &str, l1: f64, seconds: f64) -> Entry {
        let evaluation = Evaluation {
            counts: [2; 2],
            compared: Sizes::default(),
            own_drawn: Sizes::default(),
            own_real: Sizes::default(),
            l1: Some(l1),
            psnr: None,
            ssim: None,
            swd: None,
            fid: None,
            kid: None,
            features_kept: false,
            cache_fault: None,
            depth: None,
            not_measured: Vec::new(),
        };
        Entry {
            name: name.into(),
            kind: "asap",
            size: [8, 16],
            parameters: 1234,
            gmac: 0.5,
            seconds,
            planned_bytes: 2_500_000,
            rounds: 7,
            training_seconds: 90.0,
            evaluation,
        }
    }

    #[test]
    fn a_table_has_a_line_for_each_entry_and_quotes_what_must_be() {
        let text = csv(&[entry("a,b", 0.25, 0.002), entry("c", 0.5, 0.1)]).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("name,generator,height,width,") && lines[0].contains(",l1,psnr,ssim,swd,fid,"));
        assert_eq!(lines[1], "\"a,b\",asap,8,16,1234,0.5000,2.0000,2.5,7,1.500,0.25,,,,,,,,");
    }
}

//! Several generators beside each other: what each costs and how good it is, as in the paper's figures 1 and 2.
//!
//! | file | holds |
//! |---|---|
//! | `measure` | [`Measure`]: the measures of quality that a figure can show |
//! | `table` | [`csv`](fn@csv) and [`read_csv`]: all generators as a table |
//! | `figure` | [`figure`](fn@figure): time against quality, as an SVG picture |

mod figure;
mod measure;
mod table;

pub use figure::figure;
pub use measure::Measure;
pub use table::{csv, read_csv};

/// One generator of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What it is called.
    pub name: String,
    /// Its `generator.kind`.
    pub kind: String,
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
    /// How its pictures compare with the real ones: the measures that were taken.
    pub measured: Vec<(Measure, f64)>,
}

impl Entry {
    /// The value of a measure, where it was taken.
    pub fn value(&self, measure: Measure) -> Option<f64> {
        self.measured.iter().find(|(taken, _)| *taken == measure).map(|(_, value)| *value)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An entry of that name with an L1 and a time.
    pub(crate) fn entry(name: &str, l1: f64, seconds: f64) -> Entry {
        Entry {
            name: name.into(),
            kind: "asap".into(),
            size: [8, 16],
            parameters: 1234,
            gmac: 0.5,
            seconds,
            planned_bytes: 2_500_000,
            rounds: 7,
            training_seconds: 90.0,
            measured: vec![(Measure::L1, l1)],
        }
    }
}

//! One generator of a sweep.

use asap_model::evaluation::Measure;

/// One generator of a sweep: what it costs and how good it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub name: String,
    /// Its `generator.kind`.
    pub kind: String,
    /// Height and width of the timed images.
    pub size: [usize; 2],
    pub parameters: usize,
    /// 10⁹ multiply-accumulates per image, from one-hot labels.
    pub gmac: f64,
    /// The median time per image, in seconds.
    pub seconds: f64,
    /// Planned memory to generate an image, in bytes.
    pub planned_bytes: u64,
    pub steps: u64,
    /// The time of these steps, in seconds.
    pub training_seconds: f64,
    pub measured: Vec<(Measure, f64)>,
}

impl Entry {
    /// The value of a measure, if it was taken.
    pub fn value(&self, measure: Measure) -> Option<f64> {
        self.measured.iter().find(|(taken, _)| *taken == measure).map(|(_, value)| *value)
    }
}

/// The measure to plot if none is chosen: the first of FID, L1 and RMSE that all entries have.
pub fn default_measure(entries: &[Entry]) -> Option<Measure> {
    let order = [Measure::Fid, Measure::L1, Measure::Rmse];
    order.into_iter().find(|measure| entries.iter().all(|entry| entry.value(*measure).is_some()))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// An entry with an L1 and a time.
    pub fn entry(name: &str, l1: f64, seconds: f64) -> Entry {
        Entry {
            name: name.into(),
            kind: "asap".into(),
            size: [8, 16],
            parameters: 1234,
            gmac: 0.5,
            seconds,
            planned_bytes: 2_500_000,
            steps: 7,
            training_seconds: 90.0,
            measured: vec![(Measure::L1, l1)],
        }
    }
}

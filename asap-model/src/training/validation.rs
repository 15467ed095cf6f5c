//! How far the generator is from validation pairs.

use asap_tensor::Backend;

use super::sheet::{ROWS, Row};
use crate::condition::Condition;
use crate::config::DataConfig;
use crate::data::{Batch, Source, prepare};
use crate::evaluation::measures::{DepthErrors, DepthSummary};
use crate::generator::Generator;
use crate::network::Binding;
use crate::sweep::Measure;
use crate::{Error, Result};

/// A generator measured on validation pairs.
#[derive(Clone, Debug)]
pub struct Validation {
    /// The measures.
    pub scores: Scores,
    /// A few of the pairs, the same each time, with what the generator makes of them.
    pub rows: Vec<Row>,
}

/// What a validation tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scores {
    /// Mean |ours − real| over all values of all pictures; of depth maps, over those that were measured. Values are in
    /// [−1, 1]: 0 is equal, 2 black for white.
    pub l1: f64,
    /// Errors of depths; `None` for colours, and where no pixel has a depth above 0.
    pub depth: Option<DepthScores>,
}

/// Errors of depths, over all pixels with a depth of all maps: those of
/// [`DepthSummary`](crate::evaluation::measures::DepthSummary), at the size of training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DepthScores {
    /// √ mean (ours − real)², in the unit of `data.depth_max`.
    pub rmse: f64,
    /// Mean |ours − real| / real.
    pub abs_rel: f64,
    /// The share of pixels whose ratio, either way round, is below 1.25.
    pub delta1: f64,
}

impl Scores {
    /// Every measure that was taken.
    pub fn named(&self) -> Vec<(Measure, f64)> {
        let depth = |DepthScores { rmse, abs_rel, delta1 }| {
            [(Measure::Rmse, rmse), (Measure::AbsRel, abs_rel), (Measure::Delta1, delta1)]
        };
        std::iter::once((Measure::L1, self.l1)).chain(self.depth.map(depth).into_iter().flatten()).collect()
    }
}

/// Draws the pictures of at most `count` pairs, at equal distances in `source`, without gradients and without random
/// crops, and compares them with the real ones.
///
/// # Errors
/// [`Error::Data`] if the source is empty, a pair can't be read, or no pixel of them was measured; otherwise if a kernel
/// fails.
pub fn validate<B: Backend>(
    backend: &B,
    generator: &Generator<B>,
    source: &dyn Source,
    data: &DataConfig,
    count: usize,
) -> Result<Validation> {
    let picked = spread(source.len(), count);
    if picked.is_empty() {
        let problem = "there are no validation pairs".to_string();
        return Err(Error::Data { file: "validation".into(), problem });
    }
    let shown = spread(picked.len(), ROWS);
    let (mut sum, mut values) = (0.0, 0.0);
    let mut depth = data.depth().map(DepthErrors::new);
    let mut rows = Vec::with_capacity(shown.len());
    for (place, &index) in picked.iter().enumerate() {
        let sample = prepare(&source.raw(index)?, data, None)?;
        let batch = Batch::stack(0, place, vec![sample.clone()])?;
        let condition = Condition::from_batch(backend, &batch, data)?;
        let ours = generator.forward(&Binding::frozen(), &condition)?.value().to_f32()?;
        let differences = ours.iter().zip(&batch.image).map(|(a, b)| f64::from((a - b).abs()));
        if let Some(mask) = &batch.mask {
            sum += differences.zip(mask).map(|(difference, &m)| difference * f64::from(m)).sum::<f64>();
            values += mask.iter().map(|&m| f64::from(m)).sum::<f64>();
        } else {
            sum += differences.sum::<f64>();
            values += ours.len() as f64;
        }
        if let Some(depth) = &mut depth {
            depth.add_output(&ours, &batch.image, batch.mask.as_deref());
        }
        if shown.contains(&place) {
            rows.push(Row { sample, ours });
        }
    }
    if values == 0.0 {
        let problem = "no pixel of the depth maps that are measured has a depth; data.depth_invalid says so";
        return Err(Error::Data { file: "validation".into(), problem: problem.into() });
    }
    let depth = depth.and_then(|errors| errors.summary());
    let depth = depth.map(|DepthSummary { rmse, abs_rel, delta1, .. }| DepthScores { rmse, abs_rel, delta1 });
    Ok(Validation { scores: Scores { l1: sum / values, depth }, rows })
}

/// At most `count` of `len` places, at equal distances from 0.
fn spread(len: usize, count: usize) -> Vec<usize> {
    let count = count.min(len);
    (0..count).map(|i| i * len / count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picked_places_are_spread_and_distinct() {
        assert_eq!(spread(10, 4), [0, 2, 5, 7]);
        assert_eq!(spread(3, 4), [0, 1, 2]);
        assert!(spread(0, 4).is_empty());
    }
}

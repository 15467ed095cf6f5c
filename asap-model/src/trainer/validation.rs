//! The mean L1 over validation pairs.

use asap_tensor::Backend;

use super::sheet::{ROWS, Row};
use crate::condition::Condition;
use crate::config::DataConfig;
use crate::data::{Batch, Source, prepare};
use crate::generator::Generator;
use crate::network::Binding;
use crate::{Error, Result};

/// A generator measured on validation pairs.
#[derive(Clone, Debug)]
pub struct Validation {
    /// Mean |ours − real| over all values of all pictures. Values are in [−1, 1]: 0 is equal, 2 black for white.
    pub l1: f64,
    /// A few of the pairs, the same each time, with what the generator makes of them.
    pub rows: Vec<Row>,
}

/// Draws the pictures of at most `count` pairs, at equal distances in `source`, without gradients and without random
/// crops, and compares them with the real ones.
///
/// # Errors
/// [`Error::Data`] if the source is empty or a pair can't be read; otherwise if a kernel fails.
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
    let (mut sum, mut values) = (0.0, 0);
    let mut rows = Vec::with_capacity(shown.len());
    for (place, &index) in picked.iter().enumerate() {
        let sample = prepare(&source.raw(index)?, data, None)?;
        let batch = Batch::stack(0, place, vec![sample.clone()])?;
        let condition = Condition::from_batch(backend, &batch, data)?;
        let ours = generator.forward(&Binding::frozen(), &condition)?.value().to_f32()?;
        sum += ours.iter().zip(&batch.image).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>();
        values += ours.len();
        if shown.contains(&place) {
            rows.push(Row { sample, ours });
        }
    }
    Ok(Validation { l1: sum / values as f64, rows })
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

//! How far the generator is from validation pairs.

use asap_tensor::Backend;

use crate::config::DataConfig;
use crate::data::{Batch, Sample, Source, prepare};
use crate::evaluation::Measure;
use crate::evaluation::measures::{DepthErrors, DepthSummary};
use crate::networks::Generator;
use crate::nn::ForwardContext;
use crate::{Error, Result};

/// Maximum number of rows that a validation returns.
const ROWS: usize = 4;

/// A validation pair with the generator's output.
#[derive(Clone, Debug)]
pub struct SampleRow {
    /// The pair at its final size.
    pub pair: Sample,
    /// The output (C, H, W) in [−1, 1].
    pub output: Vec<f32>,
}

/// The measures of a validation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scores {
    /// Mean |output − real| over all values in [−1, 1]; of depth maps over measured pixels.
    pub l1: f64,
    /// Depth errors; `None` for color, and where no pixel has a depth above 0.
    pub depth: Option<DepthScores>,
}

/// Depth errors over all pixels with a depth, at the training size; see
/// [`DepthSummary`](crate::evaluation::measures::DepthSummary).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DepthScores {
    /// √ mean (output − real)², in the unit of `data.depth_max`.
    pub rmse: f64,
    /// Mean |output − real| / real.
    pub abs_rel: f64,
    /// The share of pixels with max(output / real, real / output) < 1.25.
    pub delta1: f64,
}

impl Scores {
    /// Each measure with its value.
    pub fn named(&self) -> Vec<(Measure, f64)> {
        let depth = |DepthScores { rmse, abs_rel, delta1 }| {
            [(Measure::Rmse, rmse), (Measure::AbsRel, abs_rel), (Measure::Delta1, delta1)]
        };
        std::iter::once((Measure::L1, self.l1)).chain(self.depth.map(depth).into_iter().flatten()).collect()
    }
}

/// A measure over the validations of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// The measure.
    pub measure: Measure,
    /// Its values, with their steps.
    pub values: Vec<(u64, f64)>,
    /// The best finite value and its step.
    pub best: Option<(u64, f64)>,
}

impl Course {
    /// The course of each measure that the validations took.
    pub fn of(validations: &[(u64, Scores)]) -> Vec<Course> {
        let mut all: Vec<Course> = Vec::new();
        for (step, scores) in validations {
            for (measure, value) in scores.named() {
                let place = all.iter().position(|course| course.measure == measure).unwrap_or_else(|| {
                    all.push(Course { measure, values: Vec::new(), best: None });
                    all.len() - 1
                });
                let Course { values, best, .. } = &mut all[place];
                values.push((*step, value));
                let is_better = |best| if measure.lower_is_better() { value < best } else { value > best };
                if value.is_finite() && best.is_none_or(|(_, best)| is_better(best)) {
                    *best = Some((*step, value));
                }
            }
        }
        all
    }
}

/// Compares the generator's outputs with at most `count` pairs, evenly spaced in `source`, without gradients and without
/// random crops. Also returns up to `ROWS` of them.
///
/// # Errors
/// [`Error::Data`] if the source is empty, a pair can't be read, or no pixel of them was measured.
pub fn validate<B: Backend>(
    backend: &B,
    generator: &Generator<B>,
    source: &dyn Source,
    data: &DataConfig,
    count: usize,
) -> Result<(Scores, Vec<SampleRow>)> {
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
        let pair = prepare(&source.raw(index)?, data, None)?;
        let batch = Batch::stack(0, place, vec![pair.clone()])?;
        let ctx = ForwardContext::evaluation(&generator.params);
        let output = generator.forward(&ctx, &batch.input(backend, data)?)?.value().to_f32()?;
        let differences = output.iter().zip(&batch.image).map(|(a, b)| f64::from((a - b).abs()));
        if let Some(mask) = &batch.mask {
            sum += differences.zip(mask).map(|(difference, &m)| difference * f64::from(m)).sum::<f64>();
            values += mask.iter().map(|&m| f64::from(m)).sum::<f64>();
        } else {
            sum += differences.sum::<f64>();
            values += output.len() as f64;
        }
        if let Some(depth) = &mut depth {
            depth.add_output(&output, &batch.image, batch.mask.as_deref());
        }
        if shown.contains(&place) {
            rows.push(SampleRow { pair, output });
        }
    }
    if values == 0.0 {
        let problem = "no pixel of the validation depth maps has a depth; check data.depth_invalid";
        return Err(Error::Data { file: "validation".into(), problem: problem.into() });
    }
    let depth = depth.and_then(|errors| errors.summary());
    let depth = depth.map(|DepthSummary { rmse, abs_rel, delta1, .. }| DepthScores { rmse, abs_rel, delta1 });
    Ok((Scores { l1: sum / values, depth }, rows))
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
    fn spread_places_are_distinct() {
        assert_eq!(spread(10, 4), [0, 2, 5, 7]);
        assert_eq!(spread(3, 4), [0, 1, 2]);
        assert!(spread(0, 4).is_empty());
    }

    #[test]
    fn best_depends_on_the_measure() {
        let scores = |rmse| Scores { l1: f64::NAN, depth: Some(DepthScores { rmse, abs_rel: 1.0, delta1: rmse }) };
        let courses = Course::of(&[(2, scores(0.5)), (4, scores(0.25)), (6, scores(0.75))]);
        let best: Vec<_> = courses.iter().map(|course| (course.measure, course.best)).collect();
        let expected = [None, Some((4, 0.25)), Some((2, 1.0)), Some((6, 0.75))];
        assert_eq!(
            best,
            [Measure::L1, Measure::Rmse, Measure::AbsRel, Measure::Delta1]
                .into_iter()
                .zip(expected)
                .collect::<Vec<_>>()
        );
        assert_eq!(courses[1].values, [(2, 0.5), (4, 0.25), (6, 0.75)]);
    }
}

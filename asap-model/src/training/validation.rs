//! How far the generator is from validation pairs.

use asap_tensor::Backend;

use crate::config::{Config, OutputKind};
use crate::data::{Example, HostInput, Image, Sizing, Source};
use crate::evaluation::measures::{DepthErrors, Seams};
use crate::evaluation::{EvalImage, HeldPairs, Measure, Options, evaluate};
use crate::inference::Variant;
use crate::networks::Generator;
use crate::{Error, Result};

/// Maximum number of rows that a validation returns.
const ROWS: usize = 4;

/// A validation pair with the generator's output.
#[derive(Clone, Debug)]
pub struct SampleRow {
    /// The pair at its final size.
    pub pair: Example,
    /// The output (C, H, W) in [−1, 1].
    pub output: Vec<f32>,
}

/// The measures of a validation, at the training size, in the order of [`Measure::ALL`]: L1 first, then the errors of depth
/// where there is any, or the measure of images that `train.keep_best` names and the seams of color images where there are
/// tiles; NaN where one has no value.
///
/// L1 is the mean |output − real| over all values in [−1, 1] of pixels that count.
pub type Scores = Vec<(Measure, f64)>;

/// A measure over the validations of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// The measure.
    pub measure: Measure,
    /// Its values, with their steps.
    pub values: Vec<(u64, f64)>,
    /// The best finite value and its step.
    pub best: Option<(u64, f64)>,
}

impl History {
    /// How many validations there were since the best one.
    pub fn since_best(&self) -> usize {
        let best = self.best.map_or(0, |(step, _)| step);
        self.values.iter().filter(|(step, _)| *step > best).count()
    }

    /// Adds the measures of a validation to the histories of a run.
    pub fn record(histories: &mut Vec<History>, step: u64, scores: &[(Measure, f64)]) {
        for &(measure, value) in scores {
            let place = histories.iter().position(|history| history.measure == measure).unwrap_or_else(|| {
                histories.push(History { measure, values: Vec::new(), best: None });
                histories.len() - 1
            });
            let History { values, best, .. } = &mut histories[place];
            values.push((step, value));
            if value.is_finite() && best.is_none_or(|(_, best)| measure.is_better(value, best)) {
                *best = Some((step, value));
            }
        }
    }
}

/// Compares the generator's outputs with at most `train.validate_count` pairs, evenly spaced in `source`, without random
/// crops. Also returns up to [`ROWS`] of them. The source must have pairs.
pub(super) fn validate<B: Backend>(
    backend: &B,
    generator: &Generator<B>,
    source: &dyn Source,
    config: &Config,
) -> Result<(Scores, Vec<SampleRow>)> {
    let data = &config.data;
    let picked = spread(source.len(), config.train.validate_count);
    let shown = spread(picked.len(), ROWS);
    let (mut sum, mut values) = (0.0, 0.0);
    let scale = data.output_scale();
    let mut depth = data.depth().map(DepthErrors::new);
    let tiles = config.generator.asap().filter(|_| data.output == OutputKind::Image);
    let mut seams = tiles.map(|asap| Seams::new(asap.tile));
    let mut rows = Vec::with_capacity(shown.len());
    let chosen =
        kept(config).filter(|measure| !measure.is_of_depth() && ![Measure::L1, Measure::Seams].contains(measure));
    let mut held = HeldPairs { pairs: Vec::new(), data };
    for (place, &index) in picked.iter().enumerate() {
        let pair = Sizing::Configured.example(source.get(index)?, data)?;
        let input = HostInput::stack(&[&pair.input], backend, data)?;
        let ctx = Variant::first(config.train.seed).pass(&generator.params, &pair.input.name);
        let output = generator.forward(&ctx, &input)?.value().to_f32()?;
        let (real, mask) = (pair.target.values(&scale), pair.mask(data));
        let differences = output.iter().zip(&real).map(|(a, b)| f64::from((a - b).abs()));
        if let Some(mask) = &mask {
            // The same for every channel.
            let counted = mask.iter().cycle();
            sum += differences.zip(counted).map(|(difference, &m)| difference * f64::from(m)).sum::<f64>();
            values += mask.iter().map(|&m| f64::from(m)).sum::<f64>() * data.output_channels() as f64;
        } else {
            sum += differences.sum::<f64>();
            values += output.len() as f64;
        }
        if let Some(depth) = &mut depth {
            depth.add_output(&output, &real, mask.as_deref());
        }
        if chosen.is_some() {
            let size = pair.target.size();
            let image = Image::from_output(&output, size, size, data)?;
            let compared = |image| EvalImage::new(&pair, image, size, data);
            held.pairs.push((compared(image), compared(pair.target.clone())));
        }
        if let Some(seams) = &mut seams {
            let [height, width] = pair.target.size();
            output.chunks_exact(height * width).for_each(|plane| seams.add_plane(plane, width));
        }
        if shown.contains(&place) {
            rows.push(SampleRow { pair, output });
        }
    }
    if values == 0.0 {
        let problem = match data.has_unmeasured() {
            true => "no pixel of the validation depth maps has a depth; check data.depth_invalid",
            false => "every pixel of the validation label maps is ignored; check data.ignore",
        };
        let problem = problem.into();
        return Err(Error::Data { file: "validation".into(), problem });
    }
    let mut scores = vec![(Measure::L1, sum / values)];
    if let Some(found) = depth.and_then(|errors| errors.summary()) {
        let errors = [(Measure::Rmse, found.rmse), (Measure::AbsRel, found.abs_rel), (Measure::Delta1, found.delta1)];
        scores.extend(errors);
    }
    if let Some(measure) = chosen {
        let options = Options {
            seed: config.train.seed,
            depth: data.depth().unwrap_or_default(),
            tile: None,
            only: Some(measure),
            variants: 1,
        };
        let evaluation = evaluate(&held, &options, None, None, &mut |_, _| {})?;
        scores.push((measure, evaluation.value(measure).unwrap_or(f64::NAN)));
    }
    scores.extend(seams.map(|seams| (Measure::Seams, seams.ratio().unwrap_or(f64::NAN))));
    Ok((scores, rows))
}

/// The measure of `train.keep_best`.
pub(super) fn kept(config: &Config) -> Option<Measure> {
    let chosen = config.train.keep_best?;
    Measure::ALL.into_iter().find(|measure| measure.name() == chosen.name())
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
        let mut histories = Vec::new();
        for (step, value) in [(2, 0.5), (4, 0.25), (6, 0.75)] {
            let scores = [(Measure::L1, f64::NAN), (Measure::Rmse, value), (Measure::Delta1, value)];
            History::record(&mut histories, step, &scores);
        }
        let best: Vec<_> = histories.iter().map(|history| (history.measure, history.best)).collect();
        let expected = [(Measure::L1, None), (Measure::Rmse, Some((4, 0.25))), (Measure::Delta1, Some((6, 0.75)))];
        assert_eq!(best, expected);
        assert_eq!(histories.iter().map(History::since_best).collect::<Vec<_>>(), [3, 1, 0]);
        assert_eq!(histories[1].values, [(2, 0.5), (4, 0.25), (6, 0.75)]);
    }
}

//! The losses of OASIS (Schönfeld et al. 2021, section 3), whose discriminator classifies each pixel.
//!
//! Logits are (N, classes + 1, H, W): of the classes of label maps, then of "generated". Ids (N, H, W) from `classes` on are
//! of pixels that do not count.

use asap_autograd::Var;
use asap_tensor::ops::{Unary, cat, div, look_up, one_hot, sum_channels, unary, unary_grad};
use asap_tensor::{Backend, Ids, Tensor};
use rand::RngExt;

use crate::Result;
use crate::nn::Random;

/// The loss of pixels that should look like their class: the mean over the classes in the batch of each class's mean cross
/// entropy, so that rare classes count as much as others (equations 1, 2 and 4; the number of classes is the published
/// code's). For the discriminator of real images, for the generator of its own.
pub fn of_classes<B: Backend>(logits: &Var<B>, ids: &Ids<B>) -> Result<Var<B>> {
    Ok(logits.mean_cross_entropy(ids, &balance(ids, classes(logits))?)?)
}

/// The discriminator's loss of generated pixels: their mean cross entropy.
pub fn of_generated<B: Backend>(logits: &Var<B>, ids: &Ids<B>) -> Result<Var<B>> {
    Ok(surprise(logits, ids)?.weighted_mean(&counted(logits, ids)?)?)
}

/// What the discriminator takes pixels for: the mean sign of ½ − P("generated") over those that count, (): 1 if it takes all for
/// real, −1 if none.
pub fn mean_sign<B: Backend>(logits: &Var<B>, ids: &Ids<B>) -> Result<Tensor<B>> {
    // The surprise at P = ½ is ln 2. The sign is the derivative of |x|.
    let excess = surprise(&logits.detach(), ids)?.affine(1.0, -std::f64::consts::LN_2)?;
    let (x, ones) = (excess.value(), Tensor::full(ids.backend(), excess.value().shape(), 1.0)?);
    let signs = unary_grad(Unary::Abs, x, x, &ones)?;
    Ok(Var::constant(signs).weighted_mean(&counted(logits, ids)?)?.value().clone())
}

/// The cross entropy of each pixel and "generated", (N, 1, H, W).
fn surprise<B: Backend>(logits: &Var<B>, ids: &Ids<B>) -> Result<Var<B>> {
    let generated = u8::try_from(classes(logits)).unwrap_or(u8::MAX);
    Ok(logits.cross_entropy(&Ids::full(ids.backend(), ids.sizes(), generated)?)?)
}

/// 1 where pixels count, else 0, (N, 1, H, W).
fn counted<B: Backend>(logits: &Var<B>, ids: &Ids<B>) -> Result<Tensor<B>> {
    Ok(look_up(ids, &Tensor::full(ids.backend(), [1, classes(logits)], 1.0)?)?)
}

/// The number of classes of label maps.
fn classes<B: Backend>(logits: &Var<B>) -> usize {
    logits.value().dims()[1] - 1
}

/// α: 1/(pixels of the class in the batch), and 0 for generated pixels, (classes + 1). It stays on the device.
fn balance<B: Backend>(ids: &Ids<B>, classes: usize) -> Result<Tensor<B>> {
    // Makes the weight of a class without pixels, which nothing reads, finite.
    const TINY: f64 = 1e-30;
    let counts = sum_channels(&one_hot(ids, classes)?)?;
    let counts = unary(Unary::Affine { scale: 1.0, shift: TINY }, &counts)?;
    let weights = div(&Tensor::full(ids.backend(), [classes], 1.0)?, &counts)?;
    Ok(cat(&[&weights, &Tensor::zeros(ids.backend(), [1])?], 0)?)
}

/// LabelMix: for each class at random, its pixels of real images or those of generated ones, so that borders between the two
/// follow those of labels (section 3.2). All images of a batch have the same classes real (published code).
#[derive(Clone, Debug)]
pub struct LabelMix<'a, B: Backend> {
    ids: &'a Ids<B>,
    /// Whether each class is real.
    real: Vec<bool>,
}

impl<'a, B: Backend> LabelMix<'a, B> {
    /// The mix of a pass, for label maps of `channels` classes, with one of ignored pixels.
    pub fn new(ids: &'a Ids<B>, channels: usize, random: &Random) -> Self {
        let mut rng = random.stream("label_mix", "");
        LabelMix { ids, real: (0..channels).map(|_| rng.random_bool(0.5)).collect() }
    }

    /// Real and generated images or logits, (N, C, H, W), mixed.
    pub fn mix(&self, [fake, real]: [&Var<B>; 2]) -> Result<Var<B>> {
        let channels = real.value().dims()[1];
        let row: Vec<f32> = self.real.iter().map(|&real| f32::from(u8::from(real))).collect();
        let table = Tensor::from_f32(self.ids.backend(), [channels, row.len()], &row.repeat(channels))?;
        let mask = Var::constant(look_up(self.ids, &table)?);
        Ok(fake.add(&real.sub(fake)?.mul(&mask)?)?)
    }

    /// mean (D(mixed images) − mixed D(images))², of logits (equation 5; the mean is the published code's).
    pub fn inconsistency(&self, of_mixed: &Var<B>, [of_fake, of_real]: [&Var<B>; 2]) -> Result<Var<B>> {
        let difference = of_mixed.sub(&self.mix([of_fake, of_real])?)?;
        Ok(difference.mul(&difference)?.mean()?)
    }
}

#[cfg(test)]
mod tests {
    use asap_autograd::Tape;
    use asap_autograd::check::{self, Double, Mistake};

    use super::*;

    const TOLERANCE: f64 = 1e-6;

    fn ids(values: &[u8]) -> Ids<Double> {
        Ids::from_vec(&Double::new(), [1, 1, values.len()], values.to_vec()).unwrap()
    }

    fn random(seed: u64, pass: u64) -> Random {
        Random::new(seed, format!("discriminator.{pass}.0"))
    }

    fn logits(values: &[f64]) -> Var<Double> {
        Var::constant(Tensor::from_f64(&Double::new(), [1, 3, 1, values.len() / 3], values).unwrap())
    }

    #[test]
    fn classes_are_balanced() {
        // Two classes: three pixels of the first, one of the second, and one that does not count.
        let ids = ids(&[0, 0, 1, 0, 2]);
        assert_eq!(balance(&ids, 2).unwrap().to_vec().unwrap(), [1.0 / 3.0, 1.0, 0.0]);
        // Probabilities of the right class: 1/4, 1/4, 1/2, 1/2 of weights 1/3, 1/3, 1, 1/3.
        let ln = f64::ln;
        let y = [[0.0, 0.0, ln(1.0), ln(2.0), 5.0], [0.0, ln(3.0), ln(2.0), 0.0, 0.0], [ln(2.0), -99.0, 0.0, 0.0, 9.0]];
        let expected = ((ln(4.0) + ln(4.0) + ln(2.0)) / 3.0 + ln(2.0)) / 2.0;
        let loss = of_classes(&logits(&y.concat()), &ids).unwrap().value().item().unwrap();
        assert!((loss - expected).abs() < 1e-12, "{loss} instead of {expected}");
        // Of the same pixels, the probabilities of "generated" are 1/2, about 0, 1/4 and 1/4.
        let expected = (ln(2.0) + (99.0 + ln(4.0)) + ln(4.0) + ln(4.0)) / 4.0;
        let loss = of_generated(&logits(&y.concat()), &ids).unwrap().value().item().unwrap();
        assert!((loss - expected).abs() < 1e-12, "{loss} instead of {expected}");
    }

    #[test]
    fn signs_follow_the_probability_of_generated() {
        // P("generated"): 0.6, 0.4, 0.4, 0.9, and 0.9 of a pixel that does not count.
        let ids = ids(&[0, 1, 0, 1, 2]);
        let of_generated = [0.6, 0.4, 0.4, 0.9, 0.9].map(|p: f64| (2.0 * p / (1.0 - p)).ln());
        let y = [[0.0; 5], [0.0; 5], of_generated].concat();
        assert_eq!(mean_sign(&logits(&y), &ids).unwrap().item().unwrap(), 0.0);
        let y = [[0.0; 5], [9.0, 0.0, 0.0, 0.0, 0.0], of_generated].concat();
        assert_eq!(mean_sign(&logits(&y), &ids).unwrap().item().unwrap(), 0.5);
    }

    #[test]
    fn a_batch_of_ignored_pixels_adds_nothing() {
        let (x, ids) = (check::normal(1, "x", [1, 3, 1, 4]).unwrap(), ids(&[2, 2, 2, 2]));
        for loss_of in [of_classes, of_generated] {
            let tape = Tape::new();
            let x = tape.leaf(x.clone());
            let loss = loss_of(&x, &ids).unwrap();
            assert_eq!(loss.value().item().unwrap(), 0.0);
            let gradients = tape.backward(&loss).unwrap();
            assert!(gradients.of(&x).unwrap().to_vec().unwrap().iter().all(|&g| g == 0.0));
        }
    }

    #[test]
    fn mixed_classes_are_whole_and_depend_on_the_pass() {
        let ids = ids(&[0, 1, 2, 3, 4, 5, 6, 7, 0, 1]);
        let [fake, real] =
            [0.0, 1.0].map(|value| Var::constant(Tensor::full(&Double::new(), [1, 2, 1, 10], value).unwrap()));
        let mixed = |seed, pass| {
            let mix = LabelMix::new(&ids, 8, &random(seed, pass));
            mix.mix([&fake, &real]).unwrap().value().to_vec().unwrap()
        };
        let first = mixed(1, 1);
        assert_eq!(first[..10], first[10..], "channels");
        assert_eq!((first[0], first[1]), (first[8], first[9]), "pixels of one class");
        assert!(first.contains(&0.0) && first.contains(&1.0), "{first:?}");
        assert_eq!(mixed(1, 1), first);
        assert!(mixed(1, 2) != first && mixed(2, 1) != first);
    }

    #[test]
    fn gradients_match_differences() {
        let ids = Ids::from_vec(&Double::new(), [2, 2, 2], vec![0, 1, 1, 2, 3, 0, 3, 2]).unwrap();
        let normal = |name| check::normal(1, name, [2, 4, 2, 2]).unwrap();
        let inputs = [normal("fake"), normal("real"), normal("mixed")];
        let mixes = |mix: &LabelMix<'_, Double>| [true, false].iter().all(|real| mix.real.contains(real));
        let mix = (1..).map(|pass| LabelMix::new(&ids, 4, &random(1, pass))).find(mixes).unwrap();
        let result = |loss: Result<Var<Double>>| Ok(loss.unwrap_or_else(|error| panic!("{error}")));
        for report in [
            check::gradient(1, &inputs[..1], |v| result(of_classes(&v[0], &ids))),
            check::gradient(1, &inputs[..1], |v| result(of_generated(&v[0], &ids))),
            check::gradient(1, &inputs, |v| result(mix.inconsistency(&v[2], [&v[0], &v[1]]))),
        ] {
            let report = report.unwrap();
            assert!(report.relative_error < TOLERANCE, "{report:?}");
        }
        let planted = check::gradient(1, &inputs, |v| {
            result(mix.inconsistency(&v[2], [&check::plant(Mistake::ALL[0], &v[0])?, &v[1]]))
        });
        let errors = planted.unwrap().inputs;
        assert!(errors[0] > TOLERANCE && errors[1] < TOLERANCE, "{errors:?}");
    }
}

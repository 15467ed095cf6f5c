//! Feedback from the discriminators' decisions: their learning rate follows their accuracy, and the probability of their
//! augmentations how often they take real images for real.

use crate::checkpoint::Metadata;
use crate::config::PatchConfig;

/// The share of a moving average that one update keeps: it remembers about 20 updates.
const KEPT: f64 = 0.95;

/// How fast the rate follows: an accuracy 0.1 above its target halves the rate in about 140 updates.
const GAIN: f64 = 0.05;

/// The lowest factor on the rate.
const LOWEST: f64 = 0.01;

/// How much the probability of augmentations changes in an update.
const PROBABILITY_STEP: f64 = 1e-3;

/// The moving average after another value.
fn averaged(average: f64, value: f64) -> f64 {
    KEPT * average + (1.0 - KEPT) * value
}

/// Two values, for the header of a checkpoint.
fn written(names: [&str; 2], values: [f64; 2]) -> Metadata {
    names.into_iter().map(str::to_owned).zip(values.map(|value| value.to_string())).collect()
}

/// Two values of a header, or the name of one that is missing or not a number.
fn read(names: [&'static str; 2], header: &Metadata) -> Result<[f64; 2], &'static str> {
    let number = |name: &'static str| header.get(name).and_then(|text| text.parse().ok()).ok_or(name);
    Ok([number(names[0])?, number(names[1])?])
}

/// Scales the discriminators' learning rate so that their accuracy stays near a target. A checkpoint has its state.
#[derive(Clone, Debug, PartialEq)]
pub struct RateControl {
    target: f64,
    /// The moving average of the accuracy.
    average: f64,
    /// The factor on the learning rate.
    factor: f64,
}

/// The names of its state in the header of a checkpoint.
const RATE_STATE: [&str; 2] = ["discriminator_accuracy", "discriminator_rate_factor"];

impl RateControl {
    /// Before the first update: the whole rate.
    pub fn new(target: f64) -> Self {
        RateControl { target, average: target, factor: 1.0 }
    }

    /// The factor on the discriminators' learning rate, from 0.01 to 1.
    pub fn factor(&self) -> f64 {
        self.factor
    }

    /// After an update of discriminators that were right about this share: a ← 0.95·a + 0.05·accuracy, and the factor
    /// becomes f·exp(0.05·(target − a)), within its bounds. So it falls while the average is above the target and rises while
    /// it is below.
    pub fn update(&mut self, accuracy: f64) {
        self.average = averaged(self.average, accuracy);
        self.factor = (self.factor * (GAIN * (self.target - self.average)).exp()).clamp(LOWEST, 1.0);
    }

    /// The state, for the header of a checkpoint.
    pub fn header(&self) -> Metadata {
        written(RATE_STATE, [self.average, self.factor])
    }

    /// Continues from a header.
    ///
    /// # Errors
    /// The name of an entry that is missing or not a number.
    pub fn restore(&mut self, header: &Metadata) -> Result<(), &'static str> {
        [self.average, self.factor] = read(RATE_STATE, header)?;
        Ok(())
    }
}

/// The probability of augmentations: constant, or such that the mean sign of D(real) stays near a target (Karras et al. 2020,
/// section 3.2). A checkpoint has its state.
#[derive(Clone, Debug, PartialEq)]
pub struct AugmentControl {
    target: Option<f64>,
    /// The moving average of the mean sign of D(real).
    average: f64,
    probability: f64,
}

/// The names of its state in the header of a checkpoint.
const AUGMENT_STATE: [&str; 2] = ["augment_sign", "augment_probability"];

impl AugmentControl {
    /// Before the first update; of PatchGANs, as other discriminators see no augmentations.
    pub fn new(config: Option<&PatchConfig>) -> Self {
        let target = config.and_then(|config| config.augment_target);
        let probability = config.map_or(0.0, PatchConfig::first_augment_probability);
        AugmentControl { target, average: target.unwrap_or(0.0), probability }
    }

    /// The probability of each augmentation.
    pub fn probability(&self) -> f64 {
        self.probability
    }

    /// Whether the probability follows the discriminators' decisions.
    pub fn is_adaptive(&self) -> bool {
        self.target.is_some()
    }

    /// After an update of discriminators whose scores of real images had this mean sign.
    pub fn update(&mut self, sign: f64) {
        let Some(target) = self.target else { return };
        self.average = averaged(self.average, sign);
        let step = if self.average > target { PROBABILITY_STEP } else { -PROBABILITY_STEP };
        self.probability = (self.probability + step).clamp(0.0, 1.0);
    }

    /// The state, for the header of a checkpoint; nothing if it never changes.
    pub fn header(&self) -> Metadata {
        if self.is_adaptive() { written(AUGMENT_STATE, [self.average, self.probability]) } else { Metadata::new() }
    }

    /// Continues from a header.
    ///
    /// # Errors
    /// The name of an entry that is missing or not a number.
    pub fn restore(&mut self, header: &Metadata) -> Result<(), &'static str> {
        if self.is_adaptive() {
            [self.average, self.probability] = read(AUGMENT_STATE, header)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_falls_above_the_target_and_rises_below() {
        let mut control = RateControl::new(0.75);
        control.update(0.7);
        assert_eq!(control.factor(), 1.0, "never above the configured rate");
        (0..200).for_each(|_| control.update(0.95));
        let low = control.factor();
        assert!((0.1..0.3).contains(&low), "{low}");
        (0..5000).for_each(|_| control.update(1.0));
        assert_eq!(control.factor(), LOWEST);
        (0..100).for_each(|_| control.update(0.5));
        assert!(control.factor() > LOWEST);
    }

    /// Discriminators whose accuracy grows with their rate settle at the target.
    #[test]
    fn accuracy_settles_at_the_target() {
        let (mut control, mut accuracy) = (RateControl::new(0.75), 1.0);
        for _ in 0..4000 {
            accuracy += 0.02 * (0.5 + 0.5 * control.factor() - accuracy);
            control.update(accuracy);
        }
        assert!((accuracy - 0.75).abs() < 0.01, "{accuracy}");
    }

    #[test]
    fn header_restores_every_bit() {
        let mut control = RateControl::new(0.75);
        [0.9, 0.81, 1.0 / 3.0].into_iter().for_each(|accuracy| control.update(accuracy));
        let mut restored = RateControl::new(0.75);
        restored.restore(&control.header()).unwrap();
        assert_eq!(restored, control);
        assert_eq!(restored.restore(&Metadata::new()), Err("discriminator_accuracy"));
    }

    #[test]
    fn augmentation_grows_with_positive_signs() {
        let mut config = PatchConfig { augment_target: Some(0.6), ..PatchConfig::default() };
        let mut control = AugmentControl::new(Some(&config));
        assert_eq!(control.probability(), 0.0);
        (0..300).for_each(|_| control.update(0.9));
        assert!((control.probability() - 0.3).abs() < 1e-9, "{control:?}");
        let mut restored = AugmentControl::new(Some(&config));
        restored.restore(&control.header()).unwrap();
        assert_eq!(restored, control);
        (0..2000).for_each(|_| control.update(0.9));
        assert_eq!(control.probability(), 1.0);
        (0..3000).for_each(|_| control.update(0.2));
        assert_eq!(control.probability(), 0.0);
        (config.augment_target, config.augment_probability) = (None, Some(0.25));
        let mut constant = AugmentControl::new(Some(&config));
        constant.update(1.0);
        assert_eq!((constant.probability(), constant.header().len()), (0.25, 0));
    }
}

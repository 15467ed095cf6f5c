//! Feedback from the discriminators' decisions: their learning rate follows their accuracy.

use crate::checkpoint::Metadata;

/// The share of a moving average that one update keeps: it remembers about 20 updates.
const KEPT: f64 = 0.95;

/// How fast the rate follows: an accuracy 0.1 above its target halves the rate in about 140 updates.
const GAIN: f64 = 0.05;

/// The lowest factor on the rate.
const LOWEST: f64 = 0.01;

/// Scales the discriminators' learning rate so that their accuracy stays near a target. A checkpoint has its state.
#[derive(Clone, Debug, PartialEq)]
pub struct RateControl {
    target: f64,
    /// The moving average of the accuracy.
    average: f64,
    /// The factor on the learning rate.
    factor: f64,
}

/// Names in the header of a checkpoint.
const HEADER: [&str; 2] = ["discriminator_accuracy", "discriminator_rate_factor"];

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
        self.average = KEPT * self.average + (1.0 - KEPT) * accuracy;
        self.factor = (self.factor * (GAIN * (self.target - self.average)).exp()).clamp(LOWEST, 1.0);
    }

    /// The state, for the header of a checkpoint.
    pub fn header(&self) -> Metadata {
        let text = [self.average, self.factor].map(|value| value.to_string());
        HEADER.into_iter().map(str::to_owned).zip(text).collect()
    }

    /// Continues from a header.
    ///
    /// # Errors
    /// The name of an entry that is missing or not a number.
    pub fn restore(&mut self, header: &Metadata) -> Result<(), &'static str> {
        let number = |name: &'static str| header.get(name).and_then(|text| text.parse().ok()).ok_or(name);
        (self.average, self.factor) = (number(HEADER[0])?, number(HEADER[1])?);
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
}

//! `[loss]` and `[train]`: weights of the losses, rates, lengths; the learning rate's decay.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[loss]`: the weight of each loss beside the hinge loss, whose weight is 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossConfig {
    /// Feature matching: mean absolute difference of the discriminators' features. 0 turns it off.
    pub lambda_feat: f64,
    /// Perceptual loss on VGG19's features; needs `vgg_weights`. 0 turns it off.
    pub lambda_vgg: f64,
    /// Mean absolute difference of the pictures themselves; the paper has none. 0 turns it off.
    pub lambda_l1: f64,
    /// VGG19's weights, relative to the working directory: torchvision's `.pth`, or a safetensors file with its keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vgg_weights: Option<PathBuf>,
}

impl Default for LossConfig {
    fn default() -> Self {
        LossConfig { lambda_feat: 10.0, lambda_vgg: 10.0, lambda_l1: 0.0, vgg_weights: None }
    }
}

/// `[train]`: Adam's constants, how long, how often to save.
///
/// A round is one step of the generator and one of the discriminators, on one batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Passes through the training pairs.
    pub epochs: usize,
    /// The number of last epochs over which the learning rates fall towards zero.
    pub decay_epochs: usize,
    /// Stop after this many rounds, even if epochs are left; `--steps` sets it. The decay still follows `epochs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Stop after rounds that took this many minutes together, even if epochs are left: for networks that are to be trained
    /// equally long. Validations and checkpoints are not counted. What such a run ends with depends on the machine.
    pub minutes: Option<f64>,
    /// Pairs in a batch.
    pub batch: usize,
    /// Gain of the Xavier normal initialisation.
    pub init_gain: f64,
    /// Adam's learning rate for the generator.
    pub lr_generator: f64,
    /// Adam's learning rate for the discriminators.
    pub lr_discriminator: f64,
    /// Adam's decay of the mean of gradients, in [0, 1).
    pub beta1: f64,
    /// Adam's decay of the mean of squared gradients, in [0, 1); the paper's 0.999, where the published code has 0.9.
    pub beta2: f64,
    /// The seed of the weights, the order of pairs, the augmentation and the synthetic facades.
    pub seed: u64,
    /// Rounds between two checkpoints; 0 saves only at the end.
    pub save_every: u64,
    /// Rounds between two validations, each with a picture of samples; 0 validates only at the end.
    pub sample_every: u64,
    /// The most validation pairs that are measured; of more, as many at equal distances.
    pub validate_count: usize,
}

impl Default for TrainConfig {
    fn default() -> Self {
        TrainConfig {
            epochs: 300,
            decay_epochs: 100,
            steps: None,
            minutes: None,
            batch: 1,
            init_gain: 0.02,
            lr_generator: 1e-4,
            lr_discriminator: 4e-4,
            beta1: 0.0,
            beta2: 0.999,
            seed: 0,
            save_every: 1000,
            sample_every: 500,
            validate_count: 32,
        }
    }
}

impl TrainConfig {
    /// The factor on both learning rates in `epoch`, counted from 1:
    /// 1 − max(0, epoch − (epochs − decay_epochs + 1)) / decay_epochs, never below 0.
    ///
    /// With the paper's 300 and 100 the first epoch below 1 is 202, and the last one has 0.01.
    pub fn learning_rate_factor(&self, epoch: usize) -> f64 {
        if self.decay_epochs == 0 {
            return 1.0;
        }
        let last_full = (self.epochs + 1).saturating_sub(self.decay_epochs);
        let past = epoch.saturating_sub(last_full) as f64;
        (1.0 - past / self.decay_epochs as f64).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paper_rates_fall_by_a_hundredth_an_epoch_after_epoch_201() {
        let train = TrainConfig::default();
        let factors = [1, 200, 201, 202, 251, 300, 301].map(|epoch| train.learning_rate_factor(epoch));
        assert_eq!(factors, [1.0, 1.0, 1.0, 0.99, 0.5, 1.0 - 0.99, 0.0]);
    }

    #[test]
    fn other_lengths_decay_over_their_own_last_epochs() {
        let train = TrainConfig { epochs: 10, decay_epochs: 4, ..TrainConfig::default() };
        let factors: Vec<f64> = (1..=10).map(|epoch| train.learning_rate_factor(epoch)).collect();
        assert_eq!(factors, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]);
        let constant = TrainConfig { epochs: 10, decay_epochs: 0, ..TrainConfig::default() };
        assert!((1..=11).all(|epoch| constant.learning_rate_factor(epoch) == 1.0));
    }
}

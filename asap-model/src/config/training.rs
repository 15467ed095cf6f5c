//! `[loss]` and `[train]`: loss weights, optimizer, lengths; the learning-rate decay.

use std::ops::Bound::{Excluded, Included};
use std::path::PathBuf;

use super::schema::{KeyError, POSITIVE, Section, choices, section};

choices! {
    /// A measure of validations.
    pub enum ValidationMeasure {
        /// Mean absolute difference.
        L1 = "l1",
        /// Peak signal-to-noise ratio.
        Psnr = "psnr",
        /// Structural similarity.
        Ssim = "ssim",
        /// Sliced Wasserstein distance.
        Swd = "swd",
        /// Gradients across the borders of ASAP-Net's tiles over those inside; the nearer to 1 the better.
        Seams = "seams",
        /// Root mean squared error of depth.
        Rmse = "rmse",
        /// Mean absolute relative error of depth.
        AbsRel = "abs_rel",
        /// Share of pixels whose depth is within a factor of 1.25.
        Delta1 = "delta1",
    }
}

section! {
    /// `[loss]`: the weight of each loss of the generator.
    pub struct LossConfig in "loss" {
        /// Weight of the GAN loss on the discriminators' scores: 1 in the paper. 0: they are trained, but only for feature
        /// matching.
        lambda_gan: f64 = 1.0, in 0.0..=1e6;
        /// Weight of feature matching: the L1 distance of discriminator features. 0: off.
        lambda_feat: f64 = 10.0, in 0.0..=1e6;
        /// Weight of the perceptual loss on VGG19 features, which needs vgg_weights. 0: off.
        lambda_vgg: f64 = 10.0, in 0.0..=1e6;
        /// Weight of the L1 distance of the images; the paper has none. 0: off.
        lambda_l1: f64 = 0.0, in 0.0..=1e6;
        /// Weight of the Charbonnier distance of the images, an L1 distance that is smooth near 0. 0: off.
        lambda_charbonnier: f64 = 0.0, in 0.0..=1e6;
        /// Weight of the consistency of OASIS's discriminator on images mixed of generated and real ones. Unset: 10 with
        /// discriminator.kind = oasis, which it is for. 0: off.
        lambda_label_mix: Option<f64> = None, in 0.0..=1e6;
        /// VGG19 weights, relative to the working directory: torchvision's .pth, or a .safetensors with the same keys.
        vgg_weights: Option<PathBuf> = None;
    }
}

section! {
    /// `[train]`: optimizer, lengths, intervals.
    pub struct TrainConfig in "train" {
        /// Passes over the training pairs.
        epochs: usize = 300, in 1..=1_000_000;
        /// Linear learning-rate decay over the last N epochs.
        decay_epochs: usize = 100, in 0..=1_000_000;
        /// Total training steps. Unset: all epochs. The decay follows epochs.
        steps: Option<u64> = None, in 1..;
        /// Stop after this many minutes of training steps; validation and checkpoints are not counted.
        ///
        /// For networks that train equally long. What such a run ends with depends on the machine.
        minutes: Option<f64> = None, in POSITIVE;
        /// Batch size.
        batch: usize = 1, in 1..=4096;
        /// Gain of the Xavier normal initialization.
        init_gain: f64 = 0.02, in (Excluded(0.0), Included(100.0));
        /// Learning rate of the generator.
        lr_generator: f64 = 1e-4, in POSITIVE;
        /// Learning rate of the discriminators.
        lr_discriminator: f64 = 4e-4, in POSITIVE;
        /// Steps over which both learning rates rise linearly from 0, on top of the decay. 0: off.
        warmup_steps: u64 = 0, in 0..=1_000_000_000;
        /// Maximum norm of the gradients of each network, over all its parameters; larger ones are scaled down. Unset: off.
        ///
        /// The generator and the discriminators are clipped apart (Pascanu, Mikolov, Bengio 2013). `metrics.jsonl` has the
        /// norms from before, from which a limit can be chosen: a large one changes nothing.
        clip_norm: Option<f64> = None, in POSITIVE;
        /// Updates of the discriminators in a step, each on the batch of the step and the same generated images.
        discriminator_steps: u64 = 1, in 1..=100;
        /// Update the discriminators only in every N-th step, beginning with the first.
        ///
        /// Where there is little training data, the discriminators soon tell all images apart and the generator learns
        /// nothing more from them. The losses of other steps have no `D_fake` and `D_real`.
        discriminator_every: u64 = 1, in 1..=1000;
        /// The accuracy at which to hold the discriminators: their learning rate falls while they are right more often, and
        /// rises, up to lr_discriminator, while less. Unset: off.
        ///
        /// The accuracy is the share of patches with D(real) > 0 and D(generated) < 0, or with discriminator.kind = oasis that of
        /// pixels with P(generated) on the right side of 1/2: a moving average over about 20 updates.
        /// The factor on the rate changes by exp(0.05·(target − accuracy)) per update, from 0.01 to 1.
        discriminator_accuracy: Option<f64> = None, in (Excluded(0.5), Excluded(1.0));
        /// Adam β1.
        beta1: f64 = 0.0, in 0.0..1.0;
        /// Adam β2: 0.999 in the paper, 0.9 in the published code.
        beta2: f64 = 0.999, in 0.0..1.0;
        /// Decay per step of the moving average of the generator's weights, for validation and inference. 0: off.
        ///
        /// After t steps the decay is at most (1 + t)/(10 + t). The checkpoints of a run have both the average and the weights.
        ema: f64 = 0.0, in 0.0..1.0;
        /// Seed of initialization, data order, augmentation and synthetic data.
        seed: u64 = 0, in 0..;
        /// Steps between checkpoints. 0: only at the end.
        save_every: u64 = 1000, in 0..;
        /// Steps between validations, each with a sheet of samples. 0: only at the end.
        sample_every: u64 = 500, in 0..;
        /// Maximum number of validation pairs; from a larger set, evenly spaced ones.
        validate_count: usize = 32, in 1..=1_000_000;
        /// Keep the generator with the best validation by this measure as best.safetensors. Unset: none is kept.
        keep_best: Option<ValidationMeasure> = None;
        /// Stop after N validations in a row that have not improved on the best one by keep_best. Unset: off.
        patience: Option<usize> = None, in 1..=1_000_000;
    }
}

impl ValidationMeasure {
    /// Whether it compares depth maps.
    pub fn is_of_depth(self) -> bool {
        matches!(self, ValidationMeasure::Rmse | ValidationMeasure::AbsRel | ValidationMeasure::Delta1)
    }
}

impl TrainConfig {
    pub(super) fn check_values(&self) -> Result<(), KeyError> {
        if self.discriminator_every > 1 && self.discriminator_steps > 1 {
            let problem =
                format!("contradicts train.discriminator_steps = {}: use one of them", self.discriminator_steps);
            return Err(self.conflict("discriminator_every", &problem));
        }
        if self.patience.is_some() && self.keep_best.is_none() {
            return Err(self.conflict("patience", "needs a measure that improves: set train.keep_best, as to l1"));
        }
        if self.patience.is_some() && self.sample_every == 0 {
            return Err(self.conflict("patience", "needs validations, but train.sample_every is 0"));
        }
        Ok(())
    }

    /// The factor on both learning rates in a step, counted from 1: step / warmup_steps, at most 1.
    pub fn warmup_factor(&self, step: u64) -> f64 {
        if step < self.warmup_steps { step as f64 / self.warmup_steps as f64 } else { 1.0 }
    }

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
    fn learning_rate_decay_matches_the_paper() {
        let train = TrainConfig::default();
        let factors = [1, 200, 201, 202, 251, 300, 301].map(|epoch| train.learning_rate_factor(epoch));
        assert_eq!(factors, [1.0, 1.0, 1.0, 0.99, 0.5, 1.0 - 0.99, 0.0]);
    }

    #[test]
    fn learning_rate_decays_over_the_last_epochs() {
        let train = TrainConfig { epochs: 10, decay_epochs: 4, ..TrainConfig::default() };
        let factors: Vec<f64> = (1..=10).map(|epoch| train.learning_rate_factor(epoch)).collect();
        assert_eq!(factors, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]);
        let constant = TrainConfig { epochs: 10, decay_epochs: 0, ..TrainConfig::default() };
        assert!((1..=11).all(|epoch| constant.learning_rate_factor(epoch) == 1.0));
    }
}

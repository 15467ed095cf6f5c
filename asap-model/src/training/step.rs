//! One training step: an update of the generator, then one of the discriminators (paper, section 3.3).

use std::collections::BTreeMap;

use asap_autograd::{Tape, Var};
use asap_tensor::{Backend, Tensor};

use super::clip::clip;
use super::control::{AugmentControl, RateControl};
use super::diff_augment::{Sampling, Seen};
use super::divergence::{Watch, first_not_finite};
use super::ema::Ema;
use super::losses::{Comparison, Decisions, Losses, Network, total};
use super::optim::Adam;
use super::stats::{ACCURACY, AUGMENT_PROBABILITY, DISCRIMINATOR_NORM, GENERATOR_NORM, REAL_SIGN, Stats};
use crate::Result;
use crate::checkpoint::Metadata;
use crate::config::{Config, DiscriminatorAugmentation, LossConfig, TrainConfig};
use crate::networks::{Discriminator, Generator, Vgg19};
use crate::nn::{BufferUpdates, ForwardContext, Initializer, Input, Params, Random, Target};

/// The learning rates of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// The generator's.
    pub generator: f64,
    /// The discriminators'.
    pub discriminator: f64,
}

/// Both networks, their optimizers and VGG19: everything that a training step changes or needs.
pub struct Gan<B: Backend> {
    /// Synthesizes images.
    pub generator: Generator<B>,
    /// Scores how real an image looks.
    pub discriminator: Discriminator<B>,
    /// The generator's optimizer.
    pub generator_adam: Adam<B>,
    /// The discriminators' optimizer.
    pub discriminator_adam: Adam<B>,
    /// The average of the generator's weights, if `train.ema` is not 0.
    pub ema: Option<Ema<B>>,
    /// VGG19, if its loss has a weight.
    pub vgg: Option<Vgg19<B>>,
    /// Steps done.
    pub steps: u64,
    /// What the last step measured besides its losses.
    pub stats: Stats,
    /// The factor on the discriminators' learning rate, if it follows their accuracy.
    rate_control: Option<RateControl>,
    augment: Vec<DiscriminatorAugmentation>,
    augment_control: AugmentControl,
    loss: LossConfig,
    train: TrainConfig,
}

impl<B: Backend> Gan<B> {
    /// Networks as configured, initialized by `init`.
    pub fn new(backend: &B, config: &Config, vgg: Option<Vgg19<B>>, init: &mut dyn Initializer) -> Result<Self> {
        let adam = || Adam::new(config.train.beta1, config.train.beta2);
        let generator = Generator::new(backend, &config.generator, &config.data, init)?;
        Ok(Gan {
            ema: (config.train.ema > 0.0).then(|| Ema::new(config.train.ema, &generator)),
            generator,
            discriminator: Discriminator::new(backend, &config.discriminator, &config.data, init)?,
            generator_adam: adam(),
            discriminator_adam: adam(),
            vgg,
            steps: 0,
            stats: Stats::default(),
            augment: config.discriminator.patch().map_or(Vec::new(), |patch| patch.augment.clone()),
            augment_control: AugmentControl::new(config.discriminator.patch()),
            rate_control: config.train.discriminator_accuracy.map(RateControl::new),
            loss: config.loss.clone(),
            train: config.train.clone(),
        })
    }

    /// The learning rates of the next step, given those of the schedule.
    pub fn controlled(&self, rates: Rates) -> Rates {
        let factor = self.rate_control.as_ref().map_or(1.0, RateControl::factor);
        Rates { discriminator: factor * rates.discriminator, ..rates }
    }

    /// The state of what follows the discriminators' decisions, for the header of a checkpoint.
    pub(super) fn control_header(&self) -> Metadata {
        let mut header = self.augment_control.header();
        header.extend(self.rate_control.iter().flat_map(RateControl::header));
        header
    }

    /// Continues from a header.
    ///
    /// # Errors
    /// The name of an entry that is missing or not a number.
    pub(super) fn restore_control(&mut self, header: &Metadata) -> std::result::Result<(), &'static str> {
        self.rate_control.as_mut().map_or(Ok(()), |control| control.restore(header))?;
        self.augment_control.restore(header)
    }

    /// The random streams of a pass of that name.
    fn random(&self, pass: String) -> Random {
        Random::new(self.train.seed, pass)
    }

    /// What the discriminators see in a pass.
    fn seen<'a>(&self, input: &'a Input<B>, target: &'a Target<B>, random: &Random) -> Seen<'a, B> {
        let probability = self.augment_control.probability();
        let sampling = Sampling { augment: &self.augment, probability, random: random.clone() };
        Seen::new(input, target).augmented(&sampling)
    }

    /// Updates the generator, then the discriminators, unless `train.discriminator_every` skips these. Returns the losses and
    /// the generator's output, (N, C, H, W).
    ///
    /// # Errors
    /// [`Error::Diverged`](crate::Error::Diverged) if a loss or a gradient is not finite; the weights it concerns are not
    /// updated. Buffers, the number of steps and Adam's still change.
    pub fn training_step(&mut self, input: &Input<B>, target: &Target<B>, rates: Rates) -> Result<(Losses, Tensor<B>)> {
        self.steps += 1;
        let mut watch = Watch::new();
        let real = target.masked(&target.image)?;
        let output = self.update_generator(input, target, &real, rates.generator, &mut watch)?;
        if (self.steps - 1).is_multiple_of(self.train.discriminator_every) {
            self.update_discriminator(input, target, &real, rates.discriminator, &mut watch)?;
        }
        let Gan { generator, discriminator, vgg, steps, .. } = self;
        let (losses, mut stats) =
            watch.finish(*steps, || first_not_finite(generator, discriminator, vgg.as_ref(), input, &real))?;
        if let (Some(control), Some(accuracy)) = (&mut self.rate_control, stats.get(ACCURACY)) {
            control.update(accuracy);
        }
        if let Some(sign) = stats.get(REAL_SIGN) {
            stats.0.push((AUGMENT_PROBABILITY, self.augment_control.probability()));
            self.augment_control.update(sign);
        }
        self.stats = stats;
        if let Some(ema) = &mut self.ema {
            ema.update(&self.generator, self.steps)?;
        }
        Ok((losses, output))
    }

    /// The generator for inference: the averaged one, if there is one.
    pub fn inferring(&self) -> &Generator<B> {
        self.ema.as_ref().map_or(&self.generator, |ema| &ema.generator)
    }

    fn update_generator(
        &mut self,
        input: &Input<B>,
        target: &Target<B>,
        real: &Var<B>,
        rate: f64,
        watch: &mut Watch<B>,
    ) -> Result<Tensor<B>> {
        // Generate.
        let tape = Tape::new();
        let random = self.random(format!("generator.{}", self.steps));
        let ctx = ForwardContext::training(&self.generator.params, &tape).with_random(random.clone());
        let output = self.generator.forward(&ctx, input)?;
        let fake = target.masked(&output)?;
        let finished = ctx.finish();

        // Discriminate, with frozen discriminators.
        let ctx = ForwardContext::training_frozen(&self.discriminator.params);
        let seen = self.seen(input, target, &random);
        let compared = Comparison::new(&seen, [&fake, real], &self.discriminator, &ctx, self.vgg.as_ref(), &random)?;

        // Losses.
        let losses = compared.losses(Network::Generator, &self.loss, target.scale())?;
        let loss = watched_total(&losses, watch)?;
        // This pass, too, made a power iteration of the discriminators' spectral norms (published code).
        let buffers = ctx.finish().buffers;
        self.discriminator.params.apply_buffers(buffers);
        let gradients = tape.backward(&loss)?;

        // Update.
        let output = output.value().clone();
        let (params, adam) = (&mut self.generator.params, &mut self.generator_adam);
        let clip = self.train.clip_norm.map(|limit| (GENERATOR_NORM, limit));
        update(params, adam, finished.gradients(&gradients), rate, clip, watch)?;
        Ok(output)
    }

    fn update_discriminator(
        &mut self,
        input: &Input<B>,
        target: &Target<B>,
        real: &Var<B>,
        rate: f64,
        watch: &mut Watch<B>,
    ) -> Result<()> {
        // Generate again, with the updated generator, frozen but in training (published code).
        let random = self.random(format!("discriminator.{}", self.steps));
        let ctx = ForwardContext::training_frozen(&self.generator.params).with_random(random);
        let fake = target.masked(&self.generator.forward(&ctx, input)?)?;
        let buffers = ctx.finish().buffers;
        self.generator.params.apply_buffers(buffers);
        (0..self.train.discriminator_steps).try_for_each(|update| {
            let random = self.random(format!("discriminator.{}.{update}", self.steps));
            let seen = self.seen(input, target, &random);
            self.discriminate(&seen, &random, [&fake, real], target.scale(), rate, watch)
        })
    }

    /// One update of the discriminators.
    fn discriminate(
        &mut self,
        seen: &Seen<'_, B>,
        random: &Random,
        [fake, real]: [&Var<B>; 2],
        scale: f64,
        rate: f64,
        watch: &mut Watch<B>,
    ) -> Result<()> {
        // Discriminate.
        let tape = Tape::new();
        let ctx = ForwardContext::training(&self.discriminator.params, &tape);
        let decisions = Decisions::default();
        let mut compared = Comparison::new(seen, [fake, real], &self.discriminator, &ctx, None, random)?;
        if self.rate_control.is_some() || self.augment_control.is_adaptive() {
            compared = compared.noting(&decisions)?;
        }

        // Losses.
        let losses = compared.losses(Network::Discriminator, &self.loss, scale)?;
        let loss = watched_total(&losses, watch)?;
        if self.rate_control.is_some()
            && let Some(accuracy) = decisions.accuracy()?
        {
            watch.stat(ACCURACY, &accuracy)?;
        }
        if let Some(sign) = decisions.real().filter(|_| self.augment_control.is_adaptive()) {
            watch.stat(REAL_SIGN, sign)?;
        }
        let pass = ctx.finish();
        let gradients = tape.backward(&loss)?;

        // Update.
        let (params, adam) = (&mut self.discriminator.params, &mut self.discriminator_adam);
        let clip = self.train.clip_norm.map(|limit| (DISCRIMINATOR_NORM, limit));
        update(params, adam, pass.gradients(&gradients), rate, clip, watch)
    }
}

/// The sum of losses, each of which is watched.
fn watched_total<B: Backend>(losses: &[(&'static str, Var<B>)], watch: &mut Watch<B>) -> Result<Var<B>> {
    losses.iter().try_for_each(|(name, loss)| watch.loss(name, loss.value()))?;
    total(losses.iter().map(|(_, loss)| Ok(loss.clone())))
}

/// Updates a network by the gradients of its forward pass, clipped to a norm whose name in the log comes with it.
fn update<B: Backend>(
    params: &mut Params<B>,
    adam: &mut Adam<B>,
    (mut gradients, buffers): (BTreeMap<String, Tensor<B>>, BufferUpdates<B>),
    rate: f64,
    clipped: Option<(&'static str, f64)>,
    watch: &mut Watch<B>,
) -> Result<()> {
    watch.gradients(params, &gradients)?;
    if let Some((name, limit)) = clipped
        && let Some(norm) = clip(&mut gradients, limit)?
    {
        watch.stat(name, &norm)?;
    }
    adam.step(params, &gradients, &watch.guard()?, rate)?;
    params.apply_buffers(buffers);
    Ok(())
}

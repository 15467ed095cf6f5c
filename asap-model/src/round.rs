//! One round of training: a step of the generator, then one of the discriminators (paper, section 3.3).

use asap_autograd::{Tape, Var, vjp};
use asap_tensor::{Backend, Tensor};

use crate::condition::Condition;
use crate::config::{Config, LossConfig};
use crate::discriminator::Discriminator;
use crate::divergence::{is_finite, require_finite_gradients};
use crate::generator::Generator;
use crate::losses::{fake_hinge, feature_matching, generator_hinge, l1, perceptual, real_hinge};
use crate::network::{Binding, Initialiser};
use crate::optimiser::Adam;
use crate::vgg::Vgg19;
use crate::{Error, Result};

/// The losses of one round, each times its weight; those whose weight is 0 are absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Losses {
    /// −mean D(fake), of the generator's step.
    pub gan: f64,
    /// Feature matching.
    pub feat: Option<f64>,
    /// VGG's features.
    pub vgg: Option<f64>,
    /// Mean absolute difference.
    pub l1: Option<f64>,
    /// mean max(0, 1 + D(fake)), of the discriminators' step.
    pub fake: f64,
    /// mean max(0, 1 − D(real)).
    pub real: f64,
}

impl Losses {
    /// Names and values of those that are present, as the published logs name them.
    pub fn named(&self) -> Vec<(&'static str, f64)> {
        let all = [
            ("GAN", Some(self.gan)),
            ("GAN_Feat", self.feat),
            ("VGG", self.vgg),
            ("L1", self.l1),
            ("D_Fake", Some(self.fake)),
            ("D_real", Some(self.real)),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// The learning rates of one round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// The generator's.
    pub generator: f64,
    /// The discriminators'.
    pub discriminator: f64,
}

/// Both networks, their optimisers and the losses' constants: everything that a round changes or needs.
pub struct Game<B: Backend> {
    /// Draws images.
    pub generator: Generator<B>,
    /// Tells drawn images from real ones.
    pub discriminator: Discriminator<B>,
    /// Adam of the generator.
    pub generator_adam: Adam<B>,
    /// Adam of the discriminators.
    pub discriminator_adam: Adam<B>,
    /// VGG19, where its loss has a weight.
    pub vgg: Option<Vgg19<B>>,
    loss: LossConfig,
    rounds: u64,
}

impl<B: Backend> Game<B> {
    /// Networks as configured, started by `init`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn new(backend: &B, config: &Config, vgg: Option<Vgg19<B>>, init: &mut dyn Initialiser) -> Result<Self> {
        let adam = || Adam::new(config.train.beta1, config.train.beta2);
        let channels = config.data.discriminator_channels();
        Ok(Game {
            generator: Generator::new(backend, &config.generator, &config.data, init)?,
            discriminator: Discriminator::new(backend, &config.discriminator, channels, init)?,
            generator_adam: adam(),
            discriminator_adam: adam(),
            vgg,
            loss: config.loss.clone(),
            rounds: 0,
        })
    }

    /// How many rounds were played.
    pub fn rounds(&self) -> u64 {
        self.rounds
    }

    /// Goes on after `rounds` rounds.
    pub fn set_rounds(&mut self, rounds: u64) {
        self.rounds = rounds;
    }

    /// One step of the generator and one of the discriminators on a batch of real images (N, C, H, W) in [−1, 1] and
    /// their conditions. Returns the losses and the image of the generator's step.
    ///
    /// # Errors
    /// If a loss is not finite or a kernel fails.
    pub fn round(&mut self, condition: &Condition<B>, real: &Tensor<B>, rates: Rates) -> Result<(Losses, Tensor<B>)> {
        self.rounds += 1;
        let mut losses = Losses::default();
        let real = Var::constant(real.clone());
        let fake = self.generator_step(condition, &real, rates.generator, &mut losses)?;
        self.discriminator_step(condition, &real, rates.discriminator, &mut losses)?;
        Ok((losses, fake))
    }

    fn generator_step(
        &mut self,
        condition: &Condition<B>,
        real: &Var<B>,
        rate: f64,
        losses: &mut Losses,
    ) -> Result<Tensor<B>> {
        let tape = Tape::new();
        let binding = Binding::training(&tape);
        let fake = self.generator.forward(&binding, condition)?;
        let seen = condition.stack()?;
        let frozen = Binding::frozen();
        let judge = self.discriminator.judge(&frozen)?;
        let of_fake = judge.features(&seen.with(&fake)?)?;

        let mut total = generator_hinge(&of_fake)?;
        losses.gan = total.value().item()?;
        let mut add = |term: Var<B>, weight: f64| -> Result<f64> {
            let weighted = vjp::affine(&term, weight, 0.0)?;
            total = vjp::add(&total, &weighted)?;
            Ok(weighted.value().item()?)
        };
        if self.loss.lambda_feat != 0.0 {
            let of_real = judge.features(&seen.with(real)?)?;
            losses.feat = Some(add(feature_matching(&of_fake, &of_real)?, self.loss.lambda_feat)?);
        }
        if let Some(vgg) = &self.vgg {
            let term = perceptual(&vgg.features(&fake)?, &vgg.features(real)?)?;
            losses.vgg = Some(add(term, self.loss.lambda_vgg)?);
        }
        if self.loss.lambda_l1 != 0.0 {
            losses.l1 = Some(add(l1(&fake, real)?, self.loss.lambda_l1)?);
        }
        drop(judge);
        self.require_finite(losses, condition, real)?;
        let image = fake.value().clone();
        let gradients = tape.backward(&total)?;
        let gradients = binding.into_gradients(&gradients);
        require_finite_gradients(self.rounds, &self.generator, &gradients)?;
        self.generator_adam.step(&mut self.generator, &gradients, rate)?;
        Ok(image)
    }

    /// The fake is drawn again, with the generator just updated and without gradient (published code).
    fn discriminator_step(
        &mut self,
        condition: &Condition<B>,
        real: &Var<B>,
        rate: f64,
        losses: &mut Losses,
    ) -> Result<()> {
        let fake = self.generator.forward(&Binding::frozen(), condition)?;
        let seen = condition.stack()?;
        let tape = Tape::new();
        let binding = Binding::training(&tape);
        let judge = self.discriminator.judge(&binding)?;
        let of_fake = fake_hinge(&judge.features(&seen.with(&fake)?)?)?;
        let of_real = real_hinge(&judge.features(&seen.with(real)?)?)?;
        losses.fake = of_fake.value().item()?;
        losses.real = of_real.value().item()?;
        drop(judge);
        self.require_finite(losses, condition, real)?;
        let gradients = tape.backward(&vjp::add(&of_fake, &of_real)?)?;
        let gradients = binding.into_gradients(&gradients);
        require_finite_gradients(self.rounds, &self.discriminator, &gradients)?;
        self.discriminator_adam.step(&mut self.discriminator, &gradients, rate)?;
        Ok(())
    }

    fn require_finite(&mut self, losses: &Losses, condition: &Condition<B>, real: &Var<B>) -> Result<()> {
        match losses.named().into_iter().find(|(_, value)| !value.is_finite()) {
            None => Ok(()),
            Some((name, value)) => Err(Error::Diverged {
                round: self.rounds,
                what: format!("the loss {name}"),
                value,
                layer: self.first_not_finite(condition, real)?,
            }),
        }
    }

    /// Plays the forward passes of a round again to find the first layer whose output is not finite; `None` if all
    /// are, and only a sum over them is too large.
    fn first_not_finite(&mut self, condition: &Condition<B>, real: &Var<B>) -> Result<Option<String>> {
        let binding = Binding::watching();
        let fake = self.generator.forward(&binding, condition)?;
        let seen = condition.stack()?;
        let judge = self.discriminator.judge(&binding)?;
        for image in [&fake, real] {
            judge.features(&seen.with(image)?)?;
        }
        drop(judge);
        if let Some(layer) = binding.first_not_finite() {
            return Ok(Some(layer));
        }
        for image in [&fake, real] {
            let features = self.vgg.as_ref().map(|vgg| vgg.features(image)).transpose()?.unwrap_or_default();
            for (block, feature) in features.iter().enumerate() {
                if !is_finite(feature)? {
                    return Ok(Some(format!("vgg.block{}", block + 1)));
                }
            }
        }
        Ok(None)
    }
}

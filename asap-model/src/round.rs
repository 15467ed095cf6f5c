//! One round of training: a step of the generator, then one of the discriminators (paper, section 3.3).

use asap_autograd::{Tape, Var, vjp};
use asap_tensor::{Backend, Tensor};

use crate::condition::Condition;
use crate::config::{Config, LossConfig};
use crate::discriminator::Discriminator;
use crate::divergence::{Watch, Watched, is_finite};
use crate::generator::Generator;
use crate::losses::{fake_hinge, feature_matching, generator_hinge, l1, perceptual, real_hinge};
use crate::mask::{Mask, shown};
use crate::network::{Binding, Initialiser, Network};
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
    /// Mean absolute difference, of the pixels that were measured.
    pub l1: Option<f64>,
    /// mean max(0, 1 + D(fake)), of the discriminators' step.
    pub fake: f64,
    /// mean max(0, 1 − D(real)).
    pub real: f64,
}

/// The losses' names in the published logs.
const GAN: &str = "GAN";
const GAN_FEAT: &str = "GAN_Feat";
const VGG: &str = "VGG";
const L1: &str = "L1";
const D_FAKE: &str = "D_Fake";
const D_REAL: &str = "D_real";

impl Losses {
    /// Names and values of those that are present, as the published logs name them.
    pub fn named(&self) -> Vec<(&'static str, f64)> {
        let all = [
            (GAN, Some(self.gan)),
            (GAN_FEAT, self.feat),
            (VGG, self.vgg),
            (L1, self.l1),
            (D_FAKE, Some(self.fake)),
            (D_REAL, Some(self.real)),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    fn from_watched(watched: &[(Watched, f64)]) -> Self {
        let loss = |name| watched.iter().find_map(|(what, value)| (*what == Watched::Loss(name)).then_some(*value));
        Losses {
            gan: loss(GAN).unwrap_or_default(),
            feat: loss(GAN_FEAT),
            vgg: loss(VGG),
            l1: loss(L1),
            fake: loss(D_FAKE).unwrap_or_default(),
            real: loss(D_REAL).unwrap_or_default(),
        }
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
    /// Of what dropout leaves out.
    seed: u64,
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
            seed: config.train.seed,
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
    /// If a loss or a gradient is not finite, which leaves the weights it is of as they were; or if a kernel fails.
    pub fn round(&mut self, condition: &Condition<B>, real: &Tensor<B>, rates: Rates) -> Result<(Losses, Tensor<B>)> {
        self.masked_round(condition, real, None, rates)
    }

    /// As [`round`](Self::round), of which only the pixels count that a mask says were measured: all losses see drawn and
    /// real maps as [`Mask::shown`], and the L1 loss is the mean over measured pixels of the whole batch. A picture
    /// without any adds nothing to it; a batch without any has the L1 loss 0. The image returned is as it was drawn.
    ///
    /// # Errors
    /// As [`round`](Self::round); also if the mask has another shape.
    pub fn masked_round(
        &mut self,
        condition: &Condition<B>,
        real: &Tensor<B>,
        mask: Option<&Mask<B>>,
        rates: Rates,
    ) -> Result<(Losses, Tensor<B>)> {
        self.rounds += 1;
        let mut watch = Watch::new();
        let real = shown(&Var::constant(real.clone()), mask)?;
        let fake = self.generator_step(condition, &real, mask, rates.generator, &mut watch)?;
        self.discriminator_step(condition, &real, mask, rates.discriminator, &mut watch)?;
        let watched = watch.read()?;
        if let Some((what, value)) = watched.iter().find(|(_, value)| !value.is_finite()) {
            return Err(self.diverged(what, *value, condition, &real)?);
        }
        Ok((Losses::from_watched(&watched), fake))
    }

    fn generator_step(
        &mut self,
        condition: &Condition<B>,
        real: &Var<B>,
        mask: Option<&Mask<B>>,
        rate: f64,
        watch: &mut Watch<B>,
    ) -> Result<Tensor<B>> {
        let tape = Tape::new();
        let binding = Binding::training(&tape).with_dropout(self.seed, format!("generator.{}", self.rounds));
        let drawn = self.generator.forward(&binding, condition)?;
        let fake = shown(&drawn, mask)?;
        let buffers = binding.buffers();
        let seen = condition.stack()?;
        let frozen = Binding::frozen();
        let judge = self.discriminator.judge(&frozen)?;
        let of_fake = judge.features(&seen.with(&fake)?)?;

        let mut total = generator_hinge(&of_fake)?;
        watch.loss(GAN, total.value())?;
        let mut add = |name: &'static str, term: Var<B>, weight: f64| -> Result<()> {
            let weighted = vjp::affine(&term, weight, 0.0)?;
            total = vjp::add(&total, &weighted)?;
            watch.loss(name, weighted.value())
        };
        if self.loss.lambda_feat != 0.0 {
            let of_real = judge.features(&seen.with(real)?)?;
            add(GAN_FEAT, feature_matching(&of_fake, &of_real)?, self.loss.lambda_feat)?;
        }
        if let Some(vgg) = &self.vgg {
            let term = perceptual(&vgg.features(&fake)?, &vgg.features(real)?)?;
            add(VGG, term, self.loss.lambda_vgg)?;
        }
        if self.loss.lambda_l1 != 0.0 {
            add(L1, l1(&fake, real)?, self.loss.lambda_l1 * mask.map_or(1.0, Mask::scale))?;
        }
        drop(judge);
        let image = drawn.value().clone();
        let gradients = tape.backward(&total)?;
        let gradients = binding.into_gradients(&gradients);
        watch.gradients(&self.generator, &gradients)?;
        self.generator_adam.step(&mut self.generator, &gradients, &watch.guard()?, rate)?;
        self.generator.set_numbers(buffers);
        Ok(image)
    }

    /// The fake is drawn again, with the generator just updated and without gradient, but as in training (published code).
    fn discriminator_step(
        &mut self,
        condition: &Condition<B>,
        real: &Var<B>,
        mask: Option<&Mask<B>>,
        rate: f64,
        watch: &mut Watch<B>,
    ) -> Result<()> {
        let binding = Binding::in_training().with_dropout(self.seed, format!("discriminator.{}", self.rounds));
        let fake = shown(&self.generator.forward(&binding, condition)?, mask)?;
        self.generator.set_numbers(binding.buffers());
        let seen = condition.stack()?;
        let tape = Tape::new();
        let binding = Binding::training(&tape);
        let judge = self.discriminator.judge(&binding)?;
        let of_fake = fake_hinge(&judge.features(&seen.with(&fake)?)?)?;
        let of_real = real_hinge(&judge.features(&seen.with(real)?)?)?;
        watch.loss(D_FAKE, of_fake.value())?;
        watch.loss(D_REAL, of_real.value())?;
        drop(judge);
        let gradients = tape.backward(&vjp::add(&of_fake, &of_real)?)?;
        let gradients = binding.into_gradients(&gradients);
        watch.gradients(&self.discriminator, &gradients)?;
        self.discriminator_adam.step(&mut self.discriminator, &gradients, &watch.guard()?, rate)
    }

    fn diverged(&mut self, what: &Watched, value: f64, condition: &Condition<B>, real: &Var<B>) -> Result<Error> {
        let (what, layer) = match what {
            Watched::Loss(name) => (format!("the loss {name}"), self.first_not_finite(condition, real)?),
            Watched::Gradient(name) => (format!("the sum of the gradient of {name}"), None),
        };
        Ok(Error::Diverged { round: self.rounds, what, value, layer })
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

//! One training step: an update of the generator, then one of the discriminators (paper, section 3.3).

use asap_autograd::{Tape, Var};
use asap_tensor::{Backend, Tensor};

use super::divergence::{Watch, Watched};
use super::losses::{Comparison, discriminator_losses, generator_losses};
use super::optim::Adam;
use crate::config::{Config, LossConfig};
use crate::networks::{Discriminator, Generator, Vgg19};
use crate::nn::{ForwardContext, Initializer, Input, Target, is_finite};
use crate::{Error, Result};

/// The losses of one step, each times its weight, by their names in logs. A loss whose weight is 0 is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Losses(Vec<(&'static str, f64)>);

impl Losses {
    /// Losses by name.
    pub fn new(named: Vec<(&'static str, f64)>) -> Self {
        Losses(named)
    }

    /// Names and values.
    pub fn named(&self) -> Vec<(&'static str, f64)> {
        self.0.clone()
    }

    /// The loss of that name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find_map(|(known, value)| (*known == name).then_some(*value))
    }
}

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
    /// VGG19, if its loss has a weight.
    pub vgg: Option<Vgg19<B>>,
    loss: LossConfig,
    /// Seed of dropout.
    seed: u64,
    steps: u64,
}

impl<B: Backend> Gan<B> {
    /// Networks as configured, initialized by `init`.
    ///
    /// # Errors
    /// Those of the initializer.
    pub fn new(backend: &B, config: &Config, vgg: Option<Vgg19<B>>, init: &mut dyn Initializer) -> Result<Self> {
        let adam = || Adam::new(config.train.beta1, config.train.beta2);
        let channels = config.data.discriminator_channels();
        Ok(Gan {
            generator: Generator::new(backend, &config.generator, &config.data, init)?,
            discriminator: Discriminator::new(backend, &config.discriminator, channels, init)?,
            generator_adam: adam(),
            discriminator_adam: adam(),
            vgg,
            loss: config.loss.clone(),
            seed: config.train.seed,
            steps: 0,
        })
    }

    /// Steps made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Continues after that many steps.
    pub fn set_steps(&mut self, steps: u64) {
        self.steps = steps;
    }

    /// Updates the generator, then the discriminators. Returns the losses and the generator's output, (N, C, H, W).
    ///
    /// # Errors
    /// [`Error::Diverged`] if a loss or a gradient is not finite; the weights it concerns are not updated.
    pub fn training_step(&mut self, input: &Input<B>, target: &Target<B>, rates: Rates) -> Result<(Losses, Tensor<B>)> {
        self.steps += 1;
        let mut watch = Watch::new();
        let real = target.masked(&target.image)?;
        let output = self.update_generator(input, target, &real, rates.generator, &mut watch)?;
        self.update_discriminator(input, target, &real, rates.discriminator, &mut watch)?;

        let watched = watch.read()?;
        if let Some((what, value)) = watched.iter().find(|(_, value)| !value.is_finite()) {
            return Err(self.diverged(what, *value, input, &real)?);
        }
        let loss = |(what, value): &(Watched, f64)| match what {
            Watched::Loss(name) => Some((*name, *value)),
            Watched::Gradient(_) => None,
        };
        Ok((Losses(watched.iter().filter_map(loss).collect()), output))
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
        let pass = format!("generator.{}", self.steps);
        let ctx = ForwardContext::training(&self.generator.params, &tape).with_dropout(self.seed, pass);
        let output = self.generator.forward(&ctx, input)?;
        let fake = target.masked(&output)?;
        let pass = ctx.finish();

        // Discriminate, with frozen discriminators.
        let ctx = ForwardContext::frozen(&self.discriminator.params);
        let fake_features = self.discriminator.features(&ctx, &input.with(&fake)?)?;

        // Losses.
        let discriminator = &self.discriminator;
        let comparison =
            Comparison { input, fake: &fake, real, fake_features, discriminator, ctx: &ctx, vgg: self.vgg.as_ref() };
        let mut total: Option<Var<B>> = None;
        for loss in generator_losses() {
            let weight = (loss.weight)(&self.loss);
            if weight == 0.0 {
                continue;
            }
            let weight = if loss.per_pixel { weight * target.scale() } else { weight };
            let value = (loss.value)(&comparison)?;
            let weighted = if weight == 1.0 { value } else { value.affine(weight, 0.0)? };
            watch.loss(loss.name, weighted.value())?;
            total = Some(sum(total, weighted)?);
        }
        drop(comparison);
        let updates = ctx.finish().updates;
        self.discriminator.params.apply(updates);

        // Update.
        let output = output.value().clone();
        let gradients = tape.backward(&total.unwrap_or_else(|| unreachable!("the GAN loss has a weight")))?;
        let (gradients, updates) = pass.gradients(&gradients);
        watch.gradients(&self.generator.params, &gradients)?;
        self.generator_adam.step(&mut self.generator.params, &gradients, &watch.guard()?, rate)?;
        self.generator.params.apply(updates);
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
        let pass = format!("discriminator.{}", self.steps);
        let ctx = ForwardContext::frozen(&self.generator.params).with_dropout(self.seed, pass);
        let fake = target.masked(&self.generator.forward(&ctx, input)?)?;
        let updates = ctx.finish().updates;
        self.generator.params.apply(updates);

        // Discriminate; losses.
        let tape = Tape::new();
        let ctx = ForwardContext::training(&self.discriminator.params, &tape);
        let mut total: Option<Var<B>> = None;
        for loss in discriminator_losses() {
            let image = if loss.real { real } else { &fake };
            let value = (loss.value)(&self.discriminator.features(&ctx, &input.with(image)?)?)?;
            watch.loss(loss.name, value.value())?;
            total = Some(sum(total, value)?);
        }
        let pass = ctx.finish();

        // Update.
        let gradients = tape.backward(&total.unwrap_or_else(|| unreachable!("there are two losses")))?;
        let (gradients, updates) = pass.gradients(&gradients);
        watch.gradients(&self.discriminator.params, &gradients)?;
        self.discriminator_adam.step(&mut self.discriminator.params, &gradients, &watch.guard()?, rate)?;
        self.discriminator.params.apply(updates);
        Ok(())
    }

    fn diverged(&self, what: &Watched, value: f64, input: &Input<B>, real: &Var<B>) -> Result<Error> {
        let (what, layer) = match what {
            Watched::Loss(name) => (format!("the loss {name}"), self.first_not_finite(input, real)?),
            Watched::Gradient(key) => (format!("the sum of the gradient of {key}"), None),
        };
        Ok(Error::Diverged { round: self.steps, what, value, layer })
    }

    /// Reruns the forward passes of a step to find the first layer whose output is not finite; `None` if all are, and only
    /// a sum over them overflows.
    fn first_not_finite(&self, input: &Input<B>, real: &Var<B>) -> Result<Option<String>> {
        let ctx = ForwardContext::frozen(&self.generator.params).watching();
        let fake = self.generator.forward(&ctx, input)?;
        if let Some(layer) = ctx.first_not_finite() {
            return Ok(Some(layer));
        }
        let ctx = ForwardContext::frozen(&self.discriminator.params).watching();
        for image in [&fake, real] {
            self.discriminator.features(&ctx, &input.with(image)?)?;
        }
        if let Some(layer) = ctx.first_not_finite() {
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

/// The sum of the losses so far and another one.
fn sum<B: Backend>(total: Option<Var<B>>, loss: Var<B>) -> Result<Var<B>> {
    match total {
        Some(total) => Ok(total.add(&loss)?),
        None => Ok(loss),
    }
}

//! The losses (paper, section 3.3; supplementary 1.4).
//!
//! Discriminator features come in lists over scales; GAN losses are means over scales (published code).
//!
//! A new loss is a function and an entry in [`generator_losses`] or [`discriminator_losses`].

use asap_autograd::Var;
use asap_tensor::{Backend, Plan};

use crate::config::LossConfig;
use crate::networks::discriminator::{Discriminator, Features};
use crate::networks::vgg::{BLOCK_WEIGHTS, Vgg19};
use crate::nn::{ForwardContext, Input};
use crate::{Error, Result};

/// A loss of the generator.
pub struct GeneratorLoss<B: Backend> {
    /// Its name in logs, as in the published ones.
    pub name: &'static str,
    /// What it is, for reports.
    pub about: &'static str,
    /// Its weight; 0 turns it off.
    pub weight: fn(&LossConfig) -> f64,
    /// Whether it is a mean over pixels, of which only measured ones count.
    pub per_pixel: bool,
    /// Its value, a scalar.
    pub value: fn(&Comparison<'_, B>) -> Result<Var<B>>,
}

/// A loss of the discriminators.
pub struct DiscriminatorLoss<B: Backend> {
    /// Its name in logs, as in the published ones.
    pub name: &'static str,
    /// What it is, for reports.
    pub about: &'static str,
    /// Whether it sees real images instead of generated ones.
    pub real: bool,
    /// Its value for the features of those images, a scalar.
    pub value: fn(&[Features<B>]) -> Result<Var<B>>,
}

/// The losses of the generator.
pub fn generator_losses<B: Backend>() -> [GeneratorLoss<B>; 4] {
    [
        GeneratorLoss {
            name: "GAN",
            about: "generator hinge loss, −mean D(fake)",
            weight: |_| 1.0,
            per_pixel: false,
            value: |x| generator_hinge(&x.fake_features),
        },
        GeneratorLoss {
            name: "GAN_Feat",
            about: "feature matching: difference of discriminator features",
            weight: |loss| loss.lambda_feat,
            per_pixel: false,
            value: |x| feature_matching(&x.fake_features, &x.real_features()?),
        },
        GeneratorLoss {
            name: "VGG",
            about: "perceptual loss: difference of VGG19 features",
            weight: |loss| loss.lambda_vgg,
            per_pixel: false,
            value: |x| perceptual(&x.vgg()?.features(x.fake)?, &x.vgg()?.features(x.real)?),
        },
        GeneratorLoss {
            name: "L1",
            about: "mean absolute difference of the images",
            weight: |loss| loss.lambda_l1,
            per_pixel: true,
            value: |x| l1(x.fake, x.real),
        },
    ]
}

/// The losses of the discriminators.
pub fn discriminator_losses<B: Backend>() -> [DiscriminatorLoss<B>; 2] {
    [
        DiscriminatorLoss {
            name: "D_Fake",
            about: "discriminator hinge loss on generated images",
            real: false,
            value: fake_hinge,
        },
        DiscriminatorLoss {
            name: "D_real",
            about: "discriminator hinge loss on real images",
            real: true,
            value: real_hinge,
        },
    ]
}

/// What the loss of that name is.
pub fn about(name: &str) -> Option<&'static str> {
    let generator = generator_losses::<Plan>().map(|loss| (loss.name, loss.about));
    let discriminator = discriminator_losses::<Plan>().map(|loss| (loss.name, loss.about));
    generator.into_iter().chain(discriminator).find_map(|(known, about)| (known == name).then_some(about))
}

/// What the generator's losses compare.
pub struct Comparison<'a, B: Backend> {
    /// What the networks see of the images.
    pub input: &'a Input<B>,
    /// Generated images, (N, C, H, W).
    pub fake: &'a Var<B>,
    /// Real images, (N, C, H, W).
    pub real: &'a Var<B>,
    /// Discriminator features of generated images.
    pub fake_features: Vec<Features<B>>,
    /// The discriminators.
    pub discriminator: &'a Discriminator<B>,
    /// Their forward pass, frozen.
    pub ctx: &'a ForwardContext<'a, B>,
    /// VGG19, if its loss has a weight.
    pub vgg: Option<&'a Vgg19<B>>,
}

impl<B: Backend> Comparison<'_, B> {
    /// Discriminator features of real images.
    fn real_features(&self) -> Result<Vec<Features<B>>> {
        self.discriminator.features(self.ctx, &self.input.with(self.real)?)
    }

    fn vgg(&self) -> Result<&Vgg19<B>> {
        self.vgg.ok_or_else(|| Error::Config {
            origin: "configuration".into(),
            problem: "loss.lambda_vgg is not 0, but there are no weights of VGG19".into(),
        })
    }
}

/// mean |a − b|.
///
/// # Errors
/// If the shapes differ.
pub fn l1<B: Backend>(a: &Var<B>, b: &Var<B>) -> Result<Var<B>> {
    Ok(a.sub(b)?.abs()?.mean()?)
}

/// Σ of at least one term.
fn total<B: Backend>(terms: impl IntoIterator<Item = Result<Var<B>>>) -> Result<Var<B>> {
    let mut terms = terms.into_iter();
    let first = terms.next().expect("a loss has a term")?;
    terms.try_fold(first, |sum, term| Ok(sum.add(&term?)?))
}

/// A term of each scale's last features D(x), averaged over scales.
fn over_scales<B: Backend>(scales: &[Features<B>], term: impl Fn(&Var<B>) -> Result<Var<B>>) -> Result<Var<B>> {
    let terms = scales.iter().map(|features| term(&features[features.len() - 1]));
    Ok(total(terms)?.affine(1.0 / scales.len() as f64, 0.0)?)
}

/// The generator's hinge loss: −mean D(fake).
///
/// # Errors
/// If a kernel fails.
pub fn generator_hinge<B: Backend>(fake: &[Features<B>]) -> Result<Var<B>> {
    over_scales(fake, |scores| Ok(scores.mean()?.neg()?))
}

/// The discriminators' hinge loss on generated images: mean max(0, 1 + D(fake)).
///
/// # Errors
/// If a kernel fails.
pub fn fake_hinge<B: Backend>(fake: &[Features<B>]) -> Result<Var<B>> {
    over_scales(fake, |scores| Ok(scores.affine(1.0, 1.0)?.relu()?.mean()?))
}

/// The discriminators' hinge loss on real images: mean max(0, 1 − D(real)).
///
/// # Errors
/// If a kernel fails.
pub fn real_hinge<B: Backend>(real: &[Features<B>]) -> Result<Var<B>> {
    over_scales(real, |scores| Ok(scores.affine(-1.0, 1.0)?.relu()?.mean()?))
}

/// Feature matching: Σ of mean |fake − real| over all layers but the last, averaged over scales. Real features are
/// constants.
///
/// # Errors
/// If the shapes differ.
pub fn feature_matching<B: Backend>(fake: &[Features<B>], real: &[Features<B>]) -> Result<Var<B>> {
    let layers = fake.iter().zip(real).flat_map(|(fake, real)| fake.iter().zip(real).take(fake.len() - 1));
    let sum = total(layers.map(|(fake, real)| l1(fake, &real.detach())))?;
    Ok(sum.affine(1.0 / fake.len() as f64, 0.0)?)
}

/// The perceptual loss: Σ of weight · mean |fake − real| over VGG19's blocks. Real features are constants.
///
/// # Errors
/// If the shapes differ.
pub fn perceptual<B: Backend>(fake: &[Var<B>], real: &[Var<B>]) -> Result<Var<B>> {
    let terms = fake.iter().zip(real).zip(BLOCK_WEIGHTS);
    total(terms.map(|((fake, real), weight)| Ok(l1(fake, &real.detach())?.affine(weight, 0.0)?)))
}

//! The losses (paper, section 3.3; supplementary 1.4), and the list of them.
//!
//! Discriminator features come in lists over scales; GAN losses are means over scales (published code).

use std::cell::OnceCell;

use asap_autograd::Var;
use asap_tensor::ops::{Unary, add, sub, sum, unary, unary_grad};
use asap_tensor::{Backend, Ids, Plan, Tensor};

use super::diff_augment::Seen;
use super::oasis::{self, LabelMix};
use crate::config::LossConfig;
use crate::networks::discriminator::{Discriminator, Features};
use crate::networks::vgg::{BLOCK_WEIGHTS, Vgg19};
use crate::nn::{ForwardContext, Random};
use crate::{Error, Result};

/// A network that losses train.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// The generator.
    Generator,
    /// All discriminators.
    Discriminator,
}

/// A loss.
pub struct Loss<B: Backend> {
    /// Name in logs and charts.
    pub name: &'static str,
    /// Caption of its chart.
    pub about: &'static str,
    /// The network that it trains.
    pub trains: Network,
    /// The kind of discriminator that it is for; `None`: any.
    pub discriminator: Option<&'static str>,
    /// Its weight; 0 turns it off.
    pub weight: fn(&LossConfig) -> f64,
    /// Whether it is a mean over pixels, of which only measured ones count.
    pub per_pixel: bool,
    /// Its value, a scalar.
    pub value: fn(&Comparison<'_, B>) -> Result<Var<B>>,
}

/// The kinds of discriminators.
const PATCH: &str = "patch";
const OASIS: &str = "oasis";

/// The weight of LabelMix in OASIS's paper.
const LABEL_MIX: f64 = 10.0;

/// Every loss. A new one is a function and an entry here.
pub fn losses<B: Backend>() -> Vec<Loss<B>> {
    vec![
        Loss {
            name: "GAN",
            about: "generator hinge loss, −mean D(generated)",
            trains: Network::Generator,
            discriminator: Some(PATCH),
            weight: |loss| loss.lambda_gan,
            per_pixel: false,
            value: |x| generator_hinge(&x.fake_features),
        },
        Loss {
            name: "OASIS",
            about: "cross entropy of generated pixels and their classes, balanced",
            trains: Network::Generator,
            discriminator: Some(OASIS),
            weight: |loss| loss.lambda_gan,
            per_pixel: false,
            value: |x| oasis::of_classes(scores(&x.fake_features), x.ids()?),
        },
        Loss {
            name: "GAN_Feat",
            about: "feature matching: difference of discriminator features",
            trains: Network::Generator,
            discriminator: None,
            weight: |loss| loss.lambda_feat,
            per_pixel: false,
            value: |x| feature_matching(&x.fake_features, &x.real_features()?),
        },
        Loss {
            name: "VGG",
            about: "perceptual loss: difference of VGG19 features",
            trains: Network::Generator,
            discriminator: None,
            weight: |loss| loss.lambda_vgg,
            per_pixel: false,
            value: |x| perceptual(&x.vgg()?.features(x.fake)?, &x.vgg()?.features(x.real)?),
        },
        Loss {
            name: "L1",
            about: "mean absolute difference of the images",
            trains: Network::Generator,
            discriminator: None,
            weight: |loss| loss.lambda_l1,
            per_pixel: true,
            value: |x| l1(x.fake, x.real),
        },
        Loss {
            name: "Charbonnier",
            about: "difference of the images: L1, smooth near 0",
            trains: Network::Generator,
            discriminator: None,
            weight: |loss| loss.lambda_charbonnier,
            per_pixel: true,
            value: |x| charbonnier(x.fake, x.real),
        },
        Loss {
            name: "D_fake",
            about: "discriminator hinge loss on generated images",
            trains: Network::Discriminator,
            discriminator: Some(PATCH),
            weight: |_| 1.0,
            per_pixel: false,
            value: |x| fake_hinge(&x.fake_features),
        },
        Loss {
            name: "D_real",
            about: "discriminator hinge loss on real images",
            trains: Network::Discriminator,
            discriminator: Some(PATCH),
            weight: |_| 1.0,
            per_pixel: false,
            value: |x| real_hinge(&x.real_features()?),
        },
        Loss {
            name: "OASIS_fake",
            about: "cross entropy of generated pixels and \"generated\"",
            trains: Network::Discriminator,
            discriminator: Some(OASIS),
            weight: |_| 1.0,
            per_pixel: false,
            value: |x| oasis::of_generated(scores(&x.fake_features), x.ids()?),
        },
        Loss {
            name: "OASIS_real",
            about: "cross entropy of real pixels and their classes, balanced",
            trains: Network::Discriminator,
            discriminator: Some(OASIS),
            weight: |_| 1.0,
            per_pixel: false,
            value: |x| oasis::of_classes(scores(&x.real_features()?), x.ids()?),
        },
        Loss {
            name: "LabelMix",
            about: "inconsistency of D on images mixed of generated and real ones",
            trains: Network::Discriminator,
            discriminator: Some(OASIS),
            weight: |loss| loss.lambda_label_mix.unwrap_or(LABEL_MIX),
            per_pixel: false,
            value: |x| x.label_mix(),
        },
    ]
}

/// The caption of the loss of that name.
pub fn about(name: &str) -> Option<&'static str> {
    losses::<Plan>().into_iter().find_map(|loss| (loss.name == name).then_some(loss.about))
}

/// The losses of one step, each times its weight, by name. A loss whose weight is 0 is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Losses(pub Vec<(&'static str, f64)>);

impl Losses {
    /// The loss of that name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find_map(|(known, value)| (*known == name).then_some(*value))
    }

    /// A JSON object; values that are not finite are null.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::Value::Object(self.0.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }
}

/// What losses compare: generated and real images, and what the discriminators see in them.
pub struct Comparison<'a, B: Backend> {
    seen: &'a Seen<'a, B>,
    fake: &'a Var<B>,
    real: &'a Var<B>,
    fake_features: Vec<Features<B>>,
    discriminator: &'a Discriminator<B>,
    ctx: &'a ForwardContext<'a, B>,
    vgg: Option<&'a Vgg19<B>>,
    random: &'a Random,
    decisions: Option<&'a Decisions<B>>,
    /// Of OASIS, where several losses use them.
    real_features: OnceCell<Vec<Features<B>>>,
}

/// What discriminators take the images of a step for, each (): 1 if they take all of it for real, −1 if none. Of PatchGANs it
/// is the mean sign of D(x) over patches and scales; of OASIS that of ½ − P("generated") over pixels.
pub struct Decisions<B: Backend> {
    fake: OnceCell<Tensor<B>>,
    real: OnceCell<Tensor<B>>,
}

impl<B: Backend> Default for Decisions<B> {
    fn default() -> Self {
        Decisions { fake: OnceCell::new(), real: OnceCell::new() }
    }
}

impl<B: Backend> Decisions<B> {
    /// The mean sign of D(real), ().
    pub fn real(&self) -> Option<&Tensor<B>> {
        self.real.get()
    }

    /// The share of patches or pixels that are taken for what they are, half of them real, (); `None` if nothing was noted.
    pub fn accuracy(&self) -> Result<Option<Tensor<B>>> {
        let (Some(fake), Some(real)) = (self.fake.get(), self.real.get()) else { return Ok(None) };
        Ok(Some(unary(Unary::Affine { scale: 0.25, shift: 0.5 }, &sub(real, fake)?)?))
    }
}

impl<'a, B: Backend> Comparison<'a, B> {
    /// Runs the discriminators on generated images, (N, C, H, W), as they are `seen`, in the forward pass `ctx`. `vgg` may be
    /// absent if its loss has no weight.
    pub fn new(
        seen: &'a Seen<'a, B>,
        [fake, real]: [&'a Var<B>; 2],
        discriminator: &'a Discriminator<B>,
        ctx: &'a ForwardContext<'a, B>,
        vgg: Option<&'a Vgg19<B>>,
        random: &'a Random,
    ) -> Result<Self> {
        let (decisions, real_features) = (None, OnceCell::new());
        let fake_features = discriminator.features_of_pair(ctx, fake, |fake| seen.with(fake))?;
        Ok(Comparison { seen, fake, real, fake_features, discriminator, ctx, vgg, random, decisions, real_features })
    }

    /// Notes what the discriminators take the images for. The real ones are seen when their loss is computed.
    pub fn noting(self, decisions: &'a Decisions<B>) -> Result<Self> {
        let _ = decisions.fake.set(self.mean_sign(&self.fake_features)?);
        Ok(Comparison { decisions: Some(decisions), ..self })
    }

    /// The losses that train a network, each times its weight, by name. `scale` turns a mean over all pixels into one over
    /// measured pixels ([`Target::scale`](crate::nn::Target::scale)).
    pub fn losses(self, of: Network, config: &LossConfig, scale: f64) -> Result<Vec<(&'static str, Var<B>)>> {
        let mut values = Vec::new();
        let kind = if self.discriminator.classes().is_some() { OASIS } else { PATCH };
        let is_for = |loss: &Loss<B>| loss.trains == of && loss.discriminator.is_none_or(|own| own == kind);
        for loss in losses().into_iter().filter(is_for) {
            let weight = (loss.weight)(config);
            if weight == 0.0 {
                continue;
            }
            let weight = if loss.per_pixel { weight * scale } else { weight };
            let value = (loss.value)(&self)?;
            values.push((loss.name, if weight == 1.0 { value } else { value.scale(weight)? }));
        }
        Ok(values)
    }

    fn real_features(&self) -> Result<Vec<Features<B>>> {
        if let Some(features) = self.real_features.get() {
            return Ok(features.clone());
        }
        let features = self.discriminator.features_of_pair(self.ctx, self.real, |real| self.seen.with(real))?;
        if let Some(decisions) = self.decisions {
            let _ = decisions.real.set(self.mean_sign(&features)?);
        }
        if self.discriminator.classes().is_some() {
            let _ = self.real_features.set(features.clone());
        }
        Ok(features)
    }

    /// What the discriminators take the images of these features for, (): 1 if they take all of it for real, −1 if none.
    fn mean_sign(&self, features: &[Features<B>]) -> Result<Tensor<B>> {
        match self.discriminator.classes() {
            Some(_) => oasis::mean_sign(scores(features), self.ids()?),
            None => mean_sign(features),
        }
    }

    /// The label maps.
    fn ids(&self) -> Result<&Ids<B>> {
        Ok(self.labels()?.0)
    }

    /// The label maps, and their number of classes.
    fn labels(&self) -> Result<(&Ids<B>, usize)> {
        self.seen.input.label_maps().ok_or_else(|| Error::Config {
            origin: "configuration".into(),
            problem: "discriminator.kind = \"oasis\" needs label maps, but data.input is image; set it to patch".into(),
        })
    }

    fn label_mix(&self) -> Result<Var<B>> {
        let (ids, classes) = self.labels()?;
        let mix = LabelMix::new(ids, classes, self.random);
        let of_mixed = self.discriminator.features(self.ctx, self.seen.input, &mix.mix([self.fake, self.real])?)?;
        mix.inconsistency(scores(&of_mixed), [scores(&self.fake_features), scores(&self.real_features()?)])
    }

    fn vgg(&self) -> Result<&Vgg19<B>> {
        self.vgg.ok_or_else(|| Error::Config {
            origin: "configuration".into(),
            problem: "loss.lambda_vgg is not 0, but there are no weights of VGG19".into(),
        })
    }
}

/// mean |a − b|.
pub fn l1<B: Backend>(a: &Var<B>, b: &Var<B>) -> Result<Var<B>> {
    Ok(a.sub(b)?.abs()?.mean()?)
}

/// mean (√((a − b)² + ε²) − ε) with ε = 10⁻³: an L1 distance that is smooth at 0 and is 0 there (Charbonnier et al., 1994).
pub fn charbonnier<B: Backend>(a: &Var<B>, b: &Var<B>) -> Result<Var<B>> {
    const EPSILON: f64 = 1e-3;
    let d = a.sub(b)?;
    Ok(d.mul(&d)?.affine(1.0, EPSILON * EPSILON)?.sqrt()?.mean()?.affine(1.0, -EPSILON)?)
}

/// The last features of the one network that there is.
fn scores<B: Backend>(features: &[Features<B>]) -> &Var<B> {
    let features = &features[0];
    &features[features.len() - 1]
}

/// Σ of at least one term.
pub(super) fn total<B: Backend>(terms: impl IntoIterator<Item = Result<Var<B>>>) -> Result<Var<B>> {
    let mut terms = terms.into_iter();
    let first = terms.next().expect("a loss has a term")?;
    terms.try_fold(first, |sum, term| Ok(sum.add(&term?)?))
}

/// A term of each scale's last features D(x), averaged over scales.
fn over_scales<B: Backend>(scales: &[Features<B>], term: impl Fn(&Var<B>) -> Result<Var<B>>) -> Result<Var<B>> {
    let terms = scales.iter().map(|features| term(&features[features.len() - 1]));
    Ok(total(terms)?.scale(1.0 / scales.len() as f64)?)
}

/// The mean sign of D(x) over patches, averaged over scales.
fn mean_sign<B: Backend>(scales: &[Features<B>]) -> Result<Tensor<B>> {
    let mean = |features: &Features<B>| -> Result<Tensor<B>> {
        let scores = features[features.len() - 1].value();
        let weight = 1.0 / (scores.count() * scales.len()) as f64;
        // The sign is the derivative of |x|.
        let signs = unary_grad(Unary::Abs, scores, scores, &Tensor::full(scores.backend(), scores.shape(), weight)?)?;
        Ok(sum(&signs)?)
    };
    let mut means = scales.iter().map(mean);
    let first = means.next().expect("there is a scale")?;
    means.try_fold(first, |sum, mean| Ok(add(&sum, &mean?)?))
}

/// The generator's hinge loss: −mean D(fake).
pub fn generator_hinge<B: Backend>(fake: &[Features<B>]) -> Result<Var<B>> {
    over_scales(fake, |scores| Ok(scores.mean()?.neg()?))
}

/// The discriminators' hinge loss on generated images: mean max(0, 1 + D(fake)).
pub fn fake_hinge<B: Backend>(fake: &[Features<B>]) -> Result<Var<B>> {
    over_scales(fake, |scores| Ok(scores.affine(1.0, 1.0)?.relu()?.mean()?))
}

/// The discriminators' hinge loss on real images: mean max(0, 1 − D(real)).
pub fn real_hinge<B: Backend>(real: &[Features<B>]) -> Result<Var<B>> {
    over_scales(real, |scores| Ok(scores.affine(-1.0, 1.0)?.relu()?.mean()?))
}

/// Feature matching: Σ of mean |fake − real| over all layers but the last, averaged over scales. Real features are
/// constants.
pub fn feature_matching<B: Backend>(fake: &[Features<B>], real: &[Features<B>]) -> Result<Var<B>> {
    let layers = fake.iter().zip(real).flat_map(|(fake, real)| fake.iter().zip(real).take(fake.len() - 1));
    let sum = total(layers.map(|(fake, real)| l1(fake, &real.detach())))?;
    Ok(sum.scale(1.0 / fake.len() as f64)?)
}

/// The perceptual loss: Σ of weight · mean |fake − real| over VGG19's blocks. Real features are constants.
pub fn perceptual<B: Backend>(fake: &[Var<B>], real: &[Var<B>]) -> Result<Var<B>> {
    let terms = fake.iter().zip(real).zip(BLOCK_WEIGHTS);
    total(terms.map(|((fake, real), weight)| Ok(l1(fake, &real.detach())?.scale(weight)?)))
}

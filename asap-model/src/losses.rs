//! The losses (paper, section 3.3; supplementary 1.4), each one number.
//!
//! Verdicts and features come in lists over scales; adversarial terms are means over scales (published code).

use asap_autograd::{Var, vjp};
use asap_tensor::Backend;

use crate::Result;
use crate::discriminator::Features;
use crate::vgg::BLOCK_WEIGHTS;

/// The mean of |a − b| over all numbers.
///
/// # Errors
/// If the shapes differ.
pub fn l1<B: Backend>(a: &Var<B>, b: &Var<B>) -> Result<Var<B>> {
    Ok(vjp::mean(&vjp::abs(&vjp::sub(a, b)?)?)?)
}

/// Σ of the terms; there is at least one.
fn total<B: Backend>(terms: impl IntoIterator<Item = Result<Var<B>>>) -> Result<Var<B>> {
    let mut terms = terms.into_iter();
    let first = terms.next().expect("a loss is a sum of one term at least")?;
    terms.try_fold(first, |sum, term| Ok(vjp::add(&sum, &term?)?))
}

/// A term for each scale's verdicts, averaged over scales.
fn over_scales<B: Backend>(scales: &[Features<B>], term: impl Fn(&Var<B>) -> Result<Var<B>>) -> Result<Var<B>> {
    let terms = scales.iter().map(|features| term(&features[features.len() - 1]));
    Ok(vjp::affine(&total(terms)?, 1.0 / scales.len() as f64, 0.0)?)
}

/// What the generator minimises: −mean D(fake).
///
/// # Errors
/// If a kernel fails.
pub fn generator_hinge<B: Backend>(fake: &[Features<B>]) -> Result<Var<B>> {
    over_scales(fake, |verdicts| Ok(vjp::neg(&vjp::mean(verdicts)?)?))
}

/// What the discriminators minimise on fakes: mean max(0, 1 + D(fake)).
///
/// # Errors
/// If a kernel fails.
pub fn fake_hinge<B: Backend>(fake: &[Features<B>]) -> Result<Var<B>> {
    over_scales(fake, |verdicts| Ok(vjp::mean(&vjp::relu(&vjp::affine(verdicts, 1.0, 1.0)?)?)?))
}

/// What the discriminators minimise on real images: mean max(0, 1 − D(real)).
///
/// # Errors
/// If a kernel fails.
pub fn real_hinge<B: Backend>(real: &[Features<B>]) -> Result<Var<B>> {
    over_scales(real, |verdicts| Ok(vjp::mean(&vjp::relu(&vjp::affine(verdicts, -1.0, 1.0)?)?)?))
}

/// Feature matching: Σ over layers but the verdicts of mean |fake − real|, averaged over scales. Real features are
/// constants.
///
/// # Errors
/// If the shapes differ.
pub fn feature_matching<B: Backend>(fake: &[Features<B>], real: &[Features<B>]) -> Result<Var<B>> {
    let layers = fake.iter().zip(real).flat_map(|(fake, real)| fake.iter().zip(real).take(fake.len() - 1));
    let sum = total(layers.map(|(fake, real)| l1(fake, &real.detach())))?;
    Ok(vjp::affine(&sum, 1.0 / fake.len() as f64, 0.0)?)
}

/// The perceptual loss: Σ over VGG's blocks of weight · mean |fake − real|. Real features are constants.
///
/// # Errors
/// If the shapes differ.
pub fn perceptual<B: Backend>(fake: &[Var<B>], real: &[Var<B>]) -> Result<Var<B>> {
    let terms = fake.iter().zip(real).zip(BLOCK_WEIGHTS);
    total(terms.map(|((fake, real), weight)| Ok(vjp::affine(&l1(fake, &real.detach())?, weight, 0.0)?)))
}

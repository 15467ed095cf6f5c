//! DiffAugment: differentiable augmentation of what the discriminators see (Zhao, Liu, Lin, Zhu, Han, *Differentiable
//! Augmentation for Data-Efficient GAN Training*, NeurIPS 2020), which keeps them from learning a small training set by heart.
//!
//! The generator's gradient flows through it. Here discriminators see pairs, and feature matching compares the generated and
//! the real image of a pair: both get the same transformation, and translation and cutout move and erase the input's channels
//! with them. The paper's code, whose GANs have no inputs, samples one for each image.

use asap_autograd::Var;
use asap_tensor::ops::{Conv2d, Pad, PadMode, Unary, pad2d, unary};
use asap_tensor::{Backend, Tensor};
use rand::RngExt;

use crate::Result;
use crate::config::DiscriminatorAugmentation::{self, Color, Cutout, Translation};
use crate::nn::{Input, Random, Target};

/// Maximum translation, as a share of the side (published code).
const MAX_SHIFT: f64 = 0.125;

/// Side of the square that is cut out, as a share of the image's (published code).
const CUTOUT: f64 = 0.5;

/// The transformation of one pair.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct View {
    color: Option<ColorChange>,
    /// Rows down, columns to the right.
    shift: Option<[i32; 2]>,
    hole: Option<Hole>,
}

/// Values in [−1, 1]: brightness is added, then differences from each pixel's mean over channels are multiplied by
/// `saturation`, then differences from the image's mean by `contrast`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct ColorChange {
    brightness: f64,
    saturation: f64,
    contrast: f64,
}

/// A rectangle of zeros.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Hole {
    top: usize,
    left: usize,
    height: usize,
    width: usize,
}

/// What discriminators see of a batch: the input, followed by an image.
pub struct Seen<'a, B: Backend> {
    pub(super) input: &'a Input<B>,
    target: &'a Target<B>,
    /// Of each pair; empty without augmentation.
    views: Vec<View>,
}

/// How to sample the views of a pass.
#[derive(Clone, Debug)]
pub(super) struct Sampling<'a> {
    /// The augmentations in use.
    pub augment: &'a [DiscriminatorAugmentation],
    /// The probability of each.
    pub probability: f64,
    /// What views depend on, besides their place in the batch.
    pub random: Random,
}

impl<'a, B: Backend> Seen<'a, B> {
    /// The pairs as they are.
    pub fn new(input: &'a Input<B>, target: &'a Target<B>) -> Self {
        Seen { input, target, views: Vec::new() }
    }

    /// The pairs transformed. What is sampled depends on the seed, the pass and the place in the batch.
    pub(super) fn augmented(self, sampling: &Sampling<'_>) -> Self {
        let [n, height, width] = self.input.sizes();
        // A plan of memory is for the most.
        let holds_values = self.target.image.value().backend().holds_values();
        let probability = if holds_values { sampling.probability } else { 1.0 };
        let view = |index| sampling.view(index, probability, [height, width]);
        let views = if sampling.augment.is_empty() { Vec::new() } else { (0..n).map(view).collect() };
        Seen { views, ..self }
    }

    /// The input followed by the channels of generated or real images, (N, C, H, W), as losses see them.
    pub fn with(&self, images: &Var<B>) -> Result<Input<B>> {
        if self.views.iter().all(|view| *view == View::default()) {
            return self.input.with(images);
        }
        let colored = match self.views.iter().any(|view| view.color.is_some()) {
            true => self.target.masked(&self.each(images, View::recolor)?)?,
            false => images.clone(),
        };
        let all = self.input.with(&colored)?;
        match self.views.iter().any(|view| view.shift.is_some() || view.hole.is_some()) {
            true => Ok(Input::image(self.each(&all.one_hot()?, |view, x| view.cut(&view.translate(x)?))?)),
            false => Ok(all),
        }
    }

    /// Applies a part of each pair's view to that pair.
    fn each(&self, x: &Var<B>, apply: impl Fn(&View, &Var<B>) -> Result<Var<B>>) -> Result<Var<B>> {
        if let [view] = self.views.as_slice() {
            return apply(view, x);
        }
        let one = |(n, view)| apply(view, &x.narrow(0, n, 1)?);
        let parts = self.views.iter().enumerate().map(one).collect::<Result<Vec<_>>>()?;
        Ok(Var::cat(&parts.iter().collect::<Vec<_>>(), 0)?)
    }
}

impl Sampling<'_> {
    fn view(&self, index: usize, probability: f64, sides: [usize; 2]) -> View {
        let mut rng = self.random.stream("augment", &index.to_string());
        // All are sampled, so that none depends on which others are in use.
        let mut uniform = || rng.random::<f64>();
        let mut uses = |augmentation| uniform() < probability && self.augment.contains(&augmentation);
        let [color, shift, hole] = [Color, Translation, Cutout].map(&mut uses);
        let change =
            ColorChange { brightness: uniform() - 0.5, saturation: 2.0 * uniform(), contrast: uniform() + 0.5 };
        let offset = sides.map(|side| {
            let most = (side as f64 * MAX_SHIFT).round() as i32;
            rng.random_range(-most..=most)
        });
        let [[top, height], [left, width]] = sides.map(|side| {
            let length = (side as f64 * CUTOUT).round() as usize;
            let center = rng.random_range(0..side + 1 - length % 2);
            let (start, end) = (center.saturating_sub(length / 2), (center + length - length / 2).min(side));
            [start, end - start]
        });
        View {
            color: color.then_some(change),
            shift: shift.then_some(offset),
            hole: hole.then_some(Hole { top, left, height, width }),
        }
    }
}

impl View {
    /// (1, C, H, W) with other colors.
    fn recolor<B: Backend>(&self, x: &Var<B>) -> Result<Var<B>> {
        let Some(ColorChange { brightness, saturation, contrast }) = self.color else { return Ok(x.clone()) };
        let [_, channels, ..] = x.value().nchw("color")?;
        let x = if channels == 1 {
            x.affine(1.0, brightness)?
        } else {
            // A 1×1 convolution: s·I + (1 − s)/C. Its rows add up to 1, so brightness can be added after it.
            let backend = x.value().backend();
            let rest = (1.0 - saturation) / channels as f64;
            let entry = |i: usize| if i.is_multiple_of(channels + 1) { rest + saturation } else { rest };
            let matrix: Vec<f64> = (0..channels * channels).map(entry).collect();
            let weight = Var::constant(Tensor::from_f64(backend, [channels, channels, 1, 1], &matrix)?);
            let bias = Var::constant(Tensor::full(backend, [channels], brightness)?);
            x.conv2d(&weight, Some(&bias), Conv2d { stride: 1, padding: 0 })?
        };
        Ok(x.scale(contrast)?.add(&x.mean()?.scale(1.0 - contrast)?)?)
    }

    /// (1, C, H, W) moved; zeros move in.
    fn translate<B: Backend>(&self, x: &Var<B>) -> Result<Var<B>> {
        let Some(shift) = self.shift else { return Ok(x.clone()) };
        let [_, _, height, width] = x.value().nchw("translation")?;
        let [[top, bottom], [left, right]] = shift.map(|by| [by.max(0), (-by).max(0)].map(|by| by as usize));
        // What stays inside.
        let x = x.narrow(2, bottom, height - top - bottom)?.narrow(3, right, width - left - right)?;
        Ok(x.pad2d(Pad { top, bottom, left, right }, PadMode::Zero)?)
    }

    /// (1, C, H, W) with a hole.
    fn cut<B: Backend>(&self, x: &Var<B>) -> Result<Var<B>> {
        let Some(Hole { top, left, height, width }) = self.hole else { return Ok(x.clone()) };
        let [n, channels, h, w] = x.value().nchw("cutout")?;
        let ones = Tensor::full(x.value().backend(), [n, channels, height, width], 1.0)?;
        let pad = Pad { top, bottom: h - top - height, left, right: w - left - width };
        let hole = pad2d(&ones, pad, PadMode::Zero)?;
        Ok(x.mul(&Var::constant(unary(Unary::Affine { scale: -1.0, shift: 1.0 }, &hole)?))?)
    }
}

#[cfg(test)]
mod tests {
    use asap_autograd::check::{self, Mistake};
    use asap_tensor::{Ids, Reference};

    use super::*;

    type Double = Reference<f64>;
    const SIDES: [usize; 2] = [10, 8];
    const ALL: [DiscriminatorAugmentation; 3] = [Color, Translation, Cutout];

    fn random(seed: u64, step: u64) -> Random {
        Random::new(seed, format!("generator.{step}"))
    }

    fn sampling(augment: &[DiscriminatorAugmentation], step: u64) -> Sampling<'_> {
        Sampling { augment, probability: 1.0, random: random(5, step) }
    }

    fn images(n: usize, channels: usize) -> Tensor<Double> {
        check::normal(3, "images", [n, channels, SIDES[0], SIDES[1]]).unwrap()
    }

    /// Label maps of three classes, the same for each of n pairs.
    fn labels(n: usize) -> (Input<Double>, Vec<f64>) {
        let ids: Vec<u8> = (0..SIDES[0] * SIDES[1]).map(|i| [0, 2, 1, 2, 1][i % 5]).collect();
        let ids = ids.repeat(n);
        let values = ids.iter().map(|&id| f64::from(id)).collect();
        (Input::labels(Ids::from_vec(&Reference::new(), [n, SIDES[0], SIDES[1]], ids).unwrap(), 3), values)
    }

    #[test]
    fn gradients_match_central_differences() {
        let (input, _) = labels(2);
        for augment in [&[Color][..], &[Translation], &[Cutout], &ALL] {
            for channels in [1, 2, 3] {
                let images = images(2, channels);
                let target = Target::new(images.clone());
                let seen = Seen::new(&input, &target).augmented(&sampling(augment, 1));
                assert!(seen.views.iter().all(|view| *view != View::default()));
                let see = |x: &Var<Double>| seen.with(x).and_then(|input| input.one_hot());
                let report = check::gradient(1, std::slice::from_ref(&images), |x| Ok(see(&x[0]).unwrap())).unwrap();
                assert!(report.relative_error < 1e-7, "{augment:?}, {channels} channels: {report:?}");
                for mistake in Mistake::ALL {
                    let planted = |x: &[Var<Double>]| Ok(see(&check::plant(mistake, &x[0])?).unwrap());
                    let report = check::gradient(1, std::slice::from_ref(&images), planted).unwrap();
                    assert!(report.relative_error > 1e-4, "{mistake:?}, {augment:?}: {report:?}");
                }
            }
        }
    }

    #[test]
    fn labels_move_with_the_image() {
        let (input, values) = labels(4);
        let [height, width] = SIDES;
        // The image shows the class of each pixel, so a moved or erased one still does.
        let image = Tensor::from_f64(&Reference::new(), [4, 1, height, width], &values).unwrap();
        let target = Target::new(image);
        let seen = Seen::new(&input, &target).augmented(&sampling(&[Translation, Cutout], 2));
        let x = seen.with(&target.image).unwrap().one_hot().unwrap().value().to_vec().unwrap();
        let (plane, mut erased) = (height * width, 0);
        for pair in x.chunks_exact(4 * plane) {
            for pixel in 0..plane {
                let [zero, one, two, image] = [0, 1, 2, 3].map(|channel| pair[channel * plane + pixel]);
                assert_eq!(image, one + 2.0 * two);
                erased += usize::from(zero + one + two == 0.0);
            }
        }
        // Each hole has between a quarter of its whole size and that: half of each side.
        assert!((4 * plane / 16..4 * plane / 2).contains(&erased), "{erased} of {}", 4 * plane);
    }

    #[test]
    fn views_follow_from_seed_step_and_place() {
        let (input, _) = labels(3);
        let target = Target::new(images(3, 3));
        let views = |sampling: Sampling<'_>| Seen::new(&input, &target).augmented(&sampling).views;
        let first = views(sampling(&ALL, 1));
        assert_eq!(first, views(sampling(&ALL, 1)));
        assert_ne!(first, views(sampling(&ALL, 2)));
        assert_ne!(first, views(Sampling { random: random(6, 1), ..sampling(&ALL, 1) }));
        assert!(first[0] != first[1] && first[1] != first[2]);
        let only = views(sampling(&[Cutout], 1));
        assert!(only.iter().zip(&first).all(|(only, all)| *only == View { hole: all.hole, ..View::default() }));
        let never = views(Sampling { probability: 0.0, ..sampling(&ALL, 1) });
        assert_eq!(never, [View::default(); 3]);
        let often = |probability| {
            let views = (0..200).flat_map(|step| views(Sampling { probability, ..sampling(&ALL, step) }));
            views.filter(|view| view.color.is_some()).count()
        };
        assert!((120..240).contains(&often(0.3)), "of 600 views: {}", often(0.3));
    }

    #[test]
    fn shifts_and_holes_have_the_published_sizes() {
        let (most, mut seen) = ([1, 1], [[0; 2]; 2]);
        for index in 0..500 {
            let view = sampling(&ALL, 1).view(index, 1.0, SIDES);
            for (axis, by) in view.shift.unwrap().into_iter().enumerate() {
                seen[axis] = [seen[axis][0].min(by), seen[axis][1].max(by)];
            }
            let Hole { top, left, height, width } = view.hole.unwrap();
            assert!(top + height <= 10 && left + width <= 8 && (2..=5).contains(&height) && (2..=4).contains(&width));
        }
        assert_eq!(seen, most.map(|most| [-most, most]));
    }

    #[test]
    fn colors_match_the_paper() {
        for channels in [1, 2, 3] {
            let x = images(1, channels);
            let change = ColorChange { brightness: 0.25, saturation: 0.5, contrast: 1.25 };
            let view = View { color: Some(change), ..View::default() };
            let colored = view.recolor(&Var::constant(x.clone())).unwrap().value().to_vec().unwrap();
            let (mut x, plane) = (x.to_vec().unwrap(), SIDES[0] * SIDES[1]);
            x.iter_mut().for_each(|x| *x += change.brightness);
            for pixel in 0..plane {
                let places: Vec<usize> = (0..channels).map(|channel| channel * plane + pixel).collect();
                let mean = places.iter().map(|&place| x[place]).sum::<f64>() / channels as f64;
                places.iter().for_each(|&place| x[place] = (x[place] - mean) * change.saturation + mean);
            }
            let mean = x.iter().sum::<f64>() / x.len() as f64;
            let expected = x.iter().map(|x| (x - mean) * change.contrast + mean);
            let far = colored.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(far < 1e-12, "{channels} channels: {far}");
        }
    }

    #[test]
    fn pixels_that_do_not_count_stay_zero() {
        let (input, _) = labels(2);
        let mask = Tensor::full(&Reference::new(), [2, 3, SIDES[0], SIDES[1]], 0.0).unwrap();
        let target = Target::new(images(2, 3)).with_mask(mask, 0);
        let seen = Seen::new(&input, &target).augmented(&sampling(&[Color], 1));
        let x = seen.with(&target.masked(&target.image).unwrap()).unwrap();
        assert!(x.image_channels().unwrap().value().to_vec().unwrap().iter().all(|&value| value == 0.0));
    }
}

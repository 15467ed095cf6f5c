//! Random order, crops and flips: functions of (seed, epoch, index) alone, whichever thread asks, and in whichever order.

use asap_tensor::random::stream;
use rand::Rng;

use super::pixels::Image;
use super::plane::Plane;
use super::resize::resize_nearest;
use crate::config::{DataConfig, Resize};
use crate::{Error, Result};

/// A random integer from 0 to `n - 1`. Written out, so that a seed gives the same values with every version of the `rand` crate.
fn below(rng: &mut impl Rng, n: usize) -> usize {
    ((u128::from(rng.next_u64()) * n as u128) >> 64) as usize
}

/// The order in which an epoch of training visits `len` examples.
pub fn epoch_order(seed: u64, epoch: u64, len: usize) -> Vec<usize> {
    let mut rng = stream(seed, &format!("data.order.{epoch}"));
    let mut order: Vec<usize> = (0..len).collect();
    for last in (1..len).rev() {
        order.swap(last, below(&mut rng, last + 1));
    }
    order
}

/// Number of equal steps between the smallest and the largest factor of `data.load_jitter`.
const STEPS: usize = 1 << 20;

/// The key of one random augmentation: the resizing, crop and flip of one example in one epoch of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Augmentation {
    /// The run's seed.
    pub seed: u64,
    /// The epoch.
    pub epoch: u64,
    /// The example's index in its [`Source`](super::Source).
    pub index: usize,
}

impl Augmentation {
    /// [height, width] to resize to before the crop.
    fn load_size(self, data: &DataConfig) -> [usize; 2] {
        let (load_size, jitter) = (data.load_size.unwrap_or(data.size), data.load_jitter);
        if jitter == 1.0 {
            return load_size;
        }
        let Augmentation { seed, epoch, index } = self;
        // A stream of its own leaves crops and flips as they were.
        let mut rng = stream(seed, &format!("data.load_size.{epoch}.{index}"));
        let share = below(&mut rng, STEPS + 1) as f64 / STEPS as f64;
        let factor = 1.0 / jitter + share * (jitter - 1.0 / jitter);
        [0, 1].map(|axis| ((load_size[axis] as f64 * factor).round() as usize).max(data.size[axis]))
    }

    /// The resizing, crop and flip of an example of [height, width] in words.
    ///
    /// # Errors
    /// As [`Example::prepare`](super::Example::prepare).
    pub fn describe(self, name: &str, raw: [usize; 2], data: &DataConfig) -> Result<String> {
        let Placement { resized: [height, width], left, top, size, flip } =
            Placement::new(name, raw, data, Some(self))?;
        let mut parts = Vec::new();
        if [height, width] != raw {
            parts.push(format!("resized to {width}×{height}"));
        }
        if [height, width] != size {
            parts.push(format!("cropped {}×{} at ({left}, {top})", size[1], size[0]));
        }
        parts.extend(flip.then(|| "flipped".to_owned()));
        Ok(if parts.is_empty() { "as it is".into() } else { parts.join(", ") })
    }
}

/// How all maps of one example get their final size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placement {
    /// [height, width] to resize to.
    resized: [usize; 2],
    /// Upper left pixel of the crop.
    left: usize,
    top: usize,
    /// [height, width] of the crop.
    size: [usize; 2],
    flip: bool,
}

impl Placement {
    /// Random with an `augmentation`, as in training; fixed without, as in validation. See [`Resize`].
    ///
    /// # Errors
    /// [`Error::Data`] naming the example where it is smaller than its crop ([`Resize::Crop`]) or hasn't the final size ([`Resize::None`]).
    pub fn new(
        name: &str,
        raw: [usize; 2],
        data: &DataConfig,
        augmentation: Option<Augmentation>,
    ) -> Result<Placement> {
        let size = data.size;
        let resized = match data.resize {
            Resize::Fixed => size,
            Resize::ResizeAndCrop => match augmentation {
                Some(augmentation) => augmentation.load_size(data),
                None => size,
            },
            Resize::Crop | Resize::None => raw,
        };
        let too_small = resized[0] < size[0] || resized[1] < size[1];
        if too_small || (data.resize == Resize::None && raw != size) {
            let needs = if too_small { "smaller than" } else { "not" };
            return Err(Error::Data {
                file: name.into(),
                problem: format!(
                    "is {}×{} pixels, {needs} the {}×{} of data.size; set data.resize to \"resize-and-crop\" or \"fixed\", or change data.size",
                    raw[1], raw[0], size[1], size[0]
                ),
            });
        }
        let (rows, columns) = (resized[0] - size[0], resized[1] - size[1]);
        let Some(Augmentation { seed, epoch, index }) = augmentation else {
            return Ok(Placement { resized, left: columns / 2, top: rows / 2, size, flip: false });
        };
        // Always three random values, so that switching the flip off leaves the crops as they were.
        let mut rng = stream(seed, &format!("data.augmentation.{epoch}.{index}"));
        let left = below(&mut rng, columns + 1);
        let top = below(&mut rng, rows + 1);
        let flip = below(&mut rng, 2) == 1 && data.flip;
        Ok(Placement { resized, left, top, size, flip })
    }

    /// Cuts a rectangle of a map of size `raw`, from this column on.
    pub fn columns(raw: [usize; 2], left: usize, width: usize) -> Placement {
        Placement { resized: raw, left, top: 0, size: [raw[0], width], flip: false }
    }

    /// Resizes only.
    pub fn resize(size: [usize; 2]) -> Placement {
        Placement { resized: size, left: 0, top: 0, size, flip: false }
    }

    /// For ids.
    pub fn nearest<T: Copy>(&self, map: &Plane<T>) -> Plane<T> {
        self.cut(resize_nearest(map, self.resized[0], self.resized[1]))
    }

    /// For images: bicubic or nearest.
    pub fn image(&self, image: &Image, nearest: bool) -> Image {
        let placed = image.resize(self.resized, nearest);
        let [height, width] = self.size;
        let placed = if placed.size() == self.size { placed } else { placed.crop(self.left, self.top, height, width) };
        if self.flip { placed.flip() } else { placed }
    }

    fn cut<T: Copy>(&self, resized: Plane<T>) -> Plane<T> {
        let mut placed = resized.crop(self.left, self.top, self.size[0], self.size[1]);
        if self.flip {
            placed.flip();
        }
        placed
    }
}

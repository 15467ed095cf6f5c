//! Random order, crops and flips: functions of (seed, epoch, index) alone, whatever was drawn before and on whichever thread.

use asap_tensor::random::stream;
use rand::Rng;

use super::options::{DataOptions, Resize};
use super::plane::{Picture, Plane};
use super::resize::{resize_labels, resize_picture};
use crate::{Error, Result};

/// A number from 0 to `n - 1`. Written out, so that a seed means the same with every version of the `rand` crate.
fn below(rng: &mut impl Rng, n: usize) -> usize {
    ((u128::from(rng.next_u64()) * n as u128) >> 64) as usize
}

/// The order in which an epoch of training visits `len` pictures.
pub fn epoch_order(seed: u64, epoch: u64, len: usize) -> Vec<usize> {
    let mut rng = stream(seed, &format!("data.order.{epoch}"));
    let mut order: Vec<usize> = (0..len).collect();
    for last in (1..len).rev() {
        order.swap(last, below(&mut rng, last + 1));
    }
    order
}

/// Names the random crop and flip of one picture in one epoch of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// The run's seed.
    pub seed: u64,
    /// The epoch.
    pub epoch: u64,
    /// The picture's index in its [`Source`](super::Source).
    pub index: usize,
}

/// How one picture, and all maps that belong to it, get their final size.
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
    /// In validation (`draw` is `None`) a resize to the final size; in training what the options say.
    ///
    /// # Errors
    /// [`Error::Data`] naming the picture where it is too flat to be cropped after [`Resize::ScaleWidthAndCrop`].
    pub fn new(name: &str, raw: [usize; 2], options: &DataOptions, draw: Option<Draw>) -> Result<Placement> {
        let size = options.size;
        let Some(Draw { seed, epoch, index }) = draw else {
            return Ok(Placement { resized: size, left: 0, top: 0, size, flip: false });
        };
        let resized = match options.resize {
            Resize::Fixed => size,
            Resize::ResizeAndCrop => options.load_size,
            Resize::ScaleWidthAndCrop => {
                let width = options.load_size[1];
                [width * raw[0] / raw[1], width]
            }
        };
        if resized[0] < size[0] || resized[1] < size[1] {
            return Err(Error::Data {
                file: name.into(),
                problem: format!(
                    "is {}×{} pixels; scaled to {}×{} it is smaller than the crop of {}×{}; raise data.load_size, or set data.resize otherwise",
                    raw[1], raw[0], resized[1], resized[0], size[1], size[0]
                ),
            });
        }
        // Always three numbers, so that switching the flip off leaves the crops as they were.
        let mut rng = stream(seed, &format!("data.augmentation.{epoch}.{index}"));
        let left = below(&mut rng, resized[1] - size[1] + 1);
        let top = below(&mut rng, resized[0] - size[0] + 1);
        let flip = below(&mut rng, 2) == 1 && options.flip;
        Ok(Placement { resized, left, top, size, flip })
    }

    /// For photos: bicubic.
    pub fn picture(&self, picture: &Picture) -> Picture {
        let resized = resize_picture(picture, self.resized[0], self.resized[1]);
        let mut placed = resized.crop(self.left, self.top, self.size[0], self.size[1]);
        if self.flip {
            placed.flip();
        }
        placed
    }

    /// For ids: nearest.
    pub fn ids<T: Copy>(&self, map: &Plane<T>) -> Plane<T> {
        let resized = resize_labels(map, self.resized[0], self.resized[1]);
        let mut placed = resized.crop(self.left, self.top, self.size[0], self.size[1]);
        if self.flip {
            placed.flip();
        }
        placed
    }
}

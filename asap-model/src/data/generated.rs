//! Synthetic sources, generated on demand.

use super::dataset::{Raw, RawInput, Source};
use super::plane::Picture;
use super::synthetic::{Facade, Scene, facade, scene};
use crate::Result;

/// Synthetic facades of one size, generated from a seed on demand. For validation use the facades after those of the training, as
/// [`synthetic::write`](super::synthetic::write) does: `first` = the training's `count`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntheticFacades {
    /// The seed.
    pub seed: u64,
    /// Index of the first facade.
    pub first: u64,
    /// Number of pairs.
    pub count: usize,
    /// [height, width].
    pub size: [usize; 2],
}

impl Source for SyntheticFacades {
    fn len(&self) -> usize {
        self.count
    }

    fn raw(&self, index: usize) -> Result<Raw> {
        let number = self.first + index as u64;
        let Facade { labels, image } = facade(self.seed, number, self.size[0], self.size[1]);
        let (input, image) = (RawInput::Labels(labels), Picture::Rgb(image));
        Ok(Raw { name: format!("synth_{number:05}"), input, instances: None, image })
    }
}

/// Synthetic scenes of one size with depth; otherwise like [`SyntheticFacades`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntheticScenes {
    /// The seed.
    pub seed: u64,
    /// Index of the first scene.
    pub first: u64,
    /// Number of pairs.
    pub count: usize,
    /// [height, width].
    pub size: [usize; 2],
}

impl Source for SyntheticScenes {
    fn len(&self) -> usize {
        self.count
    }

    fn raw(&self, index: usize) -> Result<Raw> {
        let number = self.first + index as u64;
        let Scene { image, depth } = scene(self.seed, number, self.size[0], self.size[1]);
        let (input, image) = (RawInput::Rgb(Picture::Rgb(image)), Picture::Gray16(depth));
        Ok(Raw { name: format!("synth_{number:05}"), input, instances: None, image })
    }
}

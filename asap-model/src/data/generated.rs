//! Synthetic sources, generated on demand.

use super::dataset::{Raw, RawInput, Source};
use super::plane::{Picture, Plane};
use super::synthetic::{facade, scene};
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
        let drawn = facade(self.seed, number, self.size[0], self.size[1]);
        let (height, width) = (drawn.height, drawn.width);
        let image = drawn.image.as_chunks::<3>().0.to_vec();
        Ok(Raw {
            name: format!("synth_{number:05}"),
            input: RawInput::Labels(Plane { height, width, data: drawn.labels }),
            instances: None,
            image: Picture::Rgb(Plane { height, width, data: image }),
        })
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
        let drawn = scene(self.seed, number, self.size[0], self.size[1]);
        let (height, width) = (drawn.height, drawn.width);
        Ok(Raw {
            name: format!("synth_{number:05}"),
            input: RawInput::Rgb(Picture::Rgb(Plane { height, width, data: drawn.image })),
            instances: None,
            image: Picture::Gray16(Plane { height, width, data: drawn.depth }),
        })
    }
}

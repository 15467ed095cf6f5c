//! Synthetic examples, generated on demand.

use super::dataset::Source;
use super::example::{Channels, Example, HostInput};
use super::pixels::Image;
use super::synthetic::{Facade, Kind, Scene, facade, scene};
use crate::Result;

/// Synthetic pairs of one size, generated from a seed on demand. For validation use those after the training's, as
/// [`synthetic::write`](super::synthetic::write) does: `first` = the training's `count`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synthetic {
    /// Facades from labels to RGB, or scenes from RGB to depth.
    pub kind: Kind,
    /// The seed.
    pub seed: u64,
    /// Index of the first pair.
    pub first: u64,
    /// Number of pairs.
    pub count: usize,
    /// [height, width].
    pub size: [usize; 2],
}

impl Source for Synthetic {
    fn len(&self) -> usize {
        self.count
    }

    fn get(&self, index: usize) -> Result<Example> {
        let number = self.first + index as u64;
        let [height, width] = self.size;
        let (channels, target) = match self.kind {
            Kind::Facades => {
                let Facade { labels, image } = facade(self.seed, number, height, width);
                (Channels::Labels(labels), image.into())
            }
            Kind::Scenes => {
                let Scene { image, depth } = scene(self.seed, number, height, width);
                (Channels::Image(image.into()), Image::gray16(depth))
            }
        };
        Ok(Example { input: HostInput { name: format!("synth_{number:05}"), channels, instances: None }, target })
    }
}

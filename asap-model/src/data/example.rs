//! One example in host memory: what a network is given, and what it is to return. Batches of them.

use super::augment::{Augmentation, Placement};
use super::pixels::Image;
use super::plane::{InstanceMap, LabelMap};
use crate::Result;
use crate::config::DataConfig;

/// A generator's input. All maps have one size.
#[derive(Clone, Debug, PartialEq)]
pub struct HostInput {
    /// Name in outputs and messages.
    pub name: String,
    /// What its pixels are.
    pub channels: Channels,
    /// Instance ids, if `data.instances`; networks are given their edges.
    pub instances: Option<InstanceMap>,
}

/// Labels or image channels.
#[derive(Clone, Debug, PartialEq)]
pub enum Channels {
    /// A map of class ids.
    Labels(LabelMap),
    /// An image.
    Image(Image),
}

/// An input with its target: a pair of a dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// What the generator is given.
    pub input: HostInput,
    /// What it is to return: an image or a depth map, of the input's size.
    pub target: Image,
}

/// Examples of one size.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The epoch it belongs to.
    pub epoch: u64,
    /// Its index in the epoch, from 0.
    pub index: usize,
    /// The examples.
    pub examples: Vec<Example>,
}

impl HostInput {
    /// [height, width].
    pub fn size(&self) -> [usize; 2] {
        match &self.channels {
            Channels::Labels(map) => map.size(),
            Channels::Image(image) => image.size(),
        }
    }

    /// Resized: images bicubic, ids nearest.
    pub fn resize(&self, size: [usize; 2]) -> HostInput {
        self.place(&Placement::resize(size))
    }

    /// At `data.size`, as in validation: see [`Example::prepare`].
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data) if the input is smaller than its crop.
    pub fn prepare(&self, data: &DataConfig) -> Result<HostInput> {
        Ok(self.place(&Placement::new(&self.name, self.size(), data, None)?))
    }

    /// See [`Plane::pad_to`](super::Plane::pad_to).
    pub fn pad_to(&self, size: [usize; 2]) -> HostInput {
        let channels = match &self.channels {
            Channels::Labels(map) => Channels::Labels(map.pad_to(size)),
            Channels::Image(image) => Channels::Image(image.pad_to(size)),
        };
        HostInput { name: self.name.clone(), channels, instances: self.instances.as_ref().map(|map| map.pad_to(size)) }
    }

    fn place(&self, placement: &Placement) -> HostInput {
        let channels = match &self.channels {
            Channels::Labels(map) => Channels::Labels(placement.nearest(map)),
            Channels::Image(image) => Channels::Image(placement.image(image, false)),
        };
        let instances = self.instances.as_ref().map(|map| placement.nearest(map));
        HostInput { name: self.name.clone(), channels, instances }
    }
}

impl Example {
    /// Resized: images bicubic, ids and depths nearest.
    pub fn resize(&self, size: [usize; 2]) -> Example {
        let placement = Placement::resize(size);
        Example { input: self.input.place(&placement), target: placement.image(&self.target, true) }
    }

    /// At its final size: with an `augmentation` as in training (random crop and flip), without one as in validation (resized
    /// to `data.size`). Images are resized bicubic and ids nearest; depth maps bicubic, or nearest if `data.depth_invalid` is
    /// set, so that no depth is blended with that level.
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data) if the image is smaller than its crop.
    pub fn prepare(&self, data: &DataConfig, augmentation: Option<Augmentation>) -> Result<Example> {
        let placement = Placement::new(&self.input.name, self.target.size(), data, augmentation)?;
        let target = placement.image(&self.target, data.has_unmeasured());
        Ok(Example { input: self.input.place(&placement), target })
    }
}

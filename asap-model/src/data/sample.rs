//! A prepared picture, and several of them stacked for a network.

use std::path::Path;

use super::augment::{Draw, Placement};
use super::dataset::{Raw, RawInput};
use super::fault::Fault;
use super::plane::instance_edges;
use crate::config::{DataConfig, DepthScale};
use crate::{Error, Result};

/// What the generator is fed, in host memory.
#[derive(Clone, Debug, PartialEq)]
pub enum InputData {
    /// Class ids (B, 1, H, W).
    Labels(Vec<u8>),
    /// Colours (B, 3, H, W) in [−1, 1].
    Rgb(Vec<f32>),
}

/// One picture in its final size.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What the picture is called.
    pub name: String,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// What the generator is fed: (1, H, W) ids or (3, H, W) colours.
    pub input: InputData,
    /// The instance edge map (1, H, W), 0 or 1, where there are instances.
    pub edges: Option<Vec<f32>>,
    /// What it is to draw: (C, H, W) in [−1, 1], C = 3, or 1 for depth.
    pub image: Vec<f32>,
    /// 1 where a depth was measured, 0 where not, (1, H, W), where the configuration has a level that says so. What
    /// `image` holds where none was has no meaning.
    pub mask: Option<Vec<f32>>,
}

/// Brings a picture and its maps to their final size: with a `draw` as in training (random crop and flip as the configuration says), without
/// one as in validation (resized to `size`). Photos are resized bicubic, ids nearest, and edges are found afterwards; depth maps bicubic,
/// but nearest where a level means "not measured".
///
/// # Errors
/// [`Error::Data`] naming the picture where it is too flat for its crop.
pub fn prepare(raw: &Raw, data: &DataConfig, draw: Option<Draw>) -> Result<Sample> {
    let placement = Placement::new(&raw.name, raw.image.size(), data, draw)?;
    let input = match &raw.input {
        RawInput::Labels(map) => InputData::Labels(placement.ids(map).data),
        RawInput::Rgb(picture) => InputData::Rgb(placement.picture(picture).to_signed_unit()),
    };
    let (image, mask) = match data.depth() {
        None => (placement.picture(&raw.image).to_signed_unit(), None),
        Some(scale @ DepthScale { invalid: None, .. }) => {
            (placement.picture(&raw.image).depth_to_signed_unit(&scale), None)
        }
        Some(scale @ DepthScale { invalid: Some(invalid), .. }) => {
            let map = placement.measured(&raw.image);
            let measured = |level: u16| if level == invalid { 0.0 } else { 1.0 };
            let mask = map.levels().map(|(levels, _)| levels.into_iter().map(measured).collect());
            (map.depth_to_signed_unit(&scale), mask)
        }
    };
    Ok(Sample {
        name: raw.name.clone(),
        height: data.size[0],
        width: data.size[1],
        input,
        edges: raw.instances.as_ref().map(|map| instance_edges(&placement.ids(map))),
        image,
        mask,
    })
}

/// Several pictures of one size, the first axis of every array.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The epoch it belongs to.
    pub epoch: u64,
    /// Its place in the epoch, from 0.
    pub index: usize,
    /// What the pictures are called; as many as there are pictures, B.
    pub names: Vec<String>,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// What the generator is fed.
    pub input: InputData,
    /// The instance edge maps (B, 1, H, W), 0 or 1, where there are instances.
    pub edges: Option<Vec<f32>>,
    /// What it is to draw: (B, C, H, W) in [−1, 1].
    pub image: Vec<f32>,
    /// C: 3, or 1 for depth.
    pub image_channels: usize,
    /// 1 where a depth was measured, 0 where not, (B, 1, H, W); see [`Sample::mask`].
    pub mask: Option<Vec<f32>>,
}

impl Batch {
    /// Stacks pictures of one size.
    ///
    /// # Errors
    /// [`Error::Data`] naming the picture that doesn't hold what the first one holds, or if there is none.
    pub fn stack(epoch: u64, index: usize, samples: Vec<Sample>) -> Result<Batch> {
        let mut samples = samples.into_iter();
        let Some(first) = samples.next() else {
            return Err(Fault::new(Path::new("batch"), "has no pictures").into());
        };
        let image_len = first.image.len();
        let mut batch = Batch {
            epoch,
            index,
            names: vec![first.name],
            height: first.height,
            width: first.width,
            image_channels: first.image.len() / (first.height * first.width),
            input: first.input,
            edges: first.edges,
            image: first.image,
            mask: first.mask,
        };
        for sample in samples {
            let same_size = (sample.height, sample.width, sample.image.len()) == (batch.height, batch.width, image_len);
            match (&mut batch.input, sample.input) {
                (InputData::Labels(all), InputData::Labels(one)) if same_size => all.extend(one),
                (InputData::Rgb(all), InputData::Rgb(one)) if same_size => all.extend(one),
                _ => return Err(unlike(&sample.name, "input or size")),
            }
            let maps = [(&mut batch.edges, sample.edges, "instance map"), (&mut batch.mask, sample.mask, "mask")];
            for (all, one, what) in maps {
                match (all, one) {
                    (Some(all), Some(one)) => all.extend(one),
                    (None, None) => {}
                    _ => return Err(unlike(&sample.name, what)),
                }
            }
            batch.names.push(sample.name);
            batch.image.extend(sample.image);
        }
        Ok(batch)
    }

    /// The number of pictures, B.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are no pictures; a loader never makes such a batch.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

fn unlike(name: &str, what: &str) -> Error {
    Fault::new(Path::new(name), format!("differs in {what} from the other pictures of its batch")).into()
}

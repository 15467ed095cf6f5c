//! Prepared pairs, and batches of them.

use std::path::Path;

use super::augment::{Augmentation, Placement};
use super::dataset::{Raw, RawInput};
use super::plane::instance_edges;
use super::problem::Problem;
use crate::config::{DataConfig, DepthScale};
use crate::{Error, Result};

/// The generator's input in host memory.
#[derive(Clone, Debug, PartialEq)]
pub enum InputData {
    /// Class ids (B, 1, H, W).
    Labels(Vec<u8>),
    /// Colors (B, 3, H, W) in [−1, 1].
    Rgb(Vec<f32>),
}

/// One pair at its final size.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The name of the pair.
    pub name: String,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// The generator's input: (1, H, W) ids or (3, H, W) colors.
    pub input: InputData,
    /// The instance edge map (1, H, W), 0 or 1, if `data.instances`.
    pub edges: Option<Vec<f32>>,
    /// The target image (C, H, W) in [−1, 1]: C = 3, or 1 for depth.
    pub image: Vec<f32>,
    /// 1 where the depth was measured, else 0, (1, H, W), if `data.depth_invalid` is set. Ignore `image` where it is 0.
    pub mask: Option<Vec<f32>>,
}

/// Brings a pair to its final size: with an `augmentation` as in training (random crop and flip), without one as in validation
/// (resized to `data.size`). Photos are resized bicubic and ids nearest, and edges are computed afterwards. Depth maps are resized
/// bicubic, or nearest if `data.depth_invalid` is set.
///
/// # Errors
/// [`Error::Data`] if the picture is smaller than its crop.
pub fn prepare(raw: &Raw, data: &DataConfig, augmentation: Option<Augmentation>) -> Result<Sample> {
    let placement = Placement::new(&raw.name, raw.image.size(), data, augmentation)?;
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

/// Several pairs of one size, stacked on the first axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The epoch it belongs to.
    pub epoch: u64,
    /// Its index in the epoch, from 0.
    pub index: usize,
    /// The names of the pairs, B of them.
    pub names: Vec<String>,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// The generator's input.
    pub input: InputData,
    /// The instance edge maps (B, 1, H, W), 0 or 1, if `data.instances`.
    pub edges: Option<Vec<f32>>,
    /// The target images (B, C, H, W) in [−1, 1].
    pub image: Vec<f32>,
    /// C: 3, or 1 for depth.
    pub image_channels: usize,
    /// The masks (B, 1, H, W); see [`Sample::mask`].
    pub mask: Option<Vec<f32>>,
}

impl Batch {
    /// Stacks pairs of one size.
    pub fn stack(epoch: u64, index: usize, samples: Vec<Sample>) -> Result<Batch> {
        let mut samples = samples.into_iter();
        let Some(first) = samples.next() else {
            return Err(Problem::new(Path::new("batch"), "has no pictures").into());
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

    /// The batch size, B.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether the batch is empty; a loader never returns such a batch.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

fn unlike(name: &str, what: &str) -> Error {
    Problem::new(Path::new(name), format!("differs in {what} from the rest of its batch")).into()
}

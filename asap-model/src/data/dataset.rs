//! A source of pictures, and the one that reads them from a folder.

use std::path::{Path, PathBuf};

use super::decode::{is_jpeg, read_depth, read_instances, read_labels, read_photo};
use super::fault::Fault;
use super::layout::{Pair, Split, discover_pairs};
use super::plane::{InstanceMap, LabelMap, Picture};
use crate::Result;
use crate::config::{DataConfig, DepthScale, Input};

/// A source of pictures with what belongs to them. Loaders read it from several threads.
pub trait Source: Send + Sync {
    /// How many pictures there are.
    fn len(&self) -> usize;

    /// Picture `index`, from 0 to `len() - 1`, in its own size.
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data) or [`Error::Io`](crate::Error::Io) if it can't be read.
    fn raw(&self, index: usize) -> Result<Raw>;

    /// Whether there are no pictures.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One picture as it is stored: all maps have the size of the image.
#[derive(Clone, Debug, PartialEq)]
pub struct Raw {
    /// What the picture is called in outputs and messages.
    pub name: String,
    /// What the generator is fed.
    pub input: RawInput,
    /// Instance ids, where the configuration asks for them.
    pub instances: Option<InstanceMap>,
    /// What it is to draw.
    pub image: Picture,
}

/// What the generator is fed, as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub enum RawInput {
    /// A map of class ids.
    Labels(LabelMap),
    /// An RGB picture.
    Rgb(Picture),
}

impl RawInput {
    /// [height, width].
    pub fn size(&self) -> [usize; 2] {
        match self {
            RawInput::Labels(map) => [map.height, map.width],
            RawInput::Rgb(picture) => picture.size(),
        }
    }
}

/// One split of a data set in a folder.
#[derive(Clone, Debug)]
pub struct DataSet {
    dir: PathBuf,
    data: DataConfig,
    pairs: Vec<Pair>,
}

impl DataSet {
    /// Finds the pairs of a split; reads no picture. Where plain pairs have neither a `train` nor a `val` folder, both splits are all
    /// pairs (see [`is_split`](super::is_split)).
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data) for the first missing folder, missing partner or doubled name;
    /// [`Error::Config`](crate::Error::Config) for a configuration that can't be used.
    pub fn discover(dir: &Path, data: &DataConfig, split: Split) -> Result<DataSet> {
        let pairs = discover_pairs(dir, data, split)?;
        Ok(DataSet { dir: dir.to_path_buf(), data: data.clone(), pairs })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The pairs, in order of their names.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// Keeps the first `count` pairs.
    pub fn truncate(&mut self, count: usize) {
        self.pairs.truncate(count);
    }
}

impl Source for DataSet {
    fn len(&self) -> usize {
        self.pairs.len()
    }

    fn raw(&self, index: usize) -> Result<Raw> {
        let pair = &self.pairs[index];
        let input = read_input(&pair.input, &self.data)?;
        let image = read_target(&pair.image, &self.data)?;
        let instances = pair.instances.as_deref().map(read_instances).transpose()?;
        if let Some(fault) = size_faults(pair, input.size(), image.size(), instances.as_ref()).into_iter().next() {
            return Err(fault.into());
        }
        Ok(Raw { name: pair.name.clone(), input, instances, image })
    }
}

/// Reads a label map, or an RGB input, as the configuration says.
///
/// # Errors
/// As [`read_labels`] and [`read_photo`].
pub fn read_input(file: &Path, data: &DataConfig) -> Result<RawInput> {
    match data.input {
        Input::Labels => read_labels(file, data.classes).map(RawInput::Labels),
        Input::Rgb => read_photo(file).map(|photo| RawInput::Rgb(Picture::Rgb(photo))),
    }
}

/// Reads a photo, or a depth map, as the configuration says.
///
/// # Errors
/// As [`read_photo`] and [`read_depth`]; [`Error::Data`](crate::Error::Data) for a depth map of 8 bits that can't hold what the
/// configuration says of its levels, or a JPEG where it names one that means "not measured".
pub fn read_target(file: &Path, data: &DataConfig) -> Result<Picture> {
    let Some(scale) = data.depth() else { return read_photo(file).map(Picture::Rgb) };
    let map = read_depth(file)?;
    let most = map.levels().map_or(u16::MAX, |(_, most)| most);
    let full = scale.full_level(most.into());
    let problem = match scale {
        DepthScale { invalid: Some(invalid), .. } if most < u16::MAX && is_jpeg(file)? => {
            format!("is a JPEG, in which data.depth_invalid = {invalid} and the depths beside it blur; save it as PNG")
        }
        DepthScale { per_unit: Some(per_unit), max, .. } if most < u16::MAX && full > most.into() => format!(
            "has 8 bits, so depths of at most {}, where data.depth_max is {max} with data.depth_scale = {per_unit}; save it with 16 \
             bits, or set both keys as its levels are meant",
            f64::from(most) / per_unit
        ),
        DepthScale { invalid: Some(invalid), .. } if invalid > most => {
            format!(
                "has 8 bits, in which data.depth_invalid = {invalid} does not occur; save it with 16 bits, or set the key"
            )
        }
        _ => return Ok(map),
    };
    Err(Fault::new(file, problem).into())
}

/// Faults of maps whose size is not the image's.
pub(crate) fn size_faults(
    pair: &Pair,
    input: [usize; 2],
    image: [usize; 2],
    instances: Option<&InstanceMap>,
) -> Vec<Fault> {
    let differs = |file: &Path, [height, width]: [usize; 2]| {
        ([height, width] != image).then(|| {
            Fault::new(
                file,
                format!(
                    "is {width}×{height} pixels, but {} is {}×{}; a pair has one size",
                    pair.image.display(),
                    image[1],
                    image[0]
                ),
            )
        })
    };
    let instances = pair.instances.as_deref().zip(instances);
    let instances = instances.and_then(|(file, map)| differs(file, [map.height, map.width]));
    differs(&pair.input, input).into_iter().chain(instances).collect()
}

//! Sources of training pairs, and the one that reads a folder.

use std::path::{Path, PathBuf};

use super::decode::{is_jpeg, read_depth, read_instances, read_labels, read_photo};
use super::layout::{Pair, Split, discover_pairs};
use super::plane::{InstanceMap, LabelMap, Picture};
use super::problem::Problem;
use crate::Result;
use crate::config::{DataConfig, DepthScale, Input};

/// A source of pairs: input and target image. Loaders read it from several threads.
pub trait Source: Send + Sync {
    /// Number of pairs.
    fn len(&self) -> usize;

    /// Pair `index`, from 0 to `len() - 1`, at its native size.
    fn raw(&self, index: usize) -> Result<Raw>;

    /// Whether there are no pairs.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One pair as stored. All maps have the size of the image.
#[derive(Clone, Debug, PartialEq)]
pub struct Raw {
    /// Name in outputs and messages.
    pub name: String,
    /// The generator's input.
    pub input: RawInput,
    /// Instance ids, if `data.instances`.
    pub instances: Option<InstanceMap>,
    /// The target image.
    pub image: Picture,
}

/// The generator's input, as stored.
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

/// One split of a dataset in a folder.
#[derive(Clone, Debug)]
pub struct Dataset {
    dir: PathBuf,
    data: DataConfig,
    pairs: Vec<Pair>,
}

impl Dataset {
    /// Finds the pairs of a split without reading them. If plain pairs have neither a `train` nor a `val` folder, both splits are
    /// all pairs (see [`is_split`](super::is_split)).
    pub fn discover(dir: &Path, data: &DataConfig, split: Split) -> Result<Dataset> {
        let pairs = discover_pairs(dir, data, split)?;
        Ok(Dataset { dir: dir.to_path_buf(), data: data.clone(), pairs })
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

impl Source for Dataset {
    fn len(&self) -> usize {
        self.pairs.len()
    }

    fn raw(&self, index: usize) -> Result<Raw> {
        let pair = &self.pairs[index];
        let input = read_input(&pair.input, &self.data)?;
        let image = read_target(&pair.image, &self.data)?;
        let instances = pair.instances.as_deref().map(read_instances).transpose()?;
        if let Some(problem) = size_problems(pair, input.size(), image.size(), instances.as_ref()).into_iter().next() {
            return Err(problem.into());
        }
        Ok(Raw { name: pair.name.clone(), input, instances, image })
    }
}

/// Reads a label map or an RGB input, according to `data.input`.
pub fn read_input(file: &Path, data: &DataConfig) -> Result<RawInput> {
    match data.input {
        Input::Labels => read_labels(file, data.classes).map(RawInput::Labels),
        Input::Rgb => read_photo(file).map(|photo| RawInput::Rgb(Picture::Rgb(photo))),
    }
}

/// Reads a photo or a depth map, according to `data.output`.
pub fn read_target(file: &Path, data: &DataConfig) -> Result<Picture> {
    let Some(scale) = data.depth() else { return read_photo(file).map(Picture::Rgb) };
    let map = read_depth(file)?;
    let most = map.levels().map_or(u16::MAX, |(_, most)| most);
    let full = scale.full_level(most.into());
    let problem = match scale {
        DepthScale { invalid: Some(invalid), .. } if most < u16::MAX && is_jpeg(file)? => {
            format!(
                "is a JPEG, whose compression blurs data.depth_invalid = {invalid} with the depths next to it; save it as PNG"
            )
        }
        DepthScale { per_unit: Some(per_unit), max, .. } if most < u16::MAX && full > most.into() => format!(
            "has 8 bits, which reach a depth of {}, but data.depth_max = {max} with data.depth_scale = {per_unit}; save it with 16 \
             bits, or set both keys to match its levels",
            f64::from(most) / per_unit
        ),
        DepthScale { invalid: Some(invalid), .. } if invalid > most => {
            format!(
                "has 8 bits, which cannot hold data.depth_invalid = {invalid}; save it with 16 bits or change the key"
            )
        }
        _ => return Ok(map),
    };
    Err(Problem::new(file, problem).into())
}

/// Problems of maps whose size differs from the image's.
pub(crate) fn size_problems(
    pair: &Pair,
    input: [usize; 2],
    image: [usize; 2],
    instances: Option<&InstanceMap>,
) -> Vec<Problem> {
    let differs = |file: &Path, [height, width]: [usize; 2]| {
        ([height, width] != image).then(|| {
            Problem::new(
                file,
                format!(
                    "is {width}×{height} pixels, but {} is {}×{}; both files of a pair must have the same size",
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

//! Sources of examples, and the one that reads a folder.

use std::path::Path;

use super::decode::{is_jpeg, read_instances, read_photo, read_picture};
use super::example::{Channels, Example, HostInput};
use super::labels::read_label_map;
use super::layout::{ExampleFiles, Split, discover};
use super::plane::Picture;
use super::problem::Problem;
use crate::Result;
use crate::config::{DataConfig, DepthScale, InputKind};

/// A source of examples. Loaders read it from several threads.
pub trait Source: Send + Sync {
    /// Number of examples.
    fn len(&self) -> usize;

    /// Example `index`, from 0 to `len() - 1`, at its native size.
    fn get(&self, index: usize) -> Result<Example>;

    /// Whether there are no examples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One split of a dataset in a folder.
#[derive(Clone, Debug)]
pub struct Dataset {
    data: DataConfig,
    files: Vec<ExampleFiles>,
}

impl Dataset {
    /// Finds the pairs of a split without reading them. If plain pairs have neither a `train` nor a `val` folder, both splits are
    /// all pairs (see [`is_split`](super::is_split)).
    pub fn discover(dir: &Path, data: &DataConfig, split: Split) -> Result<Dataset> {
        Ok(Dataset { data: data.clone(), files: discover(dir, data, split, true)? })
    }

    /// The files of each pair, in order of their names.
    pub fn files(&self) -> &[ExampleFiles] {
        &self.files
    }
}

impl Source for Dataset {
    fn len(&self) -> usize {
        self.files.len()
    }

    fn get(&self, index: usize) -> Result<Example> {
        let files = &self.files[index];
        let input = files.read_input(&self.data)?;
        let file = files.target()?;
        let target = read_target(file, &self.data)?;
        match size_problem(&files.input, input.size(), file, target.size()) {
            Some(problem) => Err(problem.into()),
            None => Ok(Example { input, target }),
        }
    }
}

impl ExampleFiles {
    /// Reads the input: a label map or an RGB image, according to `data.input`, and the instance map.
    pub fn read_input(&self, data: &DataConfig) -> Result<HostInput> {
        let channels = match data.input {
            InputKind::Labels => Channels::Labels(read_label_map(&self.input, data)?),
            InputKind::Rgb => Channels::Rgb(read_photo(&self.input)?),
        };
        let instances = self.instances.as_deref().map(read_instances).transpose()?;
        let input = HostInput { name: self.name.clone(), channels, instances };
        if let (Some(file), Some(map)) = (&self.instances, &input.instances)
            && let Some(problem) = size_problem(file, map.size(), &self.input, input.size())
        {
            return Err(problem.into());
        }
        Ok(input)
    }

    /// The target's file.
    pub(crate) fn target(&self) -> Result<&Path> {
        self.target.as_deref().ok_or_else(|| Problem::new(&self.input, "has no target").into())
    }
}

/// Reads the target of a pair, a photo or a depth map according to `data.output`, and checks that the file's levels suit the
/// depth keys.
pub fn read_target(file: &Path, data: &DataConfig) -> Result<Picture> {
    let picture = read_picture(file, data.output)?;
    let Some(scale) = data.depth() else { return Ok(picture) };
    let largest = if matches!(picture, Picture::Gray8(_)) { u16::from(u8::MAX) } else { u16::MAX };
    let full = scale.full_level(largest.into());
    let problem = match scale {
        DepthScale { invalid: Some(invalid), .. } if largest < u16::MAX && is_jpeg(file)? => {
            format!(
                "is a JPEG, whose compression blurs data.depth_invalid = {invalid} with the depths next to it; save it as PNG"
            )
        }
        DepthScale { per_unit: Some(per_unit), max, .. } if largest < u16::MAX && full > largest.into() => format!(
            "has 8 bits, which reach a depth of {}, but data.depth_max = {max} with data.depth_scale = {per_unit}; save it with 16 \
             bits, or set both keys to match its levels",
            f64::from(largest) / per_unit
        ),
        DepthScale { invalid: Some(invalid), .. } if invalid > largest => {
            format!(
                "has 8 bits, which cannot hold data.depth_invalid = {invalid}; save it with 16 bits or change the key"
            )
        }
        _ => return Ok(picture),
    };
    Err(Problem::new(file, problem).into())
}

/// The problem of a file whose size differs from that of `other`, which belongs to the same pair.
pub(crate) fn size_problem(
    file: &Path,
    [height, width]: [usize; 2],
    other: &Path,
    [rows, columns]: [usize; 2],
) -> Option<Problem> {
    let problem = || {
        let other = other.display();
        format!(
            "is {width}×{height} pixels, but {other} is {columns}×{rows}; all files of a pair must have the same size"
        )
    };
    ([height, width] != [rows, columns]).then(|| Problem::new(file, problem()))
}

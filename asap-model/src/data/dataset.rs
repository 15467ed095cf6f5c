//! Sources of examples, and the one that reads a folder.

use std::path::Path;

use super::array::ReadOptions;
use super::augment::Placement;
use super::decode::{is_jpeg, is_turned, read_image, read_instances};
use super::example::{Channels, Example, HostInput};
use super::files::Skipped;
use super::labels::read_label_map;
use super::layout::{ExampleFiles, Split};
use super::names::Role;
use super::pixels::{Image, Samples};
use super::plane::Plane;
use super::problem::Problem;
use super::scan::{Found, discover};
use crate::config::{DataConfig, DepthScale, Direction, InputKind, Layout, OutputKind};
use crate::{Error, Result};

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
    found: Found,
}

impl Dataset {
    /// Finds the pairs of a split without reading them. Without validation pairs of their own, the training pairs are both
    /// splits (see [`is_split`](super::is_split)).
    pub fn discover(dir: &Path, data: &DataConfig, split: Split) -> Result<Dataset> {
        Ok(Dataset { data: data.clone(), found: discover(dir, data, split, true)? })
    }

    /// The files of each pair, in order of their names.
    pub fn files(&self) -> &[ExampleFiles] {
        &self.found.examples
    }

    /// Files in its folders that are not read.
    pub fn skipped(&self) -> &Skipped {
        &self.found.skipped
    }
}

impl Source for Dataset {
    fn len(&self) -> usize {
        self.found.examples.len()
    }

    fn get(&self, index: usize) -> Result<Example> {
        let files = &self.found.examples[index];
        let input = files.read_input(&self.data)?;
        let file = files.target()?;
        let target = files.read_target(&self.data)?;
        match size_problem(&files.input, input.size(), file, target.size()) {
            Some(problem) => Err(problem.into()),
            None => Ok(Example { input, target }),
        }
    }
}

impl ExampleFiles {
    /// Reads the input: a label map or an image, according to `data.input`, and the instance map.
    pub fn read_input(&self, data: &DataConfig) -> Result<HostInput> {
        let channels = self.read_channels(data).map_err(|error| self.of_side(error, data))?;
        let instances = self.instances.as_deref().map(read_instances).transpose()?;
        let input = HostInput { name: self.name.clone(), channels, instances };
        if let (Some(file), Some(map)) = (&self.instances, &input.instances)
            && let Some(problem) = size_problem(file, map.size(), &self.input, input.size())
        {
            return Err(problem.into());
        }
        Ok(input)
    }

    fn read_channels(&self, data: &DataConfig) -> Result<Channels> {
        Ok(match data.input {
            InputKind::Labels => Channels::Labels(read_label_map(self, data)?),
            InputKind::Image => Channels::Image(self.read_image(data)?),
        })
    }

    /// Reads an input that is an image.
    pub(super) fn read_image(&self, data: &DataConfig) -> Result<Image> {
        self.half_image(read_input_image(&self.input, data)?, Role::Input)
    }

    /// Reads the target.
    pub fn read_target(&self, data: &DataConfig) -> Result<Image> {
        self.half_image(read_target(self.target()?, data)?, Role::Target)
    }

    /// As [`half`](Self::half).
    pub(super) fn half_image(&self, image: Image, role: Role) -> Result<Image> {
        Ok(match self.columns(image.size(), role)? {
            Some(half) => half.image(&image, true),
            None => image,
        })
    }

    /// The half with the input or the target of a file that holds both; other files whole.
    pub(crate) fn half<T: Copy>(&self, plane: Plane<T>, role: Role) -> Result<Plane<T>> {
        Ok(match self.columns(plane.size(), role)? {
            Some(half) => half.nearest(&plane),
            None => plane,
        })
    }

    /// Where a role's half is in a file of this size; `None` if it has all of it.
    fn columns(&self, [height, width]: [usize; 2], role: Role) -> Result<Option<Placement>> {
        let Some(direction) = self.halves else { return Ok(None) };
        if !width.is_multiple_of(2) {
            let problem = format!("is {width}×{height} pixels; a pair side by side has an even width");
            return Err(Problem::new(&self.input, problem).into());
        }
        let is_right = (direction == Direction::BtoA) == (role == Role::Input);
        Ok(Some(Placement::columns([height, width], if is_right { width / 2 } else { 0 }, width / 2)))
    }

    /// An error of the input, with the keys that decide which side it is read from, and as what.
    pub(crate) fn of_side(&self, error: Error, data: &DataConfig) -> Error {
        match error {
            Error::Data { file, problem }
                if data.input == InputKind::Labels && matches!(data.layout, Layout::Ab | Layout::SideBySide) =>
            {
                let (direction, images) = (data.direction.map_or("unset", Direction::name), InputKind::Image.name());
                let hint = format!(
                    "data.direction ({direction}) decides which side is the input; data.input = \"{images}\" takes images"
                );
                Error::Data { file, problem: format!("{problem}. {hint}") }
            }
            other => other,
        }
    }

    /// The target's file.
    pub(crate) fn target(&self) -> Result<&Path> {
        self.target.as_deref().ok_or_else(|| Problem::new(&self.input, "has no target").into())
    }
}

/// Reads an input image, and checks that the file's values suit `data.input_range`.
fn read_input_image(file: &Path, data: &DataConfig) -> Result<Image> {
    let image = read_image(file, &ReadOptions::input(data))?;
    check_values(file, &image, data.input_range.is_some(), None, "data.input_range, as in [0, 1], or \"percentiles\"")?;
    Ok(image)
}

/// Reads the target of a pair, and checks that the file's values suit `data.output_range` or the depth keys.
pub fn read_target(file: &Path, data: &DataConfig) -> Result<Image> {
    let image = read_image(file, &ReadOptions::target(data))?;
    let (has_range, keys) = match data.output {
        OutputKind::Image => (data.output_range.is_some(), "data.output_range, as in [0, 1], or \"percentiles\""),
        OutputKind::Depth => {
            (data.depth_scale.is_some(), "data.depth_scale, 1 for depths in their unit, and data.depth_max")
        }
    };
    check_values(file, &image, has_range, data.output_scale().invalid, keys)?;
    let (Some(scale), Samples::U8(_) | Samples::U16(_)) = (data.depth(), image.samples()) else { return Ok(image) };
    let largest = image.max() as u16;
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
        _ => return Ok(image),
    };
    Err(Problem::new(file, problem).into())
}

/// Refuses floating-point values without a range, and values that are not finite where none means "not measured".
fn check_values(file: &Path, image: &Image, has_range: bool, invalid: Option<f64>, keys: &str) -> Result<()> {
    if image.samples().bits() == 32 && !has_range {
        return Problem::err(file, format!("has 32-bit values, whose range is not known: set {keys}"));
    }
    match image.not_finite() {
        Some([x, y]) if invalid.is_none() => {
            Problem::err(file, format!("pixel ({x}, {y}) has a value that is not finite; replace it"))
        }
        _ => Ok(()),
    }
}

/// The problem of a file whose size differs from that of `other`, which belongs to the same pair.
pub(crate) fn size_problem(
    file: &Path,
    [height, width]: [usize; 2],
    other: &Path,
    [rows, columns]: [usize; 2],
) -> Option<Problem> {
    let problem = || {
        let turned = [file, other].into_iter().find(|file| is_turned(file).unwrap_or(false));
        let advice = match turned.filter(|_| [height, width] == [columns, rows]) {
            Some(turned) => format!(
                "{} is turned by its EXIF orientation: if the other belongs to the stored pixels, set data.orientation = \
                 \"ignore\"",
                turned.display()
            ),
            None => "all files of a pair must have the same size".into(),
        };
        format!("is {width}×{height} pixels, but {} is {columns}×{rows}; {advice}", other.display())
    };
    ([height, width] != [rows, columns]).then(|| Problem::new(file, problem()))
}

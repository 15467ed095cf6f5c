//! From an example as it is stored to what a network is given outside training. Validation, evaluation, comparison and
//! inference all go through [`Sizing`], so that they show a network the same input.

use super::example::{Example, HostInput};
use crate::Result;
use crate::config::{DataConfig, OutputKind, Resize};

/// How an example gets its size outside training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizing {
    /// It keeps its native size.
    Native,
    /// It gets `data.size` by `data.resize`: resized, cropped at the center, or refused if it has another size.
    Configured,
    /// It is resized to this [height, width], whatever `data.resize` is.
    Resized([usize; 2]),
}

impl Sizing {
    /// How an evaluation sizes inputs: as in validation. Depth maps are compared at their native size, so for them only
    /// the input is resized, and it is not cropped.
    pub fn of_evaluation(data: &DataConfig) -> Sizing {
        match (data.output, data.resize) {
            (OutputKind::Depth, Resize::Crop) => Sizing::Native,
            (OutputKind::Depth, _) => Sizing::Resized(data.size),
            (OutputKind::Image, _) => Sizing::Configured,
        }
    }

    /// The input at its size: images bicubic, ids nearest.
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data) if `data.resize` does not allow its native size.
    pub fn input(self, input: HostInput, data: &DataConfig) -> Result<HostInput> {
        match self {
            Sizing::Native => Ok(input),
            Sizing::Configured => input.prepare(data),
            Sizing::Resized(size) => Ok(input.resize(size)),
        }
    }

    /// The input and its target at their size: images bicubic, ids nearest; depth maps as in training if configured, nearest if
    /// resized.
    ///
    /// # Errors
    /// As [`input`](Self::input).
    pub fn example(self, example: Example, data: &DataConfig) -> Result<Example> {
        match self {
            Sizing::Native => Ok(example),
            Sizing::Configured => example.prepare(data, None),
            Sizing::Resized(size) => Ok(example.resize(size)),
        }
    }
}

//! Problems of dataset files.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::Error;

/// A problem of a dataset file: a line of `asap data check`, or the [`Error::Data`] that stops a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file or folder.
    pub file: PathBuf,
    /// What is wrong, at which pixel, with which value, and what to do.
    pub message: String,
    /// [x, y] of the first bad pixel, if the problem is a pixel.
    pub pixel: Option<[usize; 2]>,
    /// The value of that pixel.
    pub value: Option<u32>,
}

impl Problem {
    pub(crate) fn new(file: &Path, message: impl Into<String>) -> Problem {
        Problem { file: file.to_path_buf(), message: message.into(), pixel: None, value: None }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.message)
    }
}

impl From<Problem> for Error {
    fn from(Problem { file, message, .. }: Problem) -> Error {
        Error::Data { file, problem: message }
    }
}

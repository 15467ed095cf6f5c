//! What is wrong with a file of a data set.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::Error;

/// What is wrong with a file of a data set: one line of `asap data check`, and where a run stops, an [`Error::Data`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file or folder at fault.
    pub file: PathBuf,
    /// What is wrong, at which pixel, with which value, and what to do.
    pub problem: String,
    /// [x, y] of the first pixel at fault, where a pixel is.
    pub pixel: Option<[usize; 2]>,
    /// The value found there.
    pub value: Option<u32>,
}

impl Fault {
    pub(crate) fn new(file: &Path, problem: impl Into<String>) -> Fault {
        Fault { file: file.to_path_buf(), problem: problem.into(), pixel: None, value: None }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.problem)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        Error::Data { file: fault.file, problem: fault.problem }
    }
}

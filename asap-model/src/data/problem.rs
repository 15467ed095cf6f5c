//! Problems of dataset files.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

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

    /// What an error says about a file: its own, where it names one.
    pub(crate) fn of(file: &Path, error: Error) -> Problem {
        match error {
            Error::Data { file, problem } => Problem::new(&file, problem),
            Error::Io { file, action, source } => Problem::new(&file, format!("cannot {action}: {source}")),
            other => Problem::new(file, other.to_string()),
        }
    }

    /// As an error.
    pub(crate) fn err<T>(file: &Path, message: impl Into<String>) -> Result<T> {
        Err(Problem::new(file, message).into())
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

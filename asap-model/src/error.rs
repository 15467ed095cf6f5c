//! The error type of this library: each variant has what a person needs to fix the cause.

use std::path::{Path, PathBuf};

/// What can go wrong in configuring, loading, training or running a network.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A configuration that can't be used: a wrong value, an unknown key, two keys that contradict.
    #[error("{origin}: {problem}")]
    Config {
        /// The file, preset or `--set` argument that the value came from.
        origin: String,
        /// What is wrong with which key, and what to do.
        problem: String,
    },
    /// A file of a dataset that can't be used.
    #[error("{}: {problem}", file.display())]
    Data {
        /// The file.
        file: PathBuf,
        /// What is wrong, at which pixel, with which value, and what to do.
        problem: String,
    },
    /// A checkpoint that can't be used.
    #[error("{}: {problem}", file.display())]
    Checkpoint {
        /// The checkpoint.
        file: PathBuf,
        /// What is wrong with which tensors, and what to do.
        problem: String,
    },
    /// A loss, a gradient or a weight that is no longer a finite number.
    #[error(
        "training diverged at step {step}: {what} is {value}{}; restart with lower learning rates (train.lr_generator, \
         train.lr_discriminator); resuming will diverge again",
        layer.as_ref().map(|layer| format!(" (first in the output of {layer})")).unwrap_or_default()
    )]
    Diverged {
        /// The step, counted from 1.
        step: u64,
        /// What is not finite: "the loss GAN", "the weight KEY".
        what: String,
        /// Its value.
        value: f64,
        /// The first layer whose output is not finite, where a loss is not and it could be found.
        layer: Option<String>,
    },
    /// A file that can't be read or written.
    #[error("{}: cannot {action}: {source}", file.display())]
    Io {
        /// The file at fault.
        file: PathBuf,
        /// What was tried, as in "cannot ...".
        action: &'static str,
        /// The system's own message.
        source: std::io::Error,
    },
    /// An operation on tensors refused its arguments.
    #[error(transparent)]
    Tensor(#[from] asap_tensor::Error),
}

/// This library's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Turns the system's error into one that names the file and what was tried, as in "cannot read it".
    pub fn io(file: &Path, action: &'static str) -> impl Fn(std::io::Error) -> Error {
        move |source| Error::Io { file: file.into(), action, source }
    }
}

/// Text from a file for an error message: on one line, with control characters escaped, and of limited length.
pub(crate) fn shown(text: impl std::fmt::Display) -> String {
    const LONGEST: usize = 500;
    let text = text.to_string();
    let mut line = String::new();
    for c in text.chars().take(LONGEST) {
        if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
    }
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_on_one_short_line() {
        assert_eq!(shown("é.weight\nerror: \u{1b}[2J"), "é.weight\\nerror: \\u{1b}[2J");
        assert_eq!(shown("x".repeat(1000)).chars().count(), 501);
    }
}

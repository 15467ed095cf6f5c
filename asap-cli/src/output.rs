//! What people and scripts see: results on standard output, messages on standard error.

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::sync::OnceLock;

use serde_json::Value;

use crate::args::common::Common;

/// The first result that could not be written, as where the disk is full.
static LOST: OnceLock<std::io::Error> = OnceLock::new();

/// Writes a line of results. What comes after one that is lost goes on: a run of training is worth more than its lines.
pub fn print(line: impl Display) {
    match writeln!(std::io::stdout(), "{line}") {
        // A reader that went away, as `head` does, is no fault.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            LOST.get_or_init(|| error);
        }
        _ => {}
    }
}

/// Why results were lost, if any were.
pub fn lost() -> Option<&'static std::io::Error> {
    LOST.get()
}

/// Where words go.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
    quiet: bool,
    verbose: bool,
}

impl Output {
    /// As the arguments say.
    pub fn new(common: &Common) -> Self {
        Output { json: common.json, quiet: common.quiet, verbose: common.verbose }
    }

    /// Whether more detail is wanted.
    pub fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Whether progress and messages are not wanted.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// A result: a JSON object with `--json`, else the text.
    pub fn result(&self, json: impl FnOnce() -> Value, text: impl FnOnce() -> String) {
        if self.json { print(json()) } else { print(text()) }
    }

    /// A JSON object where `--json` is given, else nothing.
    pub fn json(&self, json: impl FnOnce() -> Value) {
        if self.json {
            print(json());
        }
    }

    /// Text between results, as a table's head; nothing with `--json`.
    pub fn text(&self, text: impl FnOnce() -> String) {
        if !self.json {
            print(text());
        }
    }

    /// A message.
    pub fn say(&self, text: impl Display) {
        if !self.quiet {
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }

    /// What is wrong with one of several, even with `-q`; the others go on.
    pub fn fault(&self, text: impl Display) {
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// An error, even with `-q`. Its own message is whole: the libraries' errors tell their causes.
    pub fn error(&self, error: &anyhow::Error) {
        let _ = writeln!(std::io::stderr(), "error: {error}");
    }
}

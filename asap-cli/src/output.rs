//! What people and scripts see: results on standard output, messages on standard error.

use std::fmt::Display;
use std::io::Write;

use serde_json::Value;

use crate::args::Common;

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

    /// Whether results are JSON.
    pub fn is_json(&self) -> bool {
        self.json
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
        let line = if self.json { json().to_string() } else { text() };
        // A reader that went away, as `head` does, is no fault.
        let _ = writeln!(std::io::stdout(), "{line}");
    }

    /// A JSON object where `--json` is given, else nothing.
    pub fn json(&self, json: impl FnOnce() -> Value) {
        if self.json {
            let _ = writeln!(std::io::stdout(), "{}", json());
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

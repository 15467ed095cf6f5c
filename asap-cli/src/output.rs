//! Results on standard output, messages on standard error.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;

use indicatif::{ProgressBar, ProgressDrawTarget};
use serde_json::Value;

use crate::args::common::Common;

/// Why a result could not be written, as when the disk is full.
static LOST: OnceLock<std::io::Error> = OnceLock::new();

/// Writes a line of results. A failure does not end the program: training is worth more than its lines.
pub fn print(line: impl Display) {
    match writeln!(std::io::stdout(), "{line}") {
        // The reader has closed the pipe, as `head` does.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            LOST.get_or_init(|| error);
        }
        _ => {}
    }
}

/// Why a result was lost, if any was.
pub fn lost() -> Option<&'static std::io::Error> {
    LOST.get()
}

/// Prints results and messages, as the flags choose.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
    quiet: bool,
    verbose: bool,
}

impl Output {
    /// By the flags `--json`, `-q` and `-v`.
    pub fn new(common: &Common) -> Self {
        Output { json: common.json, quiet: common.quiet, verbose: common.verbose }
    }

    /// Whether to print more detail.
    pub fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// A progress bar on standard error. None if that is no terminal, with `-q`, and with `--json`, whose lines may go to
    /// the same terminal.
    pub fn progress_bar(&self) -> Option<ProgressBar> {
        let bar = || ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(4));
        self.shows_bar(std::io::stderr().is_terminal()).then(bar)
    }

    fn shows_bar(&self, on_terminal: bool) -> bool {
        on_terminal && !self.quiet && !self.json
    }

    /// A result: a JSON object with `--json`, else the text.
    pub fn result(&self, json: impl FnOnce() -> Value, text: impl FnOnce() -> String) {
        if self.json { print(json()) } else { print(text()) }
    }

    /// A JSON object with `--json`, else nothing.
    pub fn json(&self, json: impl FnOnce() -> Value) {
        if self.json {
            print(json());
        }
    }

    /// Text between results, such as a table's head; nothing with `--json`.
    pub fn text(&self, text: impl FnOnce() -> String) {
        if !self.json {
            print(text());
        }
    }

    /// Whether results are JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// A message, unless `-q`.
    pub fn say(&self, text: impl Display) {
        if !self.quiet {
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }

    /// A problem with one of several inputs, even with `-q`.
    pub fn problem(&self, text: impl Display) {
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// An error, even with `-q`. The libraries' messages include their causes.
    pub fn error(&self, error: &anyhow::Error) {
        let _ = writeln!(std::io::stderr(), "error: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_for_terminals_without_json() {
        let shown = |json, quiet, on_terminal| Output { json, quiet, verbose: false }.shows_bar(on_terminal);
        assert!(shown(false, false, true));
        assert!(!shown(true, false, true) && !shown(false, true, true) && !shown(false, false, false));
    }
}

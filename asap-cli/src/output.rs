//! Results on standard output, messages on standard error.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use crate::args::common::Common;

/// How often a line of progress is printed without a terminal.
pub const LINE_EVERY: Duration = Duration::from_secs(10);
/// What takes less prints no line.
const FIRST_LINE: Duration = Duration::from_secs(1);

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

    /// A progress bar on standard error, by a template of indicatif. None if that is no terminal, with `-q`, and with
    /// `--json`, whose lines may go to the same terminal.
    pub fn progress_bar(&self, template: &str) -> Option<ProgressBar> {
        let bar = || {
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(4)).with_style(style)
        };
        self.shows_bar(std::io::stderr().is_terminal()).then(bar)
    }

    /// Shows how many of a number of `items` ("pairs") are done of what `name` names ("checking data").
    pub fn counter(&self, name: impl Display, items: &'static str) -> Counter<'_> {
        let name = name.to_string();
        let bar = self.progress_bar("{prefix} {wide_bar} {human_pos}/{human_len} {msg}");
        let bar = bar.map(|bar| bar.with_prefix(name.clone()).with_message(items));
        Counter { output: self, bar, name, items, next_line: Mutex::new(Instant::now() + FIRST_LINE) }
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

/// A progress bar on a terminal, else a line every ten seconds. Shared by threads; the bar disappears with it.
pub struct Counter<'a> {
    output: &'a Output,
    bar: Option<ProgressBar>,
    name: String,
    items: &'static str,
    next_line: Mutex<Instant>,
}

impl Counter<'_> {
    /// `done` of `total` items are done.
    pub fn show(&self, done: usize, total: usize) {
        if let Some(bar) = &self.bar {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        } else if let Ok(mut next) = self.next_line.try_lock()
            && Instant::now() >= *next
        {
            *next = Instant::now() + LINE_EVERY;
            self.output.say(format_args!("{}: {done} of {total} {}", self.name, self.items));
        }
    }
}

impl Drop for Counter<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
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

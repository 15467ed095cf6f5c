//! What a run of training shows while it goes on.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use asap_model::round::Losses;
use asap_model::training::{Event, Observer, RoundReport, Started};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value, json};

use crate::commands::shown;
use crate::interrupt::Interrupt;
use crate::output::Output;

/// How often a line is printed where there is no terminal to draw a bar on.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// A bar on a terminal, a line now and then elsewhere; JSON lines with `--json`.
pub struct Progress<'a> {
    output: &'a Output,
    bar: Option<ProgressBar>,
    last_line: Option<Instant>,
    interrupt: Interrupt,
}

impl<'a> Progress<'a> {
    /// Nothing is shown before the first event. The run is asked to stop when `interrupt` is.
    pub fn new(output: &'a Output, interrupt: Interrupt) -> Self {
        let bar = (std::io::stderr().is_terminal() && !output.is_quiet()).then(|| {
            let style = ProgressStyle::with_template("{wide_bar} {pos}/{len}  {msg}");
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(4));
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Progress { output, bar, last_line: None, interrupt }
    }

    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.output.say(text)),
            None => self.output.say(text),
        }
    }

    fn started(&mut self, started: &Started<'_>) {
        let Started { dir, rounds_played, rounds_total, .. } = started;
        if let Some(bar) = &self.bar {
            bar.set_length(*rounds_total);
            bar.set_position(*rounds_played);
        }
        let from = if *rounds_played > 0 { format!(" from round {rounds_played}") } else { String::new() };
        self.say(&format!(
            "{}: {rounds_total} rounds{from}, {} an epoch; {} training and {} validation pairs; generator {} parameters, \
             discriminators {}",
            dir.display(),
            started.rounds_per_epoch,
            started.training_pairs,
            started.validation_pairs,
            thousands(started.generator_parameters),
            thousands(started.discriminator_parameters),
        ));
        self.output.json(|| {
            json!({
                "event": "started", "dir": shown(dir), "rounds_played": rounds_played, "rounds_total": rounds_total,
                "training_pairs": started.training_pairs, "validation_pairs": started.validation_pairs,
                "generator_parameters": started.generator_parameters,
                "discriminator_parameters": started.discriminator_parameters,
            })
        });
    }

    fn round(&mut self, report: &RoundReport) {
        self.output.json(|| {
            json!({
                "event": "round", "round": report.round, "epoch": report.epoch, "losses": losses_json(&report.losses),
                "seconds": report.time.as_secs_f64(), "seconds_left": report.time_left.as_secs_f64(),
            })
        });
        let text = format!("{}  {} left", losses_text(&report.losses), duration(report.time_left));
        if let Some(bar) = &self.bar {
            bar.set_position(report.round);
            bar.set_message(text);
        } else if self.last_line.is_none_or(|last| last.elapsed() >= LINE_EVERY) {
            self.last_line = Some(Instant::now());
            let RoundReport { round, rounds_total, epoch, .. } = report;
            self.output.say(format_args!("round {round}/{rounds_total}, epoch {epoch}: {text}"));
        }
    }
}

impl Observer for Progress<'_> {
    fn observe(&mut self, event: &Event<'_>) {
        match event {
            Event::Started(started) => self.started(started),
            Event::Round(report) => self.round(report),
            Event::Validation { round, scores } => {
                let named = scores.named();
                self.output.json(|| {
                    let mut object = json!({ "event": "validation", "round": round });
                    for (measure, value) in &named {
                        object[format!("validation_{}", measure.name())] = json!(value);
                    }
                    object
                });
                let text: Vec<String> =
                    named.iter().map(|(measure, value)| format!("{} {value:.4}", measure.label())).collect();
                self.say(&format!("round {round}: validation {}", text.join(", ")));
            }
            Event::Sheet { round, path } => {
                self.output.json(|| json!({ "event": "samples", "round": round, "path": shown(path) }));
                self.say(&format!("round {round}: samples in {}", path.display()));
            }
            Event::Checkpoint { round, path } => {
                self.output.json(|| json!({ "event": "checkpoint", "round": round, "path": shown(path) }));
                if self.output.is_verbose() {
                    self.say(&format!("round {round}: checkpoint {}", path.display()));
                }
            }
            Event::Warning(text) => {
                self.output.json(|| json!({ "event": "warning", "text": text }));
                self.say(&format!("warning: {text}"));
            }
        }
    }

    fn stop_requested(&self) -> bool {
        self.interrupt.is_asked()
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Losses by name.
pub fn losses_json(losses: &Losses) -> Value {
    Value::Object(
        losses.named().into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect::<Map<_, _>>(),
    )
}

fn losses_text(losses: &Losses) -> String {
    losses.named().iter().map(|(name, value)| format!("{name} {value:.3}")).collect::<Vec<_>>().join("  ")
}

/// `1:02:03` or `2:03`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// 83201411 as `83,201,411`.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_times_read_as_a_clock() {
        assert_eq!([1, 999, 1000, 83_201_411].map(thousands), ["1", "999", "1,000", "83,201,411"]);
        assert_eq!([59, 61, 3723].map(|s| duration(Duration::from_secs(s))), ["0:59", "1:01", "1:02:03"]);
    }
}

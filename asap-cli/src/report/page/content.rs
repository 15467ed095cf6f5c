//! The page.

use std::time::SystemTime;

use asap_model::config::{DataConfig, InputKind};
use asap_model::training::stats::STATS;
use asap_model::training::{History, losses};
use indicatif::HumanCount;
use maud::{Markup, html};

use super::run::{Run, Status};
use super::settings;
use crate::commands::shell_word;
use crate::machine::operating_system;
use crate::report::chart::{Chart, Look};
use crate::report::curve::Curve;
use crate::report::html::{document, fact, image, legend};
use crate::report::number;
use crate::report::palette::all_classes;

/// Seconds after which a browser loads the page again during training.
const REFRESH: u32 = 30;
/// More classes than these are folded up.
const FEW_CLASSES: usize = 40;

pub fn page(run: &Run, now: SystemTime) -> String {
    let name = run.dir.file_name().unwrap_or(run.dir.as_os_str()).to_string_lossy();
    let body = html! {
        header {
            p.eyebrow { "asap · training run" }
            h1 { (name) }
            (status(run, now))
            (facts(run))
        }
        section { h2 { "Curves" } (curves(run)) }
        section { h2 { "Samples" } (samples(run)) }
        section { h2 { "Configuration" } (settings::tables(&run.started.config)) }
        section { h2 { "Run and machine" } (machine(run)) }
    };
    let refresh = (run.status == Status::Training).then_some(REFRESH);
    document(&format!("{name} · {}", run.status.badge()[0]), refresh, &body)
}

fn status(run: &Run, now: SystemTime) -> Markup {
    let time = humantime::format_rfc3339_seconds(now).to_string().replace('T', " ").replace('Z', " UTC");
    let [state, class] = run.status.badge();
    let resume = || html! { p.note { "Resume with: " code { "asap train --resume --out " (shell_word(&run.dir)) } } };
    html! {
        p.status {
            span class={ "badge " (class) } { (state) }
            span.note { "Last update " time { (time) } }
        }
        progress max=(run.started.steps_total.max(1)) value=(run.step) aria-label="Steps done" {}
        @match &run.status {
            Status::Training | Status::Finished => {}
            Status::Stopped => (resume()),
            // A resumed run would diverge again.
            Status::Diverged(message) => p.message role="alert" { (message) },
            Status::Failed(message) => {
                p.message role="alert" { (message) }
                @if run.checkpoint.is_some() { (resume()) }
            }
        }
    }
}

fn facts(run: &Run) -> Markup {
    let count = |value: u64| HumanCount(value).to_string();
    let left = run.seconds_left.filter(|_| run.status == Status::Training);
    let best = |(step, value): (u64, f64)| format!("best {} at step {}", number::value(value), count(step));
    html! {
        dl.facts {
            (fact("Steps", Some(count(run.step)), Some(format!("of {}", count(run.started.steps_total)))))
            (fact("Epoch", Some(count(run.epoch())), Some(format!("of {}", run.started.config.train.epochs))))
            (fact("Time left", left.map(number::time), None))
            (fact("Time per step", run.seconds_per_step().map(number::time), None))
            (fact("Training time", (run.seconds > 0.0).then(|| number::time(run.seconds)), None))
            @for history in &run.validations {
                @let last = history.values.last().map(|(_, value)| number::value(*value));
                (fact(&format!("Validation {}", history.measure.label()), last, history.best.map(best)))
            }
            (fact("Newest checkpoint", run.checkpoint.map(|step| format!("step {}", count(step))), None))
        }
    }
}

fn curves(run: &Run) -> Markup {
    let validation = |history: &History| {
        let title = format!("Validation {}", history.measure.label());
        (title, history.measure.caption(), history.values.iter().copied().collect())
    };
    let validations: Vec<(String, String, Curve)> = run.validations.iter().map(validation).collect();
    let chart = |title, note, curve, look| Chart { title, note, curves: vec![("", curve)], look };
    let validations = validations.iter().map(|(title, note, curve)| chart(title, note, curve, Look::Marked));
    let losses = run
        .losses
        .iter()
        .map(|(name, curve)| chart(name, losses::about(name).unwrap_or_default(), curve, Look::Smoothed));
    let stats = run.stats.iter().map(|(name, curve)| {
        let known = STATS.iter().find(|stat| stat.name == name);
        chart(
            known.map_or(name.as_str(), |stat| stat.title),
            known.map_or("", |stat| stat.about),
            curve,
            Look::Smoothed,
        )
    });
    let rates = Chart {
        title: "Learning rates",
        note: "",
        curves: vec![("generator", &run.rates[0]), ("discriminators", &run.rates[1])],
        look: Look::FromZero,
    };
    html! {
        @if run.step == 0 {
            p.note { "No steps yet." }
        } @else {
            p.note { "By step. Weighted losses. Bold: smoothed; faint: raw." }
            div.charts { @for chart in validations.chain(losses).chain(stats).chain([rates]) { (chart.figure(run.step)) } }
        }
    }
}

fn samples(run: &Run) -> Markup {
    let Some((step, newest)) = &run.gallery.newest else {
        return html! { p.note { "None yet: the next validation generates them." } };
    };
    let step = HumanCount(*step);
    let input = match run.started.config.data.input {
        InputKind::Labels => "labels",
        InputKind::Image => "input",
    };
    let alt = format!("Samples at step {step}: {input} on the left, generated in the middle, real on the right");
    let shown = &run.gallery.over_time;
    // Beside each other where a sheet is narrow enough.
    let beside = newest.height >= newest.width;
    html! {
        div class=(if beside { "samples" } else { "" }) {
            figure.newest style={ "max-width:" (newest.width.clamp(480, 1100)) "px" } {
                h3 { "Step " (step.to_string()) }
                div.columns aria-hidden="true" { span { (input) } span { "generated" } span { "real" } }
                (image(newest, &alt))
                figcaption {
                    "Validation pairs, the same each time."
                    @if let Some(depth) = run.started.config.data.depth() {
                        " Depth from yellow at 0 to violet at " (number::value(depth.max))
                        "; black where nothing was measured."
                    }
                }
                (names(&run.started.config.data))
            }
            @if shown.len() > 1 {
                div {
                    h3 { "Over time" }
                    p.note {
                        "Generated from the same " (input) ", by step"
                        @if shown.len() < run.gallery.sheets.len() { "; " (shown.len()) " of " (run.gallery.sheets.len()) " samples" }
                    }
                    div.strip {
                        @for (step, preview) in shown {
                            @let step = HumanCount(*step);
                            figure {
                                (image(preview, &format!("Generated at step {step}")))
                                figcaption { (step.to_string()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The colors of classes with names; of many, folded up.
fn names(data: &DataConfig) -> Markup {
    let classes: Vec<_> = all_classes(data).filter(|_| data.has_class_names()).map(|class| (class, None)).collect();
    html! {
        @if classes.len() > FEW_CLASSES {
            details { summary { (classes.len()) " classes" } (legend(&classes)) }
        } @else if !classes.is_empty() {
            (legend(&classes))
        }
    }
}

fn machine(run: &Run) -> Markup {
    let started = &run.started;
    let count = |value: usize| HumanCount(value as u64);
    let pairs = [started.training_pairs, started.validation_pairs].map(count);
    let rows = [
        ("Folder", run.dir.display().to_string()),
        ("Pairs", format!("{} for training, {} for validation", pairs[0], pairs[1])),
        ("Generator", format!("{} parameters", count(started.generator_parameters))),
        ("Discriminators", format!("{} parameters", count(started.discriminator_parameters))),
        ("Device", format!("{}, {}", started.device, number::count(started.threads, "thread"))),
        ("Processor", run.processor.clone()),
        ("System", format!("{}, {}", operating_system(), std::env::consts::ARCH)),
        ("Program", format!("asap {}", env!("CARGO_PKG_VERSION"))),
    ];
    html! {
        table.plain {
            tbody { @for (name, value) in rows { tr { th scope="row" { (name) } td { (value) } } } }
        }
    }
}

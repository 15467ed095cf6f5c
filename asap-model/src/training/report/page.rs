//! The page.

use std::time::SystemTime;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::{Chart, Look};
use super::run::{Measured, Run, Status};
use super::settings;
use crate::config::Input;
use crate::number;
use crate::shell;
use crate::sweep::Measure;
use crate::training::machine::Machine;
use crate::training::preview::Preview;

const STYLE: &str = include_str!("style.css");

/// The whole page, as it stands at a time.
pub fn page(run: &Run, now: SystemTime) -> String {
    let name = run.dir.file_name().unwrap_or(run.dir.as_os_str()).to_string_lossy();
    let html = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { (name) " · " (state(&run.status)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    header {
                        p.eyebrow { "asap · training run" }
                        h1 { (name) }
                        (status(run, now))
                        (facts(run))
                    }
                    section {
                        h2 { "Curves" }
                        (curves(run))
                    }
                    section {
                        h2 { "Samples" }
                        (samples(run))
                    }
                    section {
                        h2 { "Configuration" }
                        (settings::draw(&run.config))
                    }
                    section {
                        h2 { "Run and machine" }
                        (machine(run))
                    }
                }
            }
        }
    };
    html.into_string()
}

fn state(status: &Status) -> &'static str {
    match status {
        Status::Training => "training",
        Status::Finished => "finished",
        Status::Stopped => "stopped",
        Status::Diverged(_) => "diverged",
        Status::Failed(_) => "stopped by an error",
    }
}

fn status(run: &Run, now: SystemTime) -> Markup {
    let time = humantime::format_rfc3339_seconds(now).to_string().replace('T', " ").replace('Z', " UTC");
    let kind = match run.status {
        Status::Training => "going",
        Status::Finished => "done",
        Status::Stopped => "still",
        Status::Diverged(_) | Status::Failed(_) => "wrong",
    };
    let resume = || html! { code { "asap train --resume --out " (shell::word(&run.dir)) } };
    html! {
        p.status {
            span class={ "badge " (kind) } { (state(&run.status)) }
            span.note { "as of " time { (time) } }
        }
        progress max=(run.rounds_total.max(1)) value=(run.round) aria-label="Rounds played" {}
        @match &run.status {
            Status::Training => p.note {
                "Rewritten about every minute; load it again for what is new. If the time above stands still, so does the run."
            },
            Status::Finished => {}
            Status::Stopped => p.note { "It goes on with " (resume()) },
            // Going on would only repeat it.
            Status::Diverged(message) => p.message role="alert" { (message) },
            Status::Failed(message) => {
                p.message role="alert" { (message) }
                @if run.checkpoint.is_some() { p.note { "It goes on from its newest checkpoint with " (resume()) } }
            }
        }
    }
}

fn facts(run: &Run) -> Markup {
    let count = |value: u64| number::grouped(value as f64);
    let left = run.seconds_left.filter(|_| run.status == Status::Training);
    let validations = run.validations.iter().map(|(measure, Measured { curve, best })| {
        let value = curve.latest().map(|(_, value)| number::value(value));
        let end = if measure.falls() { "least" } else { "greatest" };
        let aside = best.map(|(round, value)| format!("{end} {} after round {}", number::value(value), count(round)));
        (format!("Validation {}", measure.label()), value, aside)
    });
    let facts: [(&str, Option<String>, Option<String>); 5] = [
        ("Rounds", Some(count(run.round)), Some(format!("of {}", count(run.rounds_total)))),
        ("Epoch", Some(count(run.epoch())), Some(format!("of {}", run.config.train.epochs))),
        ("Time left", left.map(number::time), None),
        ("Time per round", run.seconds_per_round().map(number::time), None),
        ("Time in rounds", (run.seconds > 0.0).then(|| number::time(run.seconds)), None),
    ];
    let checkpoint = run.checkpoint.map(|round| format!("round {}", count(round)));
    let facts = facts.into_iter().map(|(name, value, aside)| (name.to_owned(), value, aside));
    let facts = facts.chain(validations).chain([("Newest checkpoint".to_owned(), checkpoint, None)]);
    html! {
        dl.facts {
            @for (name, value, aside) in facts {
                @if let Some(value) = value {
                    div { dt { (name) } dd { (value) @if let Some(aside) = aside { small { " " (aside) } } } }
                }
            }
        }
    }
}

fn curves(run: &Run) -> Markup {
    let titles: Vec<String> =
        run.validations.iter().map(|(measure, _)| format!("Validation {}", measure.label())).collect();
    let validations = run.validations.iter().zip(&titles).map(|((measure, measured), title)| Chart {
        title,
        note: meaning_of_measure(*measure),
        curves: vec![("", &measured.curve)],
        look: Look::Marked,
    });
    let losses = run.losses.iter().map(|(name, curve)| Chart {
        title: name,
        note: meaning(name),
        curves: vec![("", curve)],
        look: Look::Smoothed,
    });
    let rates = Chart {
        title: "Learning rates",
        note: "",
        curves: vec![("generator", &run.rates[0]), ("discriminators", &run.rates[1])],
        look: Look::FromZero,
    };
    let charts: Vec<Chart<'_>> = validations.chain(losses).chain([rates]).collect();
    html! {
        @if run.round == 0 {
            p.note { "No round is played yet." }
        } @else {
            p.note { "By round. Each loss is times its weight; the line is smoothed, the faint one beneath it is not." }
            div.charts { @for chart in &charts { (chart.draw(run.round)) } }
        }
    }
}

/// What a measure of validations is.
fn meaning_of_measure(measure: Measure) -> &'static str {
    match measure {
        Measure::L1 => "mean absolute difference on validation pairs; 0 is equal, 2 is black for white",
        Measure::Rmse => "root of the mean squared difference of depths, in the unit of data.depth_max",
        Measure::AbsRel => "mean difference of depths as a part of the real depth",
        Measure::Delta1 => "share of pixels whose depths have a ratio below 1.25; 1 is best",
        _ => "",
    }
}

/// What a loss measures.
fn meaning(loss: &str) -> &'static str {
    match loss {
        "GAN" => "the generator’s adversarial loss, −mean D(drawn)",
        "GAN_Feat" => "feature matching: difference of the discriminators’ features",
        "VGG" => "perceptual loss: difference of VGG19’s features",
        "L1" => "mean absolute difference of the pictures",
        "D_Fake" => "the discriminators’ loss on drawn pictures",
        "D_real" => "the discriminators’ loss on real pictures",
        _ => "",
    }
}

fn samples(run: &Run) -> Markup {
    let Some((round, newest)) = run.gallery.newest() else {
        return html! { p.note { "There are none yet: the next validation draws them." } };
    };
    let count = |round: u64| number::grouped(round as f64);
    let input = match run.config.data.input {
        Input::Labels => "labels",
        Input::Rgb => "input",
    };
    let alt =
        format!("Samples after round {}: on the left {input}, in the middle ours, on the right real", count(*round));
    let shown = run.gallery.over_time();
    // Side by side where a sheet is tall enough to leave room beside it.
    let side_by_side = newest.height >= newest.width;
    html! {
        div class=(if side_by_side { "samples" } else { "" }) {
            figure.newest style={ "max-width:" (newest.width.clamp(480, 1100)) "px" } {
                h3 { "After round " (count(*round)) }
                div.columns aria-hidden="true" { span { (input) } span { "ours" } span { "real" } }
                (picture(newest, &alt))
                figcaption {
                    "Validation pairs, the same each time."
                    @if let Some(depth) = run.config.data.depth() {
                        " Depths in colours, from yellow at 0 to violet at " (number::value(depth.max))
                        "; where nothing was measured black."
                    }
                }
            }
            @if shown.len() > 1 {
                div {
                    h3 { "Over time" }
                    p.note {
                        "Drawn for the same " (input) ", by round"
                        @if shown.len() < run.gallery.count() { "; " (shown.len()) " of " (run.gallery.count()) " samples" }
                    }
                    div.strip {
                        @for (round, preview) in shown {
                            figure {
                                (picture(preview, &format!("Drawn after round {}", count(*round))))
                                figcaption { (count(*round)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn picture(preview: &Preview, alt: &str) -> Markup {
    let data = format!("data:{};base64,{}", preview.mime, BASE64_STANDARD.encode(&preview.bytes));
    html! { img src=(data) alt=(alt) width=(preview.width) height=(preview.height); }
}

fn machine(run: &Run) -> Markup {
    let Machine { device, threads, processor, system, version } = &run.machine;
    let count = |value: usize| number::grouped(value as f64);
    let rows = [
        ("Folder", run.dir.display().to_string()),
        ("Pairs", format!("{} for training, {} for validation", count(run.pairs[0]), count(run.pairs[1]))),
        ("Generator", format!("{} parameters", count(run.parameters[0]))),
        ("Discriminators", format!("{} parameters", count(run.parameters[1]))),
        ("Device", format!("{device}, {threads} thread{}", if *threads == 1 { "" } else { "s" })),
        ("Processor", processor.clone()),
        ("System", system.clone()),
        ("Program", format!("asap {version}")),
    ];
    html! {
        table.plain {
            tbody { @for (name, value) in rows { tr { th scope="row" { (name) } td { (value) } } } }
        }
    }
}

//! The page.

use std::time::SystemTime;

use asap_model::config::Input;
use asap_model::evaluation::Measure;
use asap_model::training::Course;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use indicatif::HumanCount;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::run::{Run, Status};
use super::settings;
use crate::commands::shell_word;
use crate::report::chart::{Chart, Look};
use crate::report::curve::Curve;
use crate::report::number;
use crate::report::preview::Preview;

const STYLE: &str = include_str!("style.css");
/// Seconds after which a browser loads the page again during training.
const REFRESH: u32 = 30;

/// The page as of a time.
pub fn page(run: &Run, now: SystemTime) -> String {
    let name = run.dir.file_name().unwrap_or(run.dir.as_os_str()).to_string_lossy();
    let courses = Course::of(&run.validations);
    let html = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if run.status == Status::Training { meta http-equiv="refresh" content=(REFRESH); }
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
                        (facts(run, &courses))
                    }
                    section { h2 { "Curves" } (curves(run, &courses)) }
                    section { h2 { "Samples" } (samples(run)) }
                    section { h2 { "Configuration" } (settings::tables(&run.config)) }
                    section { h2 { "Run and machine" } (machine(run)) }
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
        Status::Failed(_) => "failed",
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
    let resume = || html! { p.note { "Resume with: " code { "asap train --resume --out " (shell_word(&run.dir)) } } };
    html! {
        p.status {
            span class={ "badge " (kind) } { (state(&run.status)) }
            span.note { "Last update " time { (time) } }
        }
        progress max=(run.steps_total.max(1)) value=(run.step) aria-label="Steps done" {}
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

fn facts(run: &Run, courses: &[Course]) -> Markup {
    let count = |value: u64| HumanCount(value).to_string();
    let left = run.seconds_left.filter(|_| run.status == Status::Training);
    let validations = courses.iter().map(|Course { measure, values, best }| {
        let value = values.last().map(|(_, value)| number::value(*value));
        let aside = best.map(|(step, value)| format!("best {} at step {}", number::value(value), count(step)));
        (format!("Validation {}", measure.label()), value, aside)
    });
    let facts: [(&str, Option<String>, Option<String>); 5] = [
        ("Steps", Some(count(run.step)), Some(format!("of {}", count(run.steps_total)))),
        ("Epoch", Some(count(run.epoch())), Some(format!("of {}", run.config.train.epochs))),
        ("Time left", left.map(number::time), None),
        ("Time per step", run.seconds_per_step().map(number::time), None),
        ("Training time", (run.seconds > 0.0).then(|| number::time(run.seconds)), None),
    ];
    let checkpoint = run.checkpoint.map(|step| format!("step {}", count(step)));
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

fn curves(run: &Run, courses: &[Course]) -> Markup {
    let validations: Vec<(String, &str, Curve)> = courses
        .iter()
        .map(|course| {
            let mut curve = Curve::default();
            course.values.iter().for_each(|(step, value)| curve.push(*step, *value));
            (format!("Validation {}", course.measure.label()), meaning_of_measure(course.measure), curve)
        })
        .collect();
    let chart = |title, note, curve, look| Chart { title, note, curves: vec![("", curve)], look };
    let validations = validations.iter().map(|(title, note, curve)| chart(title, note, curve, Look::Marked));
    let losses = run.losses.iter().map(|(name, curve)| chart(name, meaning(name), curve, Look::Smoothed));
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
            div.charts { @for chart in validations.chain(losses).chain([rates]) { (chart.figure(run.step)) } }
        }
    }
}

fn meaning_of_measure(measure: Measure) -> &'static str {
    match measure {
        Measure::L1 => "mean absolute difference on validation pairs, of values in [−1, 1]; lower is better",
        Measure::Rmse => "root mean squared error of depth, in the unit of data.depth_max",
        Measure::AbsRel => "mean absolute error relative to the real depth",
        Measure::Delta1 => "share of pixels within a factor of 1.25 of the real depth; higher is better",
        _ => "",
    }
}

fn meaning(loss: &str) -> &'static str {
    match loss {
        "GAN" => "adversarial loss of the generator, −mean D(generated)",
        "GAN_Feat" => "feature matching: difference of discriminator features",
        "VGG" => "perceptual loss: difference of VGG19 features",
        "L1" => "mean absolute difference of images",
        "D_Fake" => "loss of the discriminators on generated images",
        "D_real" | "D_Real" => "loss of the discriminators on real images",
        _ => "",
    }
}

fn samples(run: &Run) -> Markup {
    let Some((step, newest)) = run.gallery.newest() else {
        return html! { p.note { "None yet: the next validation generates them." } };
    };
    let step = HumanCount(*step);
    let input = match run.config.data.input {
        Input::Labels => "labels",
        Input::Rgb => "input",
    };
    let alt = format!("Samples at step {step}: {input} on the left, generated in the middle, real on the right");
    let shown = run.gallery.over_time();
    // Beside each other where a sheet is narrow enough.
    let beside = newest.height >= newest.width;
    html! {
        div class=(if beside { "samples" } else { "" }) {
            figure.newest style={ "max-width:" (newest.width.clamp(480, 1100)) "px" } {
                h3 { "Step " (step.to_string()) }
                div.columns aria-hidden="true" { span { (input) } span { "generated" } span { "real" } }
                (picture(newest, &alt))
                figcaption {
                    "Validation pairs, the same each time."
                    @if let Some(depth) = run.config.data.depth() {
                        " Depth from yellow at 0 to violet at " (number::value(depth.max))
                        "; black where nothing was measured."
                    }
                }
            }
            @if shown.len() > 1 {
                div {
                    h3 { "Over time" }
                    p.note {
                        "Generated from the same " (input) ", by step"
                        @if shown.len() < run.gallery.count() { "; " (shown.len()) " of " (run.gallery.count()) " samples" }
                    }
                    div.strip {
                        @for (step, preview) in shown {
                            @let step = HumanCount(*step);
                            figure {
                                (picture(preview, &format!("Generated at step {step}")))
                                figcaption { (step.to_string()) }
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
    let count = |value: usize| HumanCount(value as u64);
    let rows = [
        ("Folder", run.dir.display().to_string()),
        ("Pairs", format!("{} for training, {} for validation", count(run.pairs[0]), count(run.pairs[1]))),
        ("Generator", format!("{} parameters", count(run.parameters[0]))),
        ("Discriminators", format!("{} parameters", count(run.parameters[1]))),
        ("Device", run.device.clone()),
        ("Processor", run.processor.clone()),
        ("System", run.system.clone()),
        ("Program", format!("asap {}", env!("CARGO_PKG_VERSION"))),
    ];
    html! {
        table.plain {
            tbody { @for (name, value) in rows { tr { th scope="row" { (name) } td { (value) } } } }
        }
    }
}

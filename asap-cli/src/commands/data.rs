//! `asap data`: checks datasets, and writes synthetic ones.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use asap_model::config::{DataConfig, Direction, Orientation, OutputKind};
use asap_model::data::{ClassCount, DepthCount, Report, Survey, synthetic};
use asap_model::{Config, Error};
use serde_json::json;

use super::dataset::{Check, adopt, detected, range};
use super::files::{skipped_json, skipped_text};
use super::train::QUICKSTART;
use super::{incomplete_configuration, shown};
use crate::args::{Common, DataCheck, DataSynth, SynthKind};
use crate::exit::DATA;
use crate::output::Output;

/// Reports every problem of a dataset; exit code 3 if there is one.
pub fn check(args: DataCheck, common: &Common, output: &Output) -> Result<ExitCode> {
    let check = if args.fresh { Check::Fresh } else { Check::Changed };
    let (config, found) = configuration_for(&args.dir, args.config.as_deref(), check, common, output)?;
    let data = config.data;
    let report = found.report(&data);
    for problem in &report.problems {
        output.result(
            || json!({ "file": shown(&problem.file), "problem": problem.message, "pixel": problem.pixel, "value": problem.value }),
            || problem.to_string(),
        );
    }
    let layout = report.layout.name();
    output.result(
        || {
            let names = data.class_names();
            let class =
                |(c, name): (&ClassCount, &String)| json!({ "name": name, "pixels": c.pixels, "pictures": c.pictures });
            let classes: Vec<_> = report.classes.iter().zip(&names).map(class).collect();
            let depths = report.depths.map(|DepthCount { range, measured, invalid, beyond }| {
                let range = (measured > 0).then_some(range);
                json!({ "range": range, "measured": measured, "invalid": invalid, "beyond": beyond })
            });
            json!({
                "dir": shown(&args.dir), "layout": layout, "direction": report.direction.map(Direction::name), "train": report.train, "val": report.val,
                "heights": report.heights, "widths": report.widths, "classes": classes,
                "depths": depths, "turned": report.turned, "skipped": skipped_json(&report.skipped),
                "problems": report.problems.len(), "ok": report.problems.is_empty(), "hint": report.bad_labels(&data),
                "set": report.hint(&data).map(|hint| hint.assignments),
            })
        },
        || summary(&report, layout, &data),
    );
    Ok(if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DATA) })
}

/// The configuration that a dataset is for; without one, as `asap train --data` takes it on.
pub fn configuration_for(
    dir: &Path,
    name: Option<&str>,
    check: Check,
    common: &Common,
    output: &Output,
) -> asap_model::Result<(Config, Survey)> {
    let (mut config, given) = incomplete_configuration(name.unwrap_or(QUICKSTART), common, std::iter::empty())?;
    let has_scale = config.data.depth_scale.is_some() || config.data.depth_max.is_some();
    if name.is_none() && !has_scale && detected(&config.data, dir, &given)?.output == OutputKind::Depth {
        // Depths are then reported as levels.
        config.data.depth_scale = Some(1.0);
    }
    let found = adopt(&mut config, dir, &given, check, output)?;
    config.validate()?;
    Ok((config, found))
}

fn summary(report: &Report, layout: &str, data: &DataConfig) -> String {
    let Report { train, val, heights: [low, high], widths: [narrow, wide], .. } = report;
    let direction = report.direction.map_or(String::new(), |direction| format!(", {}", direction.name()));
    let size = format!("{}×{}", range(*narrow, *wide), range(*low, *high));
    let mut text = format!("{layout}{direction}: {train} training and {val} validation pairs of {size} pixels");
    let names = if data.has_class_names() { data.class_names() } else { vec![String::new(); report.classes.len()] };
    let found = report.classes.iter().zip(&names).enumerate().filter(|(_, (count, _))| count.pixels > 0);
    let longest = found.clone().map(|(_, (_, name))| name.chars().count()).max().unwrap_or(0);
    for (class, (count, name)) in found {
        let name = if longest > 0 { format!("  {name:<longest$}") } else { String::new() };
        let share = 100.0 * report.share(class);
        text += &format!("\n  class {class:>3}{name}: {share:>5.1}% of pixels, in {} pictures", count.pictures);
    }
    if let Some(depths @ DepthCount { range: [minimum, maximum], measured, invalid, beyond }) = &report.depths {
        let percent = |pixels: u64| 100.0 * depths.share(pixels);
        if *measured > 0 {
            text += &format!("\n  depths from {} to {}", rounded(*minimum), rounded(*maximum));
        }
        if data.depth_invalid.is_some() {
            text += &format!("\n  {:>5.1}% of pixels not measured (data.depth_invalid)", percent(*invalid));
        }
        if data.depth_max.is_some() {
            text += &format!("\n  {:>5.1}% of pixels beyond data.depth_max (clamped)", percent(*beyond));
        }
    }
    if let [first, others @ ..] = &report.turned[..] {
        let others = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
        let what = match data.orientation {
            Orientation::Apply => "is applied; if maps belong to the stored pixels: --set data.orientation=ignore",
            Orientation::Ignore => "is ignored (data.orientation)",
        };
        text += &format!("\n  {first}{others}: EXIF orientation, which {what}");
    }
    if let Some(skipped) = skipped_text(&report.skipped) {
        text += &format!("\n{skipped}");
    }
    text += &match report.problems.len() {
        0 => "\nno problems".to_owned(),
        1 => "\n1 problem".to_owned(),
        count => format!("\n{count} problems"),
    };
    text + &report.bad_labels(data).map_or(String::new(), |labels| format!("\nhint: {labels}"))
}

/// Rounded to four decimals.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// Writes a synthetic dataset.
pub fn synth(args: DataSynth, common: &Common, output: &Output) -> Result<ExitCode> {
    let DataSynth { dir, kind, count, size } = args;
    let seed = common.seed.unwrap_or(0);
    if dir.is_file() {
        return Err(Error::Data { file: dir, problem: "is a file; give a folder to create".into() }.into());
    }
    let kind = match kind {
        SynthKind::Facades => synthetic::Kind::Facades,
        SynthKind::Depth => synthetic::Kind::Scenes,
    };
    let written = synthetic::write(&dir, kind, count, size, seed)?;
    let synthetic::Written { train, val } = written;
    output.result(
        || json!({ "dir": shown(&dir), "train": train, "val": val, "size": size, "seed": seed }),
        || format!("{}: {train} training and {val} validation pairs of {size}×{size} pixels", dir.display()),
    );
    Ok(ExitCode::SUCCESS)
}

//! `asap data`: checks datasets, and writes synthetic ones.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use asap_model::config::{DataConfig, InputKind, Layout, OutputKind};
use asap_model::data::{
    ClassCount, DepthCount, Picture, Report, check as check_data, detect_layout, image_files, read_depth, synthetic,
};
use asap_model::{Config, Error};
use serde_json::json;

use super::train::use_data;
use super::{adjust, configuration, shown};
use crate::args::{Common, DataCheck, DataSynth, SynthKind};
use crate::exit::DATA;
use crate::output::Output;

/// Reports every problem of a dataset; exit code 3 if there is one.
pub fn check(args: DataCheck, common: &Common, output: &Output) -> Result<ExitCode> {
    let data = match &args.config {
        Some(name) => {
            let mut config = configuration(name, common)?;
            use_data(&mut config, &args.dir, common)?;
            config.data
        }
        None => {
            let mut config = Config { data: by_layout(&args.dir)?, ..Config::default() };
            adjust(&mut config, common)?;
            config.data
        }
    };
    let report = check_data(&args.dir, &data)?;
    for problem in &report.problems {
        output.result(
            || json!({ "file": shown(&problem.file), "problem": problem.message, "pixel": problem.pixel, "value": problem.value }),
            || problem.to_string(),
        );
    }
    let layout = report.layout.name();
    output.result(
        || {
            let class = |c: &ClassCount| json!({ "pixels": c.pixels, "pictures": c.pictures });
            let classes: Vec<_> = report.classes.iter().map(class).collect();
            let depths = report.depths.map(|DepthCount { range, measured, invalid, beyond }| {
                let range = (measured > 0).then_some(range);
                json!({ "range": range, "measured": measured, "invalid": invalid, "beyond": beyond })
            });
            json!({
                "dir": shown(&args.dir), "layout": layout, "train": report.train, "val": report.val,
                "heights": report.heights, "widths": report.widths, "classes": classes,
                "depths": depths,
                "problems": report.problems.len(), "ok": report.problems.is_empty(), "hint": report.bad_labels(&data),
                "set": report.hint(&data).map(|hint| hint.assignments),
            })
        },
        || summary(&report, layout, &data),
    );
    Ok(if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DATA) })
}

/// The `[data]` section for a folder's layout: the classes of the known datasets, any ids for plain pairs.
fn by_layout(dir: &Path) -> asap_model::Result<DataConfig> {
    Ok(match detect_layout(dir)? {
        Layout::Cityscapes => Config::preset("cityscapes-256")?.data,
        Layout::Pairs => {
            let rgb = dir.join("inputs").is_dir() || dir.join("train/inputs").is_dir();
            let input = if rgb { InputKind::Rgb } else { InputKind::Labels };
            let pairs = DataConfig { layout: Layout::Pairs, input, classes: 256, ..DataConfig::default() };
            match has_depths(dir) {
                // Depths are then reported as levels.
                true => DataConfig { output: OutputKind::Depth, depth_scale: Some(1.0), ..pairs },
                false => pairs,
            }
        }
        layout => DataConfig { layout, ..DataConfig::default() },
    })
}

/// Whether the first target is gray with 16 bits, as no photo is.
fn has_depths(dir: &Path) -> bool {
    let folders = ["images", "train/images", "val/images"].into_iter();
    let mut files = folders.filter_map(|folder| image_files(&dir.join(folder), Some(0)).ok()).flatten();
    files.next().is_some_and(|file| matches!(read_depth(&file), Ok(Picture::Gray16(_))))
}

fn summary(report: &Report, layout: &str, data: &DataConfig) -> String {
    let Report { train, val, heights: [low, high], widths: [narrow, wide], .. } = report;
    let mut text =
        format!("{layout}: {train} training and {val} validation pairs, {narrow}–{wide} × {low}–{high} pixels");
    for (class, count) in report.classes.iter().enumerate().filter(|(_, count)| count.pixels > 0) {
        let share = 100.0 * report.share(class);
        text += &format!("\n  class {class:>3}: {share:>5.1}% of pixels, in {} pictures", count.pictures);
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

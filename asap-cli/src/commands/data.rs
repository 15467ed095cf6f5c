//! `asap data`: checking data sets, and writing synthetic ones.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use asap_model::config::{DataConfig, Input, Layout};
use asap_model::data::{Report, check as check_data, detect_layout, synthetic};
use asap_model::{Config, Error};
use serde_json::json;

use super::{adjust, configuration, shown};
use crate::args::{Common, DataCheck, DataSynth};
use crate::exit::DATA;
use crate::output::Output;

/// Names every fault of a data set; exit code 3 if there is one.
pub fn check(args: DataCheck, common: &Common, output: &Output) -> Result<ExitCode> {
    let data = match &args.config {
        Some(name) => configuration(name, common)?.data,
        None => {
            let mut config = Config { data: by_layout(&args.dir)?, ..Config::default() };
            adjust(&mut config, common)?;
            config.data
        }
    };
    let report = check_data(&args.dir, &data)?;
    for fault in &report.faults {
        output.result(
            || json!({ "file": shown(&fault.file), "problem": fault.problem, "pixel": fault.pixel, "value": fault.value }),
            || fault.to_string(),
        );
    }
    let layout = serde_json::to_value(report.layout)?;
    output.result(
        || {
            let classes: Vec<_> =
                report.classes.iter().map(|c| json!({ "pixels": c.pixels, "pictures": c.pictures })).collect();
            json!({
                "dir": shown(&args.dir), "layout": layout, "train": report.train, "val": report.val,
                "heights": report.heights, "widths": report.widths, "classes": classes,
                "faults": report.faults.len(), "ok": report.faults.is_empty(),
            })
        },
        || summary(&report, layout.as_str().unwrap_or_default()),
    );
    Ok(if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DATA) })
}

/// What a folder is for by its layout: the classes of the known data sets, any ids for plain pairs.
fn by_layout(dir: &Path) -> asap_model::Result<DataConfig> {
    Ok(match detect_layout(dir)? {
        Layout::Cityscapes => Config::preset("cityscapes-256")?.data,
        Layout::Pairs => {
            let rgb = dir.join("inputs").is_dir() || dir.join("train/inputs").is_dir();
            let input = if rgb { Input::Rgb } else { Input::Labels };
            DataConfig { layout: Layout::Pairs, input, classes: 256, ..DataConfig::default() }
        }
        layout => DataConfig { layout, ..DataConfig::default() },
    })
}

fn summary(report: &Report, layout: &str) -> String {
    let Report { train, val, heights: [low, high], widths: [narrow, wide], .. } = report;
    let mut text =
        format!("{layout}: {train} training and {val} validation pairs, {narrow}–{wide} × {low}–{high} pixels");
    for (class, count) in report.classes.iter().enumerate().filter(|(_, count)| count.pixels > 0) {
        let share = 100.0 * report.share(class);
        text += &format!("\n  class {class:>3}: {share:>5.1}% of pixels, in {} pictures", count.pictures);
    }
    let faults = report.faults.len();
    text + &match faults {
        0 => "\nno faults".to_owned(),
        1 => "\n1 fault".to_owned(),
        _ => format!("\n{faults} faults"),
    }
}

/// Writes synthetic facades.
pub fn synth(args: DataSynth, common: &Common, output: &Output) -> Result<ExitCode> {
    let DataSynth { dir, count, size } = args;
    let seed = common.seed.unwrap_or(0);
    if dir.is_file() {
        return Err(Error::Data { file: dir, problem: "it is a file; name a folder to make".into() }.into());
    }
    let written = synthetic::write(&dir, count, size, seed)?;
    let synthetic::Written { train, val } = written;
    output.result(
        || json!({ "dir": shown(&dir), "train": train, "val": val, "size": size, "seed": seed }),
        || format!("{}: {train} training and {val} validation pairs of {size}×{size} pixels", dir.display()),
    );
    Ok(ExitCode::SUCCESS)
}

//! `asap profile --table`: one line per generator, beside the paper's figures.
//!
//! Multiply-accumulates are counted as in papers, from one-hot labels. Times are measured with labels looked up.

use anyhow::Result;
use asap_model::config::GeneratorConfig;
use asap_model::{Config, memory};
use indicatif::HumanCount;
use serde_json::json;

use super::layers::{dense_macs, profiled, total, with_baseline};
use crate::args::Common;
use crate::device::threads;
use crate::output::Output;

/// Prints the preset's own generator and the baselines of these names; all baselines if `names` is empty.
pub fn run(preset: &str, config: &Config, names: &[String], common: &Common, output: &Output) -> Result<()> {
    let [height, width] = config.data.size;
    let own = config.generator.kind();
    let baselines = GeneratorConfig::KINDS[1..].iter().map(|(name, _)| *name);
    let baselines = baselines.filter(|kind| names.is_empty() || names.iter().any(|name| name == kind));
    output.text(|| {
        format!(
            "{preset}, {height}×{width}: parameters and multiply-accumulates (from one-hot labels), and the paper's figures \
             at 256×512\n{:<16} {:>12} {:>9} {:>9} {:>8} {:>10} {:>12} {:>12}",
            "generator", "parameters", "paper, M", "G MAC", "paper", "ms", "moved, MB", "planned, MB"
        )
    });
    let baselines = baselines.map(|name| (name, with_baseline(config, name)));
    for (name, config) in std::iter::once((own, Ok(config.clone()))).chain(baselines) {
        let config = match config {
            Ok(config) => config,
            Err(why) => {
                output.result(
                    || json!({ "preset": preset, "generator": name, "left_out": why.to_string() }),
                    || format!("{name:<16} left out: {why}"),
                );
                continue;
            }
        };
        let all = total(&profiled(&config, common, output)?);
        let gmac = dense_macs(&config)? as f64 / 1e9;
        let planned = memory::inference(&config, [1, height, width], threads(common))?.total();
        let paper = config.generator.paper_figures();
        output.result(
            || {
                json!({
                    "preset": preset, "generator": name, "height": height, "width": width, "parameters": all.parameters,
                    "gmac": gmac, "seconds": all.seconds, "bytes": all.bytes, "planned_bytes": planned,
                    "paper": paper.map(|[parameters, gmac]| json!({ "parameters": parameters * 1e6, "gmac": gmac })),
                })
            },
            || {
                let [of_parameters, of_macs] =
                    paper.map_or([const { String::new() }; 2], |figures| figures.map(|figure| format!("{figure:.1}")));
                format!(
                    "{name:<16} {:>12} {of_parameters:>9} {gmac:>9.1} {of_macs:>8} {:>10.1} {:>12.1} {:>12.1}",
                    HumanCount(all.parameters as u64).to_string(),
                    all.seconds * 1e3,
                    all.bytes as f64 / 1e6,
                    planned as f64 / 1e6
                )
            },
        );
    }
    Ok(())
}

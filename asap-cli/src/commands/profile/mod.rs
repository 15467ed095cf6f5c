//! `asap profile`: parameters, multiply-accumulates, bytes and time, layer by layer, and planned memory.
//!
//! Multiply-accumulates of convolutions and matrix products are counted, with every tap, padding included; convolutions of
//! labels count one look-up per pixel and tap. Norms, activations and resizing are not counted.

mod layers;
mod table;

use std::process::ExitCode;

use anyhow::Result;
use asap_model::{Config, memory};
use indicatif::HumanCount;
use serde_json::{Value, json};

use super::{configuration, roofline};
use crate::args::{Common, Profile};
use crate::device::threads;
use crate::memory::{plan_json, plan_text};
use crate::output::Output;
pub use layers::dense_macs;
use layers::{profiled, total, with_baseline};

/// Profiles a forward pass of every preset, or of the baselines on each preset's inputs.
pub fn run(args: Profile, common: &Common, output: &Output) -> Result<ExitCode> {
    if args.roofline {
        return roofline::run(&args, common, output);
    }
    for preset in &args.presets {
        let config = configuration(preset, common)?;
        if args.table {
            table::run(preset, &config, &args.baselines, common, output)?;
            continue;
        }
        if args.baselines.is_empty() {
            profile(preset, None, &config, common, output)?;
        }
        for name in &args.baselines {
            profile(preset, Some(name), &with_baseline(&config, name)?, common, output)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the layers of one generator, their total, the planned memory, and the paper's figures.
fn profile(preset: &str, baseline: Option<&str>, config: &Config, common: &Common, output: &Output) -> Result<()> {
    let with_generator = |mut object: Value| {
        if let Some(name) = baseline {
            object["generator"] = json!(name);
        }
        object
    };
    let layers = profiled(config, common, output)?;
    let [height, width] = config.data.size;
    output.text(|| {
        let name = baseline.map_or(String::new(), |name| format!("{name} on the inputs of "));
        format!(
            "{name}{preset}, {height}×{width}\n{:<36} {:>12} {:>10} {:>10} {:>10} {:>10}",
            "layer", "parameters", "G MAC", "moved, MB", "held, MB", "ms"
        )
    });
    for layer in layers.iter().chain([&total(&layers)]) {
        output.result(
            || {
                with_generator(json!({
                    "preset": preset, "layer": layer.name, "parameters": layer.parameters,
                    "gmac": layer.macs as f64 / 1e9, "bytes": layer.bytes, "held_bytes": layer.held,
                    "seconds": layer.seconds,
                }))
            },
            || {
                format!(
                    "{:<36} {:>12} {:>10.3} {:>10.1} {:>10.1} {:>10.2}",
                    layer.name,
                    HumanCount(layer.parameters as u64).to_string(),
                    layer.macs as f64 / 1e9,
                    layer.bytes as f64 / 1e6,
                    layer.held as f64 / 1e6,
                    layer.seconds * 1e3
                )
            },
        );
    }
    let threads = threads(common);
    let inference = memory::inference(config, [1, height, width], threads)?;
    let training = memory::training(config, threads)?;
    for (what, plan) in [("inference", &inference), ("training", &training)] {
        output.result(|| with_generator(plan_json(preset, what, plan)), || plan_text(what, plan));
    }
    if let Some([parameters, gmac]) = config.generator.paper_figures() {
        output.result(
            || {
                let paper = json!({ "parameters": parameters * 1e6, "gmac": gmac });
                with_generator(json!({ "preset": preset, "paper": paper }))
            },
            || format!("the paper, at 256×512: {parameters}M parameters, {gmac} G MAC"),
        );
    }
    Ok(())
}

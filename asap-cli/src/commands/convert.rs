//! `asap convert`: checkpoints between `.pth` and `.safetensors`.

use std::process::ExitCode;

use anyhow::Result;
use asap_model::checkpoint::{self, Metadata};
use serde_json::json;

use super::{configuration, shown, usage};
use crate::args::{Common, Convert};
use crate::output::Output;

/// Reads either kind, writes the kind that the ending says.
pub fn run(args: Convert, common: &Common, output: &Output) -> Result<ExitCode> {
    let Convert { from, to, config } = args;
    let checkpoint = checkpoint::load(&from)?;
    let config = match config {
        Some(name) => Some(configuration(&name, common)?),
        None => checkpoint.config.clone(),
    };
    match to.extension().and_then(|ending| ending.to_str()) {
        Some("pth") => checkpoint::pth::write(&to, &checkpoint.weights)?,
        Some("safetensors") => match &config {
            Some(config) => checkpoint::save(&to, &checkpoint.weights, config)?,
            None => checkpoint::safetensors::write(&to, &checkpoint.weights, &Metadata::new())?,
        },
        _ => return Err(usage(&to.display().to_string(), "the ending must be .pth or .safetensors").into()),
    }
    let numbers: usize = checkpoint.weights.values().map(|tensor| tensor.data.len()).sum();
    let tensors = checkpoint.weights.len();
    output.result(
        || json!({ "from": shown(&from), "to": shown(&to), "tensors": tensors, "numbers": numbers, "config": config.is_some() }),
        || format!("{}: {tensors} tensors, {numbers} numbers", to.display()),
    );
    Ok(ExitCode::SUCCESS)
}

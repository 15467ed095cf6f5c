//! `asap convert`: checkpoints between `.pth` and `.safetensors`.

use std::process::ExitCode;

use anyhow::Result;
use asap_model::checkpoint::{self, Metadata};
use serde_json::json;

use super::{adjust, configuration, shown, usage};
use crate::args::{Common, Convert};
use crate::output::Output;

/// Reads either kind, writes the kind that the ending says.
pub fn run(args: Convert, common: &Common, output: &Output) -> Result<ExitCode> {
    let Convert { from, to, config, force } = args;
    let checkpoint = checkpoint::load(&from)?;
    if to.is_file() && !force {
        return Err(usage(&to.display().to_string(), "it is there already: name another file, or --force").into());
    }
    let written = match to.extension().and_then(|ending| ending.to_str()) {
        Some("pth") if config.is_some() => {
            return Err(
                usage("--config", "a .pth holds no configuration: write a .safetensors, or leave it out").into()
            );
        }
        Some("pth") => {
            checkpoint::pth::write(&to, &checkpoint.weights)?;
            None
        }
        Some("safetensors") => {
            let config = match (config, checkpoint.config) {
                (Some(name), _) => Some(configuration(&name, common)?),
                (None, Some(mut config)) => {
                    adjust(&mut config, common)?;
                    config.validate()?;
                    Some(config)
                }
                (None, None) => None,
            };
            match &config {
                Some(config) => checkpoint::save(&to, &checkpoint.weights, config)?,
                None => checkpoint::safetensors::write(&to, &checkpoint.weights, &Metadata::new())?,
            }
            config
        }
        _ => return Err(usage(&to.display().to_string(), "the ending must be .pth or .safetensors").into()),
    };
    let numbers: usize = checkpoint.weights.values().map(|tensor| tensor.data.len()).sum();
    let tensors = checkpoint.weights.len();
    output.result(
        || json!({ "from": shown(&from), "to": shown(&to), "tensors": tensors, "numbers": numbers, "config": written.is_some() }),
        || format!("{}: {tensors} tensors, {numbers} numbers", to.display()),
    );
    Ok(ExitCode::SUCCESS)
}

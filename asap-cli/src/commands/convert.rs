//! `asap convert`: converts checkpoints between `.pth` and `.safetensors`.

use std::process::ExitCode;

use anyhow::Result;
use asap_model::Config;
use asap_model::checkpoint::{self, Metadata};
use serde_json::json;

use super::{checkpoint_config, shown, usage};
use crate::args::{Common, Convert};
use crate::output::Output;

/// Reads either format and writes that of the extension.
pub fn run(args: Convert, common: &Common, output: &Output) -> Result<ExitCode> {
    let Convert { from, to, config, force } = args;
    let checkpoint = checkpoint::load(&from)?;
    if to.is_file() && !force {
        return Err(usage(
            &to.display().to_string(),
            "the file already exists; choose another name, or overwrite it with --force",
        )
        .into());
    }
    let written = match to.extension().and_then(|ending| ending.to_str()) {
        Some("pth") if config.is_some() => {
            return Err(usage(
                "--config",
                "a .pth can't embed a configuration; write a .safetensors, or omit --config",
            )
            .into());
        }
        Some("pth") => {
            checkpoint::pth::write(&to, &checkpoint.weights)?;
            None
        }
        Some("safetensors") => {
            let config = checkpoint_config(&checkpoint, config.as_deref(), common)?;
            config.iter().try_for_each(Config::validate)?;
            match &config {
                Some(config) => checkpoint::save(&to, &checkpoint.weights, config)?,
                None => checkpoint::safetensors::write(&to, &checkpoint.weights, &Metadata::new())?,
            }
            config
        }
        _ => return Err(usage(&to.display().to_string(), "the extension must be .pth or .safetensors").into()),
    };
    let values: usize = checkpoint.weights.values().map(|tensor| tensor.data.len()).sum();
    let tensors = checkpoint.weights.len();
    output.result(
        || json!({ "from": shown(&from), "to": shown(&to), "tensors": tensors, "values": values, "config": written.is_some() }),
        || format!("{}: {tensors} tensors, {values} values", to.display()),
    );
    Ok(ExitCode::SUCCESS)
}

//! `asap convert`: converts checkpoints between `.pth` and `.safetensors`.

use std::process::ExitCode;

use anyhow::Result;
use asap_model::Error;
use asap_model::checkpoint::{self, Metadata};
use asap_model::inference::generator_weights;
use serde_json::json;

use super::{checkpoint_config, shown, usage};
use crate::args::{Common, Convert};
use crate::output::Output;

/// Reads either format and writes that of the extension. A configuration is embedded only if the tensors are those of its
/// generator.
pub fn run(args: Convert, common: &Common, output: &Output) -> Result<ExitCode> {
    let Convert { from, to, config, force } = args;
    let checkpoint = checkpoint::load(&from)?;
    let is_given = config.is_some();
    if to.is_file() && !force {
        return Err(usage(
            &to.display().to_string(),
            "the file already exists; choose another name, or overwrite it with --force",
        )
        .into());
    }
    let mut warnings = Vec::new();
    let mut weights = &checkpoint.weights;
    let adapted;
    let written = match to.extension().and_then(|ending| ending.to_str()) {
        Some("pth") if config.is_some() => {
            return Err(usage(
                "--config",
                "a .pth can't embed a configuration; write a .safetensors, or omit --config",
            )
            .into());
        }
        Some("pth") => {
            checkpoint::pth::write(&to, weights)?;
            None
        }
        Some("safetensors") => {
            let config = checkpoint_config(&checkpoint, config.as_deref(), common)?;
            match &config {
                Some(config) => {
                    adapted = generator_weights(&checkpoint, config).map_err(|error| advised(error, is_given))?;
                    warnings = adapted.warnings();
                    weights = &adapted.checkpoint.weights;
                    checkpoint::save(&to, weights, config)?;
                }
                None => checkpoint::safetensors::write(&to, weights, &Metadata::new())?,
            }
            config
        }
        _ => return Err(usage(&to.display().to_string(), "the extension must be .pth or .safetensors").into()),
    };
    warnings.iter().for_each(|warning| output.say(format_args!("warning: {warning}")));
    let values: usize = weights.values().map(|tensor| tensor.data.len()).sum();
    let tensors = weights.len();
    output.result(
        || {
            json!({
                "from": shown(&from), "to": shown(&to), "tensors": tensors, "values": values, "config": written.is_some(),
                "warnings": warnings,
            })
        },
        || format!("{}: {tensors} tensors, {values} values", to.display()),
    );
    Ok(ExitCode::SUCCESS)
}

/// Adds to a mismatch how other networks are converted.
fn advised(error: Error, is_given: bool) -> Error {
    match error {
        Error::Checkpoint { file, problem } if is_given => {
            let problem = format!("{problem}\nwithout --config, tensors of any network are converted as they are");
            Error::Checkpoint { file, problem }
        }
        other => other,
    }
}

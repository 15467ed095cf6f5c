//! `asap init`: a configuration to begin with.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use asap_model::{Config, atomic};
use serde_json::json;

use super::{shown, usage};
use crate::args::Init;
use crate::output::Output;

/// Writes every key, explained, with its default.
pub fn run(args: &Init, output: &Output) -> Result<ExitCode> {
    let file = &args.file;
    if file.exists() {
        return Err(usage(&file.display().to_string(), "it exists already: name a file that does not").into());
    }
    let text = Config::starter()?;
    atomic::write(file, |to| to.write_all(text.as_bytes()))?;
    output.result(|| json!({ "file": shown(file) }), || file.display().to_string());
    Ok(ExitCode::SUCCESS)
}

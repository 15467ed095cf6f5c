//! `asap init`: a commented configuration.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use asap_model::Config;
use asap_model::checkpoint::atomic;
use serde_json::json;

use super::{adjust, shown, usage};
use crate::args::{Common, Init};
use crate::output::Output;

/// Writes every key with its help, and its default or the value of `--set`.
pub fn run(args: &Init, common: &Common, output: &Output) -> Result<ExitCode> {
    let file = &args.file;
    if file.exists() {
        return Err(usage(&file.display().to_string(), "the file already exists; choose another name").into());
    }
    let mut config = Config::default();
    adjust(&mut config, common)?;
    let text = config.starter()?;
    atomic::write(file, |to| to.write_all(text.as_bytes()))?;
    output.result(|| json!({ "file": shown(file) }), || file.display().to_string());
    Ok(ExitCode::SUCCESS)
}

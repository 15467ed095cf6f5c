//! `asap completions`: shell completions for commands, flags, presets and keys.

use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory;
use serde_json::json;

use crate::args::{Arguments, Completions};
use crate::output::Output;

/// Prints the completion script.
pub fn run(args: &Completions, output: &Output) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "asap", &mut script);
    let script = String::from_utf8(script)?;
    output.result(|| json!({ "shell": args.shell.to_string(), "script": script }), || script.trim_end().to_owned());
    Ok(ExitCode::SUCCESS)
}

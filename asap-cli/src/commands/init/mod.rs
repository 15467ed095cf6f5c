//! `asap init`: a commented configuration that trains as it is. [`own_data`] chooses one for a dataset.

mod commented;
mod own_data;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use asap_model::Config;
use asap_model::checkpoint::atomic;
use serde_json::json;

use super::train::QUICKSTART;
use super::{adjust, shell_word, shown, usage};
use crate::args::{Common, Init};
use crate::output::Output;
use commented::{Commented, VGG};

/// Writes every key with its help, and its value: that of `--set`, else one that trains.
pub fn run(args: &Init, common: &Common, output: &Output) -> Result<ExitCode> {
    let file = &args.file;
    if file.exists() {
        return Err(usage(&file.display().to_string(), "the file already exists; choose another name").into());
    }
    let Commented { config, head, notes } = match &args.data {
        Some(dir) => own_data::choose(dir, common, output)?,
        None => synthetic(common)?,
    };
    config.validate()?;
    let train = format!("asap train --config {}", shell_word(file));
    let text = config.commented(&format!("{head}\nTrain with: {train}"), &notes)?;
    atomic::write(file, |to| to.write_all(text.as_bytes()))?;
    output.result(
        || json!({ "file": shown(file), "train": train }),
        || format!("{}\nTrain with: {train}", file.display()),
    );
    Ok(ExitCode::SUCCESS)
}

/// The quickstart, which needs neither a dataset nor other files.
fn synthetic(common: &Common) -> asap_model::Result<Commented> {
    let mut config = Config::preset(QUICKSTART)?;
    adjust(&mut config, common)?;
    let notes = vec![
        (
            "data.layout",
            "Synthetic facades need no files. For a dataset: asap init FILE --data DIR, or dir and layout here.".into(),
        ),
        ("loss.lambda_vgg", VGG.into()),
        ("loss.lambda_l1", "Teaches the colors that the perceptual loss would teach.".into()),
    ];
    let head = "A small network on synthetic facades at 128x128: minutes on two CPU cores. The defaults of most keys are the \
                paper's, for facades at 256x256.";
    Ok(Commented { config, head: head.into(), notes })
}

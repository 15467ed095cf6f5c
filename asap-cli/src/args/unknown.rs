//! Errors about arguments that do not exist, which name the one that was probably meant.

use std::ffi::OsString;

use asap_model::Config;
use asap_model::config::nearest_name;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory, Error, FromArgMatches};

use super::common::with_home;
use super::{Arguments, Train};

/// Flags with their names in other projects, besides those of configuration keys. Case, `-` and `_` do not count.
const FLAGS: &[(&str, &[&str])] = &[
    ("--out", &["o", "output", "output_dir", "out_dir", "save_dir", "save_path", "results_dir", "result_dir", "dst"]),
    ("--out", &["name", "run_name", "exp_name", "experiment", "checkpoints_dir", "log_dir", "work_dir", "run_dir"]),
    ("--data", &["d", "dataroot", "data_dir", "data_path", "data_root", "dataset", "dataset_dir", "root", "folder"]),
    ("--input", &["i", "image", "images", "inputs", "input_dir", "src", "source", "label", "labels", "label_dir"]),
    ("--instances", &["inst", "instance", "instance_maps", "inst_dir", "instance_dir"]),
    (
        "--checkpoint",
        &["m", "ckpt", "weights", "model", "model_path", "pretrained", "load", "which_epoch", "load_from"],
    ),
    ("--resume", &["continue", "continue_train", "continue_training", "auto_resume"]),
    ("--device", &["g", "gpu", "gpus", "gpu_id", "gpu_ids", "cuda", "cpu", "no_cuda", "accelerator"]),
    ("--config", &["c", "cfg", "config_file", "preset", "opt"]),
    ("--preset", &["c", "config", "cfg", "config_file", "model"]),
    ("--threads", &["n_threads", "num_threads", "j", "jobs", "cores"]),
    ("--matmul-precision", &["precision", "fp16", "bf16", "tf32", "half", "amp", "mixed_precision"]),
    ("--count", &["n", "num", "how_many", "num_samples", "num_test", "limit"]),
    ("--size", &["resolution", "crop_size", "img_size", "image_size", "imgsz"]),
    ("--native-size", &["own_size", "full_size", "no_resize", "original_size"]),
    ("--generated", &["fake", "pred", "predictions", "results"]),
    ("--real", &["gt", "ground_truth", "target", "reference"]),
    ("--force", &["f", "overwrite"]),
    ("--dry-run", &["debug", "fast_dev_run", "smoke_test", "test_run"]),
    ("--seed", &["random_seed", "manual_seed"]),
    ("--quiet", &["silent"]),
];

/// Commands with their names in other projects.
const COMMANDS: &[(&str, &[&str])] = &[
    ("train", &["fit", "training", "finetune"]),
    ("infer", &["test", "predict", "generate", "inference", "run", "translate", "sample"]),
    ("eval", &["evaluate", "val", "validate", "metrics", "fid"]),
    ("bench", &["benchmark", "time", "speed"]),
    ("profile", &["summary", "info", "stats"]),
    ("data", &["dataset", "check", "synth"]),
    ("init", &["new", "create", "config"]),
    ("doctor", &["env", "system", "devices"]),
];

/// The arguments of this process; a wrong one ends it.
pub fn parse() -> Arguments {
    let matches = with_home(Arguments::command()).try_get_matches();
    let parsed = matches.and_then(|matches| Arguments::from_arg_matches(&matches));
    parsed.unwrap_or_else(|error| explained(error, std::env::args_os().collect()).exit())
}

/// The error with advice in place of the argument of most similar letters.
fn explained(mut error: Error, given: Vec<OsString>) -> Error {
    let text = |error: &Error, kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let advice = match error.kind() {
        ErrorKind::UnknownArgument => {
            let Some(flag) = text(&error, ContextKind::InvalidArg).filter(|flag| flag.starts_with('-')) else {
                return error;
            };
            let mut program = Arguments::command();
            program.build();
            advice(&flag, chosen(&program, &given))
        }
        ErrorKind::InvalidSubcommand => {
            let name = text(&error, ContextKind::InvalidSubcommand).unwrap_or_default();
            match known(COMMANDS, &name).next() {
                Some(command) => Some(format!("use 'asap {command}'")),
                None => return error,
            }
        }
        _ => return error,
    };
    error.remove(ContextKind::SuggestedArg);
    error.remove(ContextKind::SuggestedSubcommand);
    error.remove(ContextKind::Suggested);
    if let Some(advice) = advice {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(advice)]));
    }
    error
}

/// The innermost command that the arguments name.
fn chosen<'a>(program: &'a Command, given: &[OsString]) -> &'a Command {
    given.iter().skip(1).fold(program, |command, word| command.find_subcommand(word).unwrap_or(command))
}

/// What to use in place of a flag that a command does not have.
fn advice(flag: &str, command: &Command) -> Option<String> {
    let has = |long: &str| command.get_arguments().any(|argument| argument.get_long() == long.strip_prefix("--"));
    if let Some(own) = known(FLAGS, flag).find(|own| has(own)) {
        let example = if own == "--device" { " cpu', '--device cuda' or '--device cuda:N" } else { "" };
        return Some(format!("use '{own}{example}'"));
    }
    let keys = Config::keys_meant_by(flag.trim_start_matches('-'));
    let shorthand = keys.first().and_then(|key| Train::SHORTHANDS.iter().find(|(_, of)| of == key));
    if let Some((own, _)) = shorthand.filter(|(own, _)| has(own)) {
        return Some(format!("use '{own}'"));
    }
    if !keys.is_empty() {
        let settings: Vec<String> = keys.iter().map(|key| format!("--set {key}=VALUE")).collect();
        return Some(format!("use '{}'", settings.join(" ")));
    }
    let flags: Vec<String> = command.get_arguments().filter_map(|a| Some(format!("--{}", a.get_long()?))).collect();
    let near = nearest_name(flag, &flags.iter().map(String::as_str).collect::<Vec<_>>())?;
    Some(format!("a similar argument exists: '{near}'"))
}

/// The entries of a table that have this name.
fn known<'a>(
    table: &'a [(&'static str, &'static [&'static str])],
    name: &str,
) -> impl Iterator<Item = &'static str> + use<'a> {
    let plain = |name: &str| name.replace(['-', '_'], "").to_lowercase();
    let name = plain(name);
    table.iter().filter(move |(_, names)| names.iter().any(|known| plain(known) == name)).map(|(own, _)| *own)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn message(line: &str) -> String {
        let given: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let error = Arguments::try_parse_from(&given).expect_err(line);
        explained(error, given).to_string()
    }

    #[test]
    fn foreign_flags_name_the_right_one() {
        for (line, advice) in [
            ("asap train --batch-size 4", "use '--batch'"),
            ("asap train --batchSize=4", "use '--batch'"),
            ("asap train --learning-rate 1e-4", "use '--lr'"),
            ("asap train --num-workers 4", "use '--set data.workers=VALUE'"),
            ("asap train --gpu 0", "use '--device cpu', '--device cuda' or '--device cuda:N'"),
            ("asap --device cpu train --output x", "use '--out'"),
            ("asap train --name x", "use '--out'"),
            ("asap train -o x", "use '--out'"),
            ("asap train --dataroot x", "use '--data'"),
            ("asap train --label_nc 35", "use '--set data.classes=VALUE'"),
            ("asap train --lambda_L1 1", "use '--set loss.lambda_l1=VALUE'"),
            ("asap train --crop_size 256", "use '--size'"),
            ("asap train --niter 100", "use '--epochs'"),
            ("asap train --continue_train", "use '--resume'"),
            ("asap train --train.batch 4", "use '--batch'"),
            ("asap bench --config x", "use '--preset'"),
            ("asap bench --lr 1", "use '--set train.lr_generator=VALUE --set train.lr_discriminator=VALUE'"),
            ("asap infer --weights x", "use '--checkpoint'"),
            ("asap data synth x --n 3", "use '--count'"),
            ("asap train --epoch 3", "use '--epochs'"),
            ("asap train --skip-chek", "a similar argument exists: '--skip-check'"),
            ("asap predict", "use 'asap infer'"),
        ] {
            let message = message(line);
            assert!(message.contains(&format!("tip: {advice}\n")), "{line}: {message}");
        }
    }

    #[test]
    fn unlike_flags_have_no_suggestion() {
        for line in ["asap infer --zq 1", "asap convert a b --frobnicate"] {
            assert!(!message(line).contains("tip: "), "{line}: {}", message(line));
        }
    }

    #[test]
    fn known_flags_exist() {
        let mut program = Arguments::command();
        program.build();
        let commands = program.get_subcommands().flat_map(|c| std::iter::once(c).chain(c.get_subcommands()));
        let flags: Vec<&str> = commands.flat_map(|c| c.get_arguments().filter_map(|a| a.get_long())).collect();
        for (flag, _) in FLAGS {
            assert!(flags.contains(&&flag[2..]), "{flag}");
        }
        assert!(COMMANDS.iter().all(|(name, _)| program.find_subcommand(name).is_some()));
    }
}

//! Invalid and unusual files. The program handles each correctly, or prints one error that names the file and the value and
//! exits with its code. It never panics, never allocates unbounded memory, and never leaves a partial file.

mod checkpoints;
mod configurations;
mod data_sets;
mod images;
mod made;
mod pth;
mod safetensors;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use crate::support::{Output, Workspace};

/// The limit on the program's address space in KiB: 2 GiB, of which threads reserve some hundred MiB.
const ADDRESS_SPACE: u64 = 2 << 20;

/// Runs the program within [`ADDRESS_SPACE`], where the system supports such a limit.
fn bounded<S: AsRef<OsStr>>(here: &Workspace, arguments: &[S]) -> Output {
    let program = env!("CARGO_BIN_EXE_asap");
    let mut command = if cfg!(target_os = "linux") {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("ulimit -v {ADDRESS_SPACE}; exec \"$0\" \"$@\"")).arg(program);
        command
    } else {
        Command::new(program)
    };
    // Each further thread reserves address space of its own.
    command.args(arguments).current_dir(here.path(".")).env("RAYON_NUM_THREADS", "2").env("MALLOC_ARENA_MAX", "2");
    let output = command.output().expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    // No code: a signal ended the program.
    Output { code: output.status.code().unwrap_or(-1), stdout, stderr }
}

/// The expected exit code, and parts of the error message.
type Expected<'a> = (i32, &'a [&'a str]);

/// Every difference between an output and the expected one.
fn differences(ran: &Output, (code, parts): Expected) -> Vec<String> {
    let mut wrong = Vec::new();
    if ran.code != code {
        wrong.push(format!("exit code {}, not {code}", ran.code));
    }
    if ran.stderr.contains("panicked") {
        wrong.push("a panic".into());
    }
    let errors = ran.stderr.lines().filter(|line| line.starts_with("error: ")).count();
    if errors != usize::from(code != 0) {
        wrong.push(format!("{errors} errors"));
    }
    wrong.extend(parts.iter().filter(|part| !ran.stderr.contains(**part)).map(|part| format!("no {part:?}")));
    if ran.stderr.len() > 20_000 {
        wrong.push(format!("{} bytes of messages", ran.stderr.len()));
    }
    wrong
}

/// Runs cases in one folder: name, arguments, expected outcome. A rejected case must leave the folder unchanged.
fn run_all(here: &Workspace, cases: &[(String, String, Expected)]) {
    let mut failures = Vec::new();
    for (name, line, expected) in cases {
        let before = sizes(here);
        let ran = bounded(here, &line.split_whitespace().collect::<Vec<_>>());
        let mut wrong = differences(&ran, *expected);
        let after = sizes(here);
        if expected.0 != 0 && before != after {
            let new: Vec<_> = after.keys().filter(|path| !before.contains_key(*path)).collect();
            wrong.push(format!("the folder changed: {new:?}"));
        }
        if !wrong.is_empty() {
            let message: String = ran.stderr.chars().take(600).collect();
            failures.push(format!("{name}: asap {line}: {}\n    {message}", wrong.join("; ")));
        }
    }
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

/// Every file below a folder with its length.
fn sizes(here: &Workspace) -> BTreeMap<PathBuf, u64> {
    let mut sizes = BTreeMap::new();
    let mut folders = vec![here.path(".")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let about = path.symlink_metadata().expect("an entry");
            if about.is_dir() {
                folders.push(path);
            } else {
                sizes.insert(path, about.len());
            }
        }
    }
    sizes
}

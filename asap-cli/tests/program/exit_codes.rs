//! What all commands share: devices and argument errors.

use asap_model::Config;

use crate::support::{TINY, TINY_FILE, Workspace};

#[test]
fn missing_and_unknown_devices_have_different_exit_codes() {
    let here = Workspace::new();
    here.write("tiny.toml", TINY_FILE);
    for command in [&format!("train --steps 1 {TINY}"), "bench --preset tiny.toml", "profile --preset tiny.toml"] {
        here.refused(&format!("{command} --device cuda:999"), 4, &["cuda:999"]);
        for device in ["nonsense", "cuda:x", "cuda:", "CPU"] {
            here.refused(&format!("{command} --device {device}"), 2, &[device, "reference64"]);
        }
    }
    here.refused("data synth houses --count 2 --device nonsense", 2, &["nonsense"]);
    assert_eq!(here.names("."), ["tiny.toml"]);
}

#[test]
fn reference_devices_train() {
    for device in ["reference", "reference64"] {
        let here = Workspace::new();
        here.done(&format!("train --steps 1 --device {device} {TINY}"));
        assert!(here.path("runs/quickstart/generator.safetensors").is_file());
    }
}

/// A script must not mistake a truncated table for a complete one.
#[cfg(target_os = "linux")]
#[test]
fn full_standard_output_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a full disk");
    let ran =
        std::process::Command::new(env!("CARGO_BIN_EXE_asap")).args(["completions", "bash"]).stdout(full).output();
    let ran = ran.expect("the program");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(3), "{said}");
    assert!(said.starts_with("error: standard output: cannot write results"), "{said}");
}

#[test]
fn init_applies_set_and_seed() {
    let here = Workspace::new();
    here.done("init mine.toml --seed 1 --set train.seed=2 --set train.batch=4");
    let train = Config::load(&here.path("mine.toml").to_string_lossy()).unwrap().train;
    assert_eq!((train.seed, train.batch), (1, 4));
    here.refused("init other.toml --set train.bach=4", 2, &["train.bach", "did you mean", "batch"]);
}

#[test]
fn unknown_arguments_are_usage_errors() {
    let here = Workspace::new();
    for line in [
        "paint",
        "train --colour red",
        "verify nowhere --threads 0",
        "train --steps many",
        "data",
        "convert one",
        "verify",
    ] {
        let ran = here.asap(line);
        assert_eq!(ran.code, 2, "asap {line}\n{}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.stdout, "", "asap {line}");
        assert!(!ran.stderr.is_empty(), "asap {line}");
    }
    let ran = here.asap("");
    assert_eq!(ran.code, 2);
    for line in ["--help", "train --help", "--version", "data synth --help"] {
        let ran = here.done(line);
        assert!(ran.stdout.contains("asap"), "asap {line}: {}", ran.stdout);
    }
}

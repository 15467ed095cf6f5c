//! What every command has in common: devices, and words that mean nothing.

use crate::support::{TINY, TINY_FILE, Workplace};

#[test]
fn a_device_that_is_not_there_is_told_from_one_that_does_not_exist() {
    let here = Workplace::new();
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
fn the_reference_devices_train_too() {
    for device in ["reference", "reference64"] {
        let here = Workplace::new();
        here.done(&format!("train --steps 1 --device {device} {TINY}"));
        assert!(here.path("runs/quickstart/generator.safetensors").is_file());
    }
}

#[test]
fn words_that_mean_nothing_are_a_usage_error() {
    let here = Workplace::new();
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

//! `scripts/gpu_check`, without a GPU and with a simulated one.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{Workspace, copy_folder};

/// What `scripts/gpu-check` packs, but with the given program and no tests.
fn folder(here: &Workspace, asap: &Path) {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    copy_folder(&project.join("scripts/gpu_check"), &here.path("folder/gpu_check"));
    std::fs::rename(here.path("folder/gpu_check/run"), here.path("folder/run")).unwrap();
    std::fs::create_dir(here.path("folder/bin")).unwrap();
    symlink(project.join("configs"), here.path("folder/configs")).unwrap();
    symlink(asap, here.path("folder/bin/asap")).unwrap();
    here.write(
        "folder/build.json",
        r#"{"commit": "c0ffee", "changed": false, "difference": "", "rustc": "rustc 1.89.0"}"#,
    );
}

/// Runs it with no GPU but those that the program reports; `None` without Python.
fn run(here: &Workspace, line: &str) -> Option<Output> {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: python3 is missing");
        return None;
    }
    let mut command = Command::new("bash");
    command.arg(here.path("folder/run")).args(line.split_whitespace());
    command.current_dir(here.path("")).env("CUDA_VISIBLE_DEVICES", "");
    Some(command.output().expect("bash starts"))
}

fn results(here: &Workspace, name: &str) -> Value {
    let text = std::fs::read_to_string(here.path(name)).expect("a file of results");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn gpu_check_without_gpu_reports_every_step() {
    let here = Workspace::new();
    folder(&here, Path::new(env!("CARGO_BIN_EXE_asap")));
    let Some(ran) = run(&here, "--out results.json --step doctor --step verify --step racecheck --step peers") else {
        return;
    };
    let said = String::from_utf8_lossy(&ran.stdout);
    assert_eq!(ran.status.code(), Some(1), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    let results = results(&here, "results.json");
    assert_eq!((&results["commit"], &results["card"]), (&"c0ffee".into(), &Value::Null));
    assert_eq!(results["steps"]["doctor"]["status"], "failed");
    for step in ["verify", "racecheck", "peers"] {
        assert_eq!(results["steps"][step]["status"], "not run", "{results}");
        assert!(said.contains(&format!("-- {step}: not run (no usable GPU: ")), "{said}");
    }
}

/// A program that reports a GPU, has one value out of tolerance, and takes twice as long at the highest precision.
const SIMULATED: &str = r#"#!/bin/sh
case "$1 $*" in
doctor*--json) echo '{"devices": [{"device": "cuda:0", "what": "A Card 9, 80 GB", "ok": true, "problem": null}]}' ;;
doctor*) echo "A Card" ;;
verify*) echo '{"case": "a", "kind": "k", "quantity": "q", "rel_error": 2e-6, "tolerance": 1e-6, "ok": false}'; exit 1 ;;
bench*--train*) echo "error: out of memory" >&2; exit 4 ;;
bench*highest*) echo '{"preset": "facades-512", "mode": "infer", "precision": "highest", "median_s": 0.004, "parameters": 7}' ;;
bench*) echo '{"preset": "facades-512", "mode": "infer", "precision": "high", "median_s": 0.002, "parameters": 7}' ;;
profile*)
    echo '{"device": "cuda:0", "bandwidth_gb_per_s": 3000, "peak_gflop_per_s": 60000}'
    echo '{"preset": "facades-512", "mode": "infer", "op": "conv2d", "layers": [], "count": 2, "bytes": 8, "operations": 9, "seconds": 0.1, "gb_per_s": 1, "gflop_per_s": 2, "bound": "peak", "share": 0.5}'
    echo '{"preset": "facades-512", "mode": "infer", "op": "total", "seconds": 0.1, "whole_seconds": 0.05}' ;;
esac
"#;

#[test]
fn gpu_check_continues_after_a_failed_step() {
    let here = Workspace::new();
    here.write("played", SIMULATED);
    std::fs::set_permissions(here.path("played"), PermissionsExt::from_mode(0o755)).unwrap();
    folder(&here, &here.path("played"));
    let Some(ran) = run(&here, "--out r.json --preset facades-512 --step doctor --step verify --step bench") else {
        return;
    };
    let said = String::from_utf8_lossy(&ran.stdout);
    assert_eq!(ran.status.code(), Some(1), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    let first = results(&here, "r.json");
    let status = |results: &Value, step: &str| results["steps"][step]["status"].as_str().map(str::to_owned);
    for (step, expected) in [("doctor", "ok"), ("verify", "failed"), ("bench", "failed")] {
        assert_eq!(status(&first, step).as_deref(), Some(expected), "{step}: {said}");
    }
    assert_eq!(first["card"], "A Card 9");
    assert_eq!(first["steps"]["verify"]["why"], "out of tolerance: a q");
    let why = first["steps"]["bench"]["why"].as_str().unwrap_or_default();
    assert!(why.contains("train high: 1 presets failed: error: out of memory"), "{why}");
    assert_eq!(first["steps"]["bench"]["lines"].as_array().map(Vec::len), Some(3), "what was timed is kept");

    let Some(ran) = run(&here, "--out r.json --preset facades-512 --step roofline") else { return };
    let said = String::from_utf8_lossy(&ran.stdout);
    assert_eq!(ran.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    let row = said.lines().find(|line| line.starts_with("facades-512 infer ")).expect("a row of times");
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(cells[2..5], ["4.000", "2.000", "-"], "{said}");
    assert!(said.contains("conv2d -"), "the roofline: {said}");
    let both = results(&here, "r.json");
    for step in ["doctor", "verify", "bench"] {
        assert_eq!(both["steps"][step], first["steps"][step]);
    }
    assert_eq!(status(&both, "roofline").as_deref(), Some("ok"));

    // Results of another commit, or of the same one with other changes, can't be combined.
    for (build, differs) in [
        (
            r#"{"commit": "decade", "changed": false, "difference": "", "rustc": "r"}"#,
            "another commit (c0ffee, now decade)",
        ),
        (r#"{"commit": "c0ffee", "changed": true, "difference": "1f", "rustc": "r"}"#, "another difference (, now 1f)"),
    ] {
        here.write("folder/build.json", build);
        let Some(ran) = run(&here, "--out r.json --step doctor") else { return };
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.code() == Some(1) && said.contains(differs), "{said}");
    }
}

#[test]
fn scripts_parse() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts");
    for script in ["gpu-check", "gpu_check/run"] {
        let status = Command::new("bash").arg("-n").arg(scripts.join(script)).status().expect("bash starts");
        assert!(status.success(), "{script}");
        let status =
            Command::new("bash").arg(scripts.join(script)).arg("--no-such-option").output().expect("bash starts");
        assert_ne!(status.status.code(), Some(0), "{script}");
    }
    let help = Command::new("bash").arg(scripts.join("gpu-check")).arg("--help").output().expect("bash starts");
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("FOLDER"));
}

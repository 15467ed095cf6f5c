//! `asap doctor`.

use serde_json::Value;

use crate::support::Workspace;

#[test]
fn doctor_json_reports_cpu_and_libraries() {
    let here = Workspace::new();
    let objects = here.done("doctor --json --threads 2").objects();
    assert_eq!(objects.len(), 1);
    let found = &objects[0];
    assert_eq!((&found["ok"], &found["version"]), (&true.into(), &env!("CARGO_PKG_VERSION").into()));
    assert_eq!(found["cpu"]["threads_used"], 2);
    assert!(found["cpu"]["simd"].is_array() && found["cpu"]["model"].as_str().is_some_and(|model| !model.is_empty()));
    let bytes = |key: &str| found["memory"][key].as_u64().unwrap_or_else(|| panic!("no {key}"));
    assert!(0 < bytes("available_bytes") && bytes("available_bytes") <= bytes("total_bytes"));
    let device = |name: &str| {
        let devices = found["devices"].as_array().expect("devices");
        devices.iter().find(|device| device["device"] == name).unwrap_or_else(|| panic!("no {name}")).clone()
    };
    assert_eq!((&device("cpu")["ok"], &device("cpu")["problem"]), (&true.into(), &Value::Null));
    for library in found["cuda_libraries"].as_array().expect("libraries") {
        assert!(library["found"].is_string() != library["problem"].is_string(), "{library}");
    }
    assert!(found["presets"].as_array().is_some_and(|presets| presets.contains(&"facades-512".into())));
    assert_eq!(found["runs"]["writable"], true);
    assert!(here.names(".").is_empty(), "it leaves no files");
}

#[test]
fn doctor_prints_every_section() {
    let ran = Workspace::new().done("doctor");
    for word in ["asap", "processor", "memory", "cpu", "cuda", "presets", "runs"] {
        assert!(ran.stdout.lines().any(|line| line.starts_with(word)), "no {word} in\n{}", ran.stdout);
    }
    assert!(ran.stdout.contains("self-test passed"), "{}", ran.stdout);
}

#[cfg(unix)]
#[test]
fn doctor_reports_unwritable_runs_folder() {
    use std::os::unix::fs::PermissionsExt;
    let here = Workspace::new();
    std::fs::create_dir(here.path("runs")).unwrap();
    std::fs::set_permissions(here.path("runs"), std::fs::Permissions::from_mode(0o555)).unwrap();
    // The superuser may write everywhere.
    if std::fs::write(here.path("runs/probe"), "").is_ok() {
        return;
    }
    assert!(here.done("doctor").stdout.contains("NOT WRITABLE"));
}

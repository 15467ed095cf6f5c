//! A write that fails, at any point of a run, never damages an earlier file.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Output, TINY, Workspace, copy_folder};

const EACCES: i32 = 13;
const ENOSPC: i32 = 28;

/// The run that every attempt resumes: two steps, a checkpoint after each.
const STARTED: &str = "--steps 2 --set train.save_every=1 --set train.sample_every=2 --set train.keep_best=l1";

/// What fails, and how.
#[derive(Clone, Copy, Debug)]
struct Fault {
    errno: i32,
    /// Whether the disk stays full after its first failure.
    full: bool,
}

const FAULTS: [Fault; 2] = [Fault { errno: ENOSPC, full: true }, Fault { errno: EACCES, full: false }];

/// The preloaded library that injects failures.
fn library(here: &Workspace) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/program/failing_disk.c");
    let library = here.path("failing_disk.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl");
    let status = compiler.status().expect("cc, which rustc links with, is there");
    assert!(status.success(), "the library compiles");
    library
}

/// Runs `line` while the `at`-th change below the folder `run` fails. Also returns whether there were as many.
fn inject(here: &Workspace, library: &Path, fault: Fault, at: usize, line: &str) -> (Output, bool) {
    let variables = [
        ("LD_PRELOAD", library.to_string_lossy().into_owned()),
        ("FAIL_UNDER", here.path("run").to_string_lossy().into_owned()),
        ("FAIL_AT", at.to_string()),
        ("FAIL_ERRNO", fault.errno.to_string()),
        ("FAIL_MODE", if fault.full { "full" } else { "once" }.to_owned()),
    ];
    let ran = here.asap_with(&variables, line);
    let injected = ran.stderr.contains("injected\n");
    assert!([0, 3].contains(&ran.code), "{fault:?} at {at}: code {}\n{}", ran.code, ran.stderr);
    if ran.code == 3 {
        let errors: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        let names_file = errors.len() == 1 && errors[0].contains("run");
        assert!(names_file, "{fault:?} at {at} is not reported with its file:\n{}", ran.stderr);
    }
    (ran, injected)
}

/// The steps whose checkpoints were announced.
fn announced(ran: &Output) -> Vec<u64> {
    let checkpoint = |object: &serde_json::Map<String, serde_json::Value>| {
        (object["event"] == "checkpoint").then(|| object["step"].as_u64().expect("a step"))
    };
    ran.objects().iter().filter_map(checkpoint).collect()
}

#[test]
fn resumed_run_survives_every_failing_write() {
    let here = Workspace::new();
    let library = library(&here);
    here.done(&format!("train --out started {TINY} {STARTED}"));
    copy_folder(&here.path("started"), &here.path("whole"));
    here.done("train --out whole --resume --steps 4 --threads 1");
    let last = "checkpoints/step-000004.safetensors";
    let whole = std::fs::read(here.path("whole").join(last)).unwrap();

    // The library sees whole paths.
    let run = here.path("run").display().to_string();
    for fault in FAULTS {
        let mut warned = 0;
        for at in 1.. {
            let _ = std::fs::remove_dir_all(here.path("run"));
            copy_folder(&here.path("started"), &here.path("run"));
            let (ran, injected) =
                inject(&here, &library, fault, at, &format!("train --out {run} --resume --steps 4 --threads 1 --json"));
            for step in [vec![2], announced(&ran)].concat() {
                let file = here.path("run").join(format!("checkpoints/step-{step:06}.safetensors"));
                asap_model::checkpoint::safetensors::read(&file)
                    .unwrap_or_else(|error| panic!("{fault:?} at {at}: {error}"));
            }
            asap_model::checkpoint::load(&here.path("run/best.safetensors"))
                .unwrap_or_else(|error| panic!("{fault:?} at {at}: {error}"));
            if ran.code == 0 && injected {
                assert!(ran.stderr.contains("warning: "), "{fault:?} at {at} is not reported");
                warned += 1;
            }
            let again = here.done("train --out run --resume --steps 4 --threads 1 --json");
            assert!(!again.stdout.contains(r#""event":"warning""#), "{fault:?} at {at}: {}", again.stdout);
            assert!(std::fs::read(here.path("run").join(last)).unwrap() == whole, "{fault:?} at {at}: other bytes");
            let unfinished = |folder: &str| here.names(folder).into_iter().find(|name| name.starts_with(".writing"));
            assert_eq!([unfinished("run"), unfinished("run/checkpoints")], [None, None], "{fault:?} at {at}");
            if !injected {
                assert!(at > 40, "a resumed run makes {} changes only: the library does not see them", at - 1);
                eprintln!("{fault:?}: {} changes failed one by one, {warned} of them with a warning", at - 1);
                break;
            }
        }
    }
}

#[test]
fn new_run_names_the_file_of_every_failing_write() {
    let here = Workspace::new();
    let library = library(&here);
    let run = here.path("run").display().to_string();
    for fault in FAULTS {
        for at in 1.. {
            let _ = std::fs::remove_dir_all(here.path("run"));
            let line = format!("train --out {run} --steps 1 {TINY}");
            let (_, injected) = inject(&here, &library, fault, at, &line);
            if !injected {
                assert!(at > 20, "a new run makes {} changes only", at - 1);
                break;
            }
        }
    }
}

/// One line, and no half-written file, whichever write fails.
#[test]
fn convert_reports_a_full_disk_once() {
    let here = Workspace::new();
    let library = library(&here);
    here.done(&format!("train --out whole --steps 1 {TINY}"));
    std::fs::create_dir(here.path("run")).unwrap();
    let run = here.path("run").display().to_string();
    for fault in FAULTS {
        for at in 1.. {
            let (ran, injected) =
                inject(&here, &library, fault, at, &format!("convert whole {run}/generator.pth --force"));
            if !injected {
                assert!(at > 3, "writing a .pth makes {} changes only", at - 1);
                break;
            }
            let lines: Vec<&str> = ran.stderr.lines().filter(|line| *line != "injected").collect();
            assert!(lines.len() == 1 && lines[0].starts_with("error: "), "{fault:?} at {at}: {lines:?}");
            // The temporary file stays where removing it fails too; flushing the folder may fail after the file is in place.
            for name in here.names("run") {
                let file = here.path("run").join(&name);
                assert!(
                    name == "generator.pth" || fault.full && name.starts_with(".writing-"),
                    "{fault:?} at {at}: {name}"
                );
                if name == "generator.pth" {
                    asap_model::checkpoint::load(&file).unwrap();
                }
                std::fs::remove_file(file).unwrap();
            }
        }
    }
}

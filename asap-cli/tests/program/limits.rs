//! Limits of the process on memory.

use std::process::Command;

use crate::support::{TINY, Workspace};

/// Under any limit a run succeeds, or ends with one error that says what to do.
#[test]
fn limited_address_space_is_an_error() {
    let here = Workspace::new();
    let (mut succeeded, mut refused) = (0, 0);
    // From too little for the program itself, which the system then can't start, to plenty.
    for megabytes in [40, 60, 80, 100, 130, 160, 200, 300, 400, 600, 1000, 2000, 4000] {
        let line = format!("train --steps 1 --out run{megabytes} {TINY} --set data.size=128 --set train.batch=3");
        let script = format!("ulimit -v {}; exec {} {line}", 1000 * megabytes, env!("CARGO_BIN_EXE_asap"));
        let ran = Command::new("sh").args(["-c", &script]).current_dir(here.path("")).output().unwrap();
        let stderr = String::from_utf8_lossy(&ran.stderr);
        let errors = stderr.lines().filter(|line| line.starts_with("error: ")).count();
        match ran.status.code() {
            Some(0) => succeeded += 1,
            Some(2 | 4) if errors == 1 => refused += 1,
            // The loader of shared libraries has none.
            Some(127) => {}
            _ => panic!("{megabytes} MB: {}\n{stderr}", ran.status),
        }
        assert!(!stderr.contains("panicked") && !stderr.contains("memory allocation of"), "{megabytes} MB: {stderr}");
    }
    assert!(succeeded >= 2 && refused >= 2, "{succeeded} succeeded, {refused} were refused");
}

#[test]
fn refused_training_names_the_limit() {
    let here = Workspace::new();
    let script = format!("ulimit -v 2000000; exec {} train --threads 1", env!("CARGO_BIN_EXE_asap"));
    let ran = Command::new("sh")
        .args(["-c", &format!("{script} --config facades-256 --set loss.lambda_vgg=0 --set data.layout=synthetic")])
        .current_dir(here.path(""))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("this process is limited to 2.05 GB"), "{stderr}");
}

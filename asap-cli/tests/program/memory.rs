//! Runs that do not fit into memory are refused.

use crate::support::{TINY, Workspace};

#[test]
fn train_refuses_before_writing_anything() {
    let here = Workspace::new();
    let absurd = "train --set train.batch=4096 --set data.size=[4096,4096] --set data.workers=0";
    let parts = ["training needs", "are available", "--set train.batch=", "--set data.size=[", "--ignore-memory"];
    here.refused(absurd, 2, &parts);
    here.refused(&format!("{absurd} --dry-run"), 2, &parts);
    assert!(here.names(".").is_empty(), "{:?}", here.names("."));
}

/// Planning generates no random values: those of dropout alone would be terabytes.
#[test]
fn planning_dropout_allocates_nothing() {
    let here = Workspace::new();
    let absurd = "train --set generator.kind=pix2pix-resnet --set train.batch=4096 --set data.size=[4096,4096]";
    here.refused(&format!("{absurd} --set data.workers=0"), 2, &["training needs", "are available"]);
}

#[test]
fn bench_refuses_before_timing() {
    let here = Workspace::new();
    for mode in ["", "--train"] {
        let line = format!(
            "bench --preset facades-1024 --batch 1024 --set data.resize=fixed --set data.size=[4096,4096] {mode}"
        );
        here.refused(&line, 2, &["facades-1024: it needs", "are available", "lower --batch", "--ignore-memory"]);
    }
}

#[test]
fn advised_settings_work() {
    let here = Workspace::new();
    let ran = here.asap(&format!("train --dry-run {TINY} --set train.batch=4096 --set data.size=[2048,2048]"));
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    // The advice is to lower batch and size; the size alone would leave 4096 images.
    let advised = ran.stderr.split("--set ").find(|part| part.starts_with("data.size=")).expect("a size");
    let size = advised.split_whitespace().next().expect("an assignment");
    here.done(&format!("train --dry-run {TINY} --set data.count=6 --set train.batch=1 --set {size}"));
}

#[test]
fn ignore_memory_skips_check() {
    let here = Workspace::new();
    // With the check skipped, the next error is that the dataset has fewer images than a batch.
    let line = format!("train {TINY} --set train.batch=4096 --set data.size=[4096,4096]");
    here.refused(&line, 2, &["training needs"]);
    here.refused(&format!("{line} --ignore-memory"), 2, &["batch = 4096"]);
    // Memory of the reference devices is not planned.
    here.refused(&format!("{line} --device reference"), 2, &["batch = 4096"]);
}

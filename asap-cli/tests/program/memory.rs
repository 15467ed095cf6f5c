//! Runs that do not fit into memory.

use crate::support::{TINY, Workspace};

#[test]
fn training_that_cannot_fit_is_refused_before_anything_is_made() {
    let here = Workspace::new();
    let absurd = "train --set train.batch=4096 --set data.size=[4096,4096] --set data.workers=0";
    let parts = ["training takes", "are available here", "--set train.batch=", "--set data.size=[", "--ignore-memory"];
    here.refused(absurd, 2, &parts);
    here.refused(&format!("{absurd} --dry-run"), 2, &parts);
    assert!(here.names(".").is_empty(), "{:?}", here.names("."));
}

/// Planning draws no numbers: those of dropout alone would be terabytes.
#[test]
fn a_network_with_dropout_is_planned_without_numbers() {
    let here = Workspace::new();
    let absurd = "train --set generator.kind=pix2pix-resnet --set train.batch=4096 --set data.size=[4096,4096]";
    here.refused(&format!("{absurd} --set data.workers=0"), 2, &["training takes", "are available here"]);
}

#[test]
fn timing_that_cannot_fit_is_refused_before_it_begins() {
    let here = Workspace::new();
    for mode in ["", "--train"] {
        let line = format!(
            "bench --preset facades-1024 --batch 1024 --set data.resize=fixed --set data.size=[4096,4096] {mode}"
        );
        here.refused(&line, 2, &["facades-1024: it takes", "are available here", "lower --batch", "--ignore-memory"]);
    }
}

#[test]
fn what_is_told_to_lower_is_taken_as_it_is_told() {
    let here = Workspace::new();
    let ran = here.asap(&format!("train --dry-run {TINY} --set train.batch=4096 --set data.size=[2048,2048]"));
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    // Half the width does not help here, but the batch and the size told do; the size alone leaves 4096 pictures.
    let told = ran.stderr.split("--set ").find(|part| part.starts_with("data.size=")).expect("a size");
    let size = told.split_whitespace().next().expect("an assignment");
    here.done(&format!("train --dry-run {TINY} --set data.count=6 --set train.batch=1 --set {size}"));
}

#[test]
fn who_insists_goes_on() {
    let here = Workspace::new();
    // More pictures than the data set has: refused for that, once memory is no reason any more.
    let line = format!("train {TINY} --set train.batch=4096 --set data.size=[4096,4096]");
    here.refused(&line, 2, &["training takes"]);
    here.refused(&format!("{line} --ignore-memory"), 2, &["batch = 4096"]);
    // The reference backends are not planned.
    here.refused(&format!("{line} --device reference"), 2, &["batch = 4096"]);
}

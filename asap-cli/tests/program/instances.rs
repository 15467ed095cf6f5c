//! `asap infer --instances`: which instance map belongs to which input.

use asap_model::data::synthetic::PALETTE;
use asap_model::data::{Plane, write_instances, write_labels, write_rgb};

use crate::support::{TINY, Workspace};

/// A folder with a run of one step in `run`, whose network takes instance edges.
fn trained() -> Workspace {
    let here = Workspace::new();
    for split in ["train", "val"] {
        label_map(&here, &format!("set/{split}/labels/a.png"));
        instance_map(&here, &format!("set/{split}/instances/a.png"), 3);
        write_rgb(&made(&here, &format!("set/{split}/images/a.png")), &Plane::from_fn(32, 32, |x, _| [x as u8; 3]))
            .unwrap();
    }
    let keys = "--set data.layout=pairs --set data.instances=true --set train.validate_count=1";
    here.done(&format!("train --steps 1 --out run --data set {TINY} {keys}"));
    here
}

/// A path, with its folder made.
fn made(here: &Workspace, name: &str) -> std::path::PathBuf {
    let path = here.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    path
}

fn label_map(here: &Workspace, name: &str) {
    write_labels(&made(here, name), &Plane::from_fn(32, 32, |x, y| ((x / 8 + y / 8) % 13) as u8), &PALETTE).unwrap();
}

/// Instances in columns of this width, so that each width gives another output.
fn instance_map(here: &Workspace, name: &str, width: usize) {
    write_instances(&made(here, name), &Plane::from_fn(32, 32, |x, _| (x / width) as u32)).unwrap();
}

/// The outputs of inputs and instance maps given one by one.
fn expected(here: &Workspace, pairs: &[(&str, &str)]) -> Vec<Vec<u8>> {
    let output = |&(input, instances): &(&str, &str)| {
        here.done(&format!("infer --checkpoint run --input {input} --instances {instances} --out single --force"));
        let name = input.rsplit('/').next().unwrap();
        std::fs::read(here.path(&format!("single/{name}"))).unwrap()
    };
    pairs.iter().map(output).collect()
}

#[test]
fn instance_maps_pair_by_name() {
    let here = trained();
    for (number, name) in ["a", "c", "d", "x/a"].into_iter().enumerate() {
        label_map(&here, &format!("lab/{name}.png"));
        instance_map(&here, &format!("inst/{name}.png"), 2 + 3 * number);
    }
    let each =
        expected(&here, &[("lab/a.png", "inst/a.png"), ("lab/c.png", "inst/c.png"), ("lab/d.png", "inst/d.png")]);
    assert!(each[0] != each[1] && each[1] != each[2], "the outputs show which instance map was used");
    let read = |name: &str| std::fs::read(here.path(name)).unwrap();
    here.done("infer --checkpoint run --input lab --instances inst --out folders");
    here.done("infer --checkpoint run --input lab/d.png lab/a.png lab/c.png --instances inst/a.png inst/c.png inst/d.png --out files");
    for (name, expected) in ["a", "c", "d"].into_iter().zip(&each) {
        assert!(read(&format!("folders/{name}.png")) == *expected, "{name}");
    }
    assert!(read("folders/x/a.png") != each[0]);
}

#[test]
fn unmatched_instance_maps_are_refused() {
    let here = trained();
    for name in ["a", "c", "d"] {
        label_map(&here, &format!("lab/{name}.png"));
    }
    for name in ["a", "b", "c"] {
        instance_map(&here, &format!("inst/{name}.png"), 4);
    }
    let infer = "infer --checkpoint run --out generated";
    let parts = ["--instances", "lab/d.png", "inst/b.png"];
    here.refused(&format!("{infer} --input lab --instances inst"), 2, &parts);
    here.refused(
        &format!("{infer} --input lab/a.png lab/c.png lab/d.png --instances inst/a.png inst/b.png inst/c.png"),
        2,
        &parts,
    );
    here.refused(&format!("{infer} --input lab/a.png --instances inst"), 2, &["inst/b.png, inst/c.png"]);
    here.refused(&format!("{infer} --input lab --instances inst/a.png"), 2, &["lab/c.png, lab/d.png"]);
    here.refused(&format!("{infer} --input lab"), 2, &["--instances", "3 inputs"]);
    assert!(!here.path("generated").exists());
}

#[test]
fn instance_maps_pair_by_endings() {
    let here = trained();
    for (number, name) in ["a", "b"].into_iter().enumerate() {
        label_map(&here, &format!("lab/{name}_label.png"));
        instance_map(&here, &format!("inst/{name}_inst.png"), 4);
        label_map(&here, &format!("city/{name}_000000_000019_gtFine_labelIds.png"));
        instance_map(&here, &format!("city/{name}_000000_000019_gtFine_instanceIds.png"), 2 + 3 * number);
        write_rgb(
            &made(&here, &format!("city/{name}_000000_000019_gtFine_color.png")),
            &Plane::from_fn(32, 32, |_, _| [9; 3]),
        )
        .unwrap();
    }
    here.done("infer --checkpoint run --input lab --instances inst --out words");
    assert_eq!(here.names("words"), ["a_label.png", "b_label.png"]);
    here.done("infer --checkpoint run --input city --instances city --out cities");
    let outputs = ["a", "b"].map(|name| format!("{name}_000000_000019_gtFine_labelIds.png"));
    assert_eq!(here.names("cities"), outputs);
    instance_map(&here, "inst/c_inst.png", 4);
    here.refused(
        "infer --checkpoint run --input lab --instances inst --out more",
        2,
        &["lab/a_label.png", "c_inst.png"],
    );
}

/// Names in composed and decomposed Unicode are one name.
#[test]
fn unicode_forms_of_a_name_pair() {
    let here = trained();
    label_map(&here, "lab/fu\u{308}r.png");
    instance_map(&here, "inst/f\u{fc}r.png", 4);
    here.done("infer --checkpoint run --input lab --instances inst --out generated");
    assert_eq!(here.names("generated"), ["f\u{fc}r.png"]);
    label_map(&here, "lab/f\u{fc}r.png");
    here.refused("infer --checkpoint run --input lab --instances inst --out other", 2, &["both"]);
}

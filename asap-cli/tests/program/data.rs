//! `asap data synth` and `asap data check`.

use asap_model::data::{Plane, write_labels};
use serde_json::Value;

use crate::support::Workspace;

#[test]
fn synth_writes_a_valid_dataset() {
    let here = Workspace::new();
    here.done("data synth houses --count 7 --size 40");
    assert_eq!(here.names("houses"), ["train_img", "train_label", "val_img", "val_label"]);
    assert_eq!((here.names("houses/train_img").len(), here.names("houses/val_img").len()), (6, 1));
    let objects = here.done("data check houses --json").objects();
    assert_eq!(objects.len(), 1);
    let report = &objects[0];
    assert_eq!((&report["ok"], &report["layout"]), (&true.into(), &"facades".into()));
    assert_eq!((&report["train"], &report["val"], &report["problems"]), (&6.into(), &1.into(), &0.into()));
    assert!(here.done("data check houses --set data.classes=13").stdout.ends_with("no problems\n"));
}

#[test]
fn synth_is_deterministic_and_overwrites_nothing() {
    let here = Workspace::new();
    here.done("data synth one --count 3 --size 24 --seed 5");
    here.done("data synth two --count 3 --size 24 --seed 5 --threads 1");
    here.done("data synth three --count 3 --size 24 --seed 6");
    let bytes = |dir: &str| here.files(dir).into_values().collect::<Vec<_>>();
    assert!(bytes("one") == bytes("two"));
    assert!(bytes("one") != bytes("three"));
    here.refused("data synth one --count 3", 3, &["one", "not empty"]);
    here.write("file", "");
    here.refused("data synth file --count 3", 3, &["file"]);
    here.refused("data synth new --count 1", 2, &["count is 1"]);
    here.refused("data synth new --size 0", 2, &["size is 0"]);
    assert!(bytes("one") == bytes("two"));
}

#[test]
fn check_reports_every_problem() {
    let here = Workspace::new();
    here.done("data synth houses --count 10 --size 32");
    std::fs::remove_file(here.path("houses/train_img/synth_00001.jpg")).unwrap();
    let colors = [[9; 3]; 20];
    let small = Plane { height: 16, width: 32, data: vec![1; 16 * 32] };
    write_labels(&here.path("houses/train_label/synth_00002.png"), &small, &colors).unwrap();
    let wild = Plane::from_fn(32, 32, |x, y| if (x, y) == (4, 7) { 19 } else { 1 });
    write_labels(&here.path("houses/val_label/synth_00009.png"), &wild, &colors).unwrap();
    here.write("houses/train_img/synth_00003.jpg", "no picture");

    let ran = here.asap("data check houses --json --set data.classes=13");
    assert_eq!(ran.code, 3, "{}{}", ran.stdout, ran.stderr);
    let objects = ran.objects();
    let (report, problems) = objects.split_last().expect("a report");
    assert_eq!((&report["ok"], &report["problems"]), (&false.into(), &4.into()));
    let about = |file: &str| {
        let named = |problem: &&serde_json::Map<String, Value>| {
            problem["file"].as_str().is_some_and(|name| name.replace('\\', "/").ends_with(file))
        };
        problems.iter().find(named).unwrap_or_else(|| panic!("{file} is not among {problems:?}"))
    };
    let problem = |file: &str| about(file)["problem"].as_str().expect("words").to_owned();
    assert!(problem("train_label/synth_00001.png").contains("no photo"));
    assert!(problem("train_label/synth_00002.png").contains("32×16"));
    assert!(problem("train_img/synth_00003.jpg").contains("JPEG"));
    let wild = about("val_label/synth_00009.png");
    assert_eq!((&wild["pixel"], &wild["value"]), (&vec![4, 7].into(), &19.into()));

    let ran = here.asap("data check houses --set data.classes=13");
    assert_eq!(ran.code, 3);
    for part in ["synth_00001.png", "synth_00002.png", "synth_00003.jpg", "pixel (4, 7)", "label 19", "4 problems"] {
        assert!(ran.stdout.contains(part), "{part} is not in\n{}", ran.stdout);
    }
}

#[test]
fn check_rejects_folder_without_dataset() {
    let here = Workspace::new();
    std::fs::create_dir(here.path("empty")).unwrap();
    here.refused("data check empty", 3, &["empty", "train_label"]);
    here.refused("data check nowhere", 3, &["nowhere"]);
}

//! `asap infer` with a generator that `asap train` made.

use asap_model::data::synthetic::PALETTE;
use asap_model::data::{Plane, read_photo, write_labels};

use crate::support::{TINY, Workspace};

/// A folder with a run of one step in `run`.
fn trained() -> Workspace {
    let here = Workspace::new();
    here.done(&format!("train --steps 1 --out run {TINY}"));
    here
}

/// Writes a label map of the tiny generator's classes.
fn write_map(here: &Workspace, name: &str, height: usize, width: usize) {
    let map = Plane::from_fn(height, width, |x, y| ((x / 3 + y / 2) % 13) as u8);
    write_labels(&here.path(name), &map, &PALETTE).expect("a label map can be written");
}

#[test]
fn infer_keeps_the_input_size() {
    let here = trained();
    let sizes = [(37, 45), (3, 5), (1, 1), (32, 64), (2, 70)];
    for (number, (height, width)) in sizes.into_iter().enumerate() {
        write_map(&here, &format!("map{number}.png"), height, width);
    }
    let inputs = "map0.png map1.png map2.png map3.png map4.png";
    let objects = here.done(&format!("infer --checkpoint run --input {inputs} --out generated --json")).objects();
    assert_eq!(objects.len(), sizes.len());
    for (number, (object, (height, width))) in objects.iter().zip(sizes).enumerate() {
        let image = read_photo(&here.path(&format!("generated/map{number}.png"))).unwrap();
        assert_eq!((image.height, image.width), (height, width));
        assert_eq!((&object["height"], &object["width"]), (&height.into(), &width.into()));
        assert_eq!(object["output"], format!("generated/map{number}.png"));
    }
    for seams in ["phase", "blend"] {
        here.done(&format!("train --steps 1 --out {seams} {TINY} --set generator.seams={seams}"));
        here.done(&format!("infer --checkpoint {seams} --input {inputs} --out with-{seams}"));
        for (number, (height, width)) in sizes.into_iter().enumerate() {
            let image = read_photo(&here.path(&format!("with-{seams}/map{number}.png"))).unwrap();
            assert_eq!((image.height, image.width), (height, width));
        }
    }
    here.done("infer --checkpoint run --input map0.png --out resized --resize");
    let resized = read_photo(&here.path("resized/map0.png")).unwrap();
    assert_eq!((resized.height, resized.width), (32, 32), "--resize uses data.size");
}

#[test]
fn infer_from_run_and_file_agree() {
    let here = trained();
    std::fs::create_dir(here.path("maps")).unwrap();
    write_map(&here, "maps/a.png", 9, 10);
    write_map(&here, "maps/b.png", 12, 8);
    here.done("infer --checkpoint run --input maps --out one");
    here.done("infer --checkpoint run/generator.safetensors --input maps/b.png maps/a.png --out two --threads 2");
    assert_eq!(here.names("one"), ["a.png", "b.png"]);
    let bytes = |name: &str| std::fs::read(here.path(name)).unwrap();
    assert!(bytes("one/a.png") == bytes("two/a.png") && bytes("one/b.png") == bytes("two/b.png"));
    assert!(bytes("one/a.png") != bytes("one/b.png"));
}

#[test]
fn infer_needs_no_photos() {
    let here = trained();
    std::fs::create_dir_all(here.path("set/val_label")).unwrap();
    write_map(&here, "set/val_label/a.png", 33, 31);
    here.done("infer --checkpoint run --data set --out generated");
    assert_eq!(here.names("generated"), ["a.png"]);
    here.refused("infer --checkpoint run --data generated --out other", 3, &["generated", "val_label"]);
}

#[test]
fn infer_reports_label_out_of_range() {
    let here = trained();
    let map = Plane::from_fn(4, 6, |x, y| if (x, y) == (5, 2) { 13 } else { 1 });
    write_labels(&here.path("map.png"), &map, &[[7; 3]; 14]).unwrap();
    here.refused("infer --checkpoint run --input map.png --out generated", 3, &["map.png", "pixel (5, 2)", "label 13"]);
    assert!(here.names("generated").is_empty());
}

#[test]
fn infer_never_overwrites_inputs() {
    let here = trained();
    std::fs::create_dir(here.path("maps")).unwrap();
    write_map(&here, "maps/a.png", 9, 10);
    let before = here.files("maps");
    here.refused("infer --checkpoint run --input maps --out maps", 2, &["maps/a.png", "--out"]);
    here.refused("infer --checkpoint run --input maps/a.png --out run/../maps", 2, &["maps/a.png"]);
    assert!(here.files("maps") == before);
    write_map(&here, "a.png", 9, 10);
    here.refused(
        "infer --checkpoint run --input maps/a.png a.png --out generated",
        2,
        &["maps/a.png", "a.png", "both"],
    );
}

#[test]
fn infer_reports_invalid_checkpoint() {
    let here = Workspace::new();
    write_map(&here, "map.png", 9, 10);
    here.write("text.pth", "not weights");
    std::fs::create_dir(here.path("empty")).unwrap();
    for checkpoint in ["missing.pth", "missing", "text.pth", "empty"] {
        here.refused(&format!("infer --checkpoint {checkpoint} --input map.png --out generated"), 5, &[checkpoint]);
    }
    assert_eq!(here.names("."), ["empty", "map.png", "text.pth"]);
}

#[test]
fn infer_reports_invalid_inputs() {
    let here = trained();
    here.write("text.png", "no picture");
    std::fs::create_dir(here.path("empty")).unwrap();
    for input in ["missing.png", "text.png", "empty"] {
        here.refused(&format!("infer --checkpoint run --input {input} --out generated"), 3, &[input]);
    }
    here.refused("infer --checkpoint run --out generated", 2, &["--input"]);
    here.refused("infer --checkpoint run --input a.png --data b --out generated", 2, &["--data"]);
}

#[test]
fn infer_overwrites_outputs_only_with_force() {
    let here = trained();
    write_map(&here, "a.png", 9, 10);
    write_map(&here, "b.png", 9, 10);
    here.done("infer --checkpoint run --input a.png --out generated");
    here.write("generated/a.png", "what was there");
    let before = here.files("generated");
    here.refused(
        "infer --checkpoint run --input a.png --out generated",
        2,
        &["generated/a.png", "already exists", "--force"],
    );
    here.refused("infer --checkpoint run --input b.png a.png --out generated", 2, &["generated/a.png"]);
    assert!(here.files("generated") == before, "nothing is written if one output is refused");
    here.done("infer --checkpoint run --input b.png a.png --out generated --force");
    assert_eq!(here.names("generated"), ["a.png", "b.png"]);
    read_photo(&here.path("generated/a.png")).unwrap();
    here.refused("infer --checkpoint run --input a.png --out . --force", 2, &["a.png", "is an input"]);
}

#[test]
fn infer_keeps_subfolders() {
    let here = trained();
    for map in ["maps/b.png", "maps/x/a.png", "maps/x/y/b.png", "maps/.hidden/c.png", "maps/.c.png"] {
        std::fs::create_dir_all(here.path(map).parent().unwrap()).unwrap();
        write_map(&here, map, 9, 10);
    }
    let objects = here.done("infer --checkpoint run --input maps --out generated --json").objects();
    let outputs: Vec<&str> = objects.iter().map(|object| object["output"].as_str().unwrap()).collect();
    assert_eq!(outputs, ["generated/b.png", "generated/x/a.png", "generated/x/y/b.png"]);
    assert_eq!(here.files("generated").len(), 3);
}

#[test]
fn infer_continues_after_a_bad_input() {
    let here = trained();
    std::fs::create_dir(here.path("maps")).unwrap();
    for name in ["a", "c", "e"] {
        write_map(&here, &format!("maps/{name}.png"), 9, 10);
    }
    here.write("maps/b.png", "no picture");
    here.write("maps/d.png", "");
    let ran = here.asap("infer --checkpoint run --input maps gone.png --out generated --json -q");
    assert_eq!(ran.code, 3, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(here.names("generated"), ["a.png", "c.png", "e.png"]);
    for file in ["maps/b.png", "maps/d.png", "gone.png"] {
        assert!(ran.stderr.contains(&format!("failed: {file}: ")), "{file} is not in\n{}", ran.stderr);
    }
    let last = ran.stderr.lines().last().unwrap();
    assert_eq!(last, "error: 3 of 6 inputs failed: maps/b.png, maps/d.png, gone.png");
    let failed: Vec<_> = ran.objects().into_iter().filter(|object| object.contains_key("error")).collect();
    assert_eq!(
        failed.iter().map(|object| &object["input"]).collect::<Vec<_>>(),
        ["maps/b.png", "maps/d.png", "gone.png"]
    );
    assert_eq!(ran.objects().len(), 6);
}

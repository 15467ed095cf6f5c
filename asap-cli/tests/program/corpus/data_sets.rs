//! Dataset folders with missing, duplicate, mistyped or oddly named entries.

use super::made::{GRAY, Png};
use super::{bounded, differences, run_all};
use crate::support::{TINY, Workspace};

/// A dataset of one good pair in each split, in the folder `name`.
fn data_set(here: &Workspace, name: &str) {
    for folder in ["train_label", "train_img", "val_label", "val_img"] {
        std::fs::create_dir_all(here.path(&format!("{name}/{folder}"))).unwrap();
        here.write(&format!("{name}/{folder}/a.png"), image());
    }
}

fn image() -> Vec<u8> {
    Png::flat(32, 32, 8, GRAY, 1).file()
}

/// Breaks a valid dataset.
type Change = fn(&Workspace, &str);

fn remove(here: &Workspace, file: &str) {
    std::fs::remove_file(here.path(file)).unwrap();
}

#[test]
fn check_and_train_report_the_same_problems() {
    let here = Workspace::new();
    let cases: &[(&str, Change, &[&str])] = &[
        (
            "no-label",
            |here, set| remove(here, &format!("{set}/train_label/a.png")),
            &["train_img/a.png", "no label map"],
        ),
        ("no-photo", |here, set| remove(here, &format!("{set}/train_img/a.png")), &["train_label/a.png", "no photo"]),
        (
            "doubled",
            |here, set| here.write(&format!("{set}/train_img/a.jpg"), image()),
            &["a.png", "a.jpg", "same name"],
        ),
        (
            "empty",
            |here, set| ["label", "img"].iter().for_each(|kind| remove(here, &format!("{set}/train_{kind}/a.png"))),
            &["train_label", "contains no label map"],
        ),
        (
            "no-folder",
            |here, set| std::fs::remove_dir_all(here.path(&format!("{set}/train_img"))).unwrap(),
            &["train_img", "does not exist"],
        ),
        (
            "file-for-folder",
            |here, set| {
                std::fs::remove_dir_all(here.path(&format!("{set}/train_img"))).unwrap();
                here.write(&format!("{set}/train_img"), "");
            },
            &["train_img", "does not exist"],
        ),
        (
            "folder-for-file",
            |here, set| {
                remove(here, &format!("{set}/train_label/a.png"));
                std::fs::create_dir(here.path(&format!("{set}/train_label/a.png"))).unwrap();
            },
            &["train_img/a.png", "no label map"],
        ),
        ("other-ending", |here, set| here.write(&format!("{set}/train_img/b.gif"), "GIF89a"), &[]),
        ("hidden", |here, set| here.write(&format!("{set}/train_img/._a.png"), ""), &[]),
        #[cfg(unix)]
        (
            "dangling-link",
            |here, set| {
                remove(here, &format!("{set}/train_label/a.png"));
                std::os::unix::fs::symlink("nowhere", here.path(&format!("{set}/train_label/a.png"))).unwrap();
            },
            &["train_label/a.png", "cannot read it"],
        ),
        #[cfg(unix)]
        (
            "link-to-itself",
            |here, set| {
                remove(here, &format!("{set}/train_label/a.png"));
                std::os::unix::fs::symlink("a.png", here.path(&format!("{set}/train_label/a.png"))).unwrap();
            },
            &["train_label/a.png", "cannot read it"],
        ),
        #[cfg(unix)]
        (
            "link-to-its-folder",
            |here, set| std::os::unix::fs::symlink(".", here.path(&format!("{set}/train_img/loop"))).unwrap(),
            &[],
        ),
        #[cfg(target_os = "linux")]
        (
            "name-of-no-text",
            |here, set| {
                use std::os::unix::ffi::OsStrExt;
                let name = std::ffi::OsStr::from_bytes(b"\xff.png");
                std::fs::write(here.path(&format!("{set}/train_img")).join(name), image()).unwrap();
            },
            &["train_img", "not valid Unicode"],
        ),
    ];
    let mut failures = Vec::new();
    for (name, change, parts) in cases {
        data_set(&here, name);
        change(&here, name);
        let ran = bounded(&here, &["data", "check", name, "--json"]);
        let printed = parts.iter().all(|part| ran.stdout.contains(part)) && ran.stdout.contains("\"ok\":");
        if ran.code != if parts.is_empty() { 0 } else { 3 } || !printed || !ran.stderr.is_empty() {
            failures.push(format!("{name}: exit code {}\n{}{}", ran.code, ran.stdout, ran.stderr));
        }
        let line = format!("train --dry-run --data {name} {TINY}");
        let ran = bounded(&here, &line.split_whitespace().collect::<Vec<_>>());
        let wrong = differences(&ran, (if parts.is_empty() { 0 } else { 3 }, parts));
        if !wrong.is_empty() {
            failures.push(format!("{name}: asap {line}: {wrong:?}\n{}", ran.stderr));
        }
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

#[test]
fn wrong_kinds_of_path_are_reported() {
    let here = Workspace::new();
    here.done(&format!("train --steps 1 --out run {TINY}"));
    here.write("map.png", image());
    here.write("file", "text");
    std::fs::create_dir_all(here.path("folder.png")).unwrap();
    std::fs::create_dir_all(here.path("folder.safetensors")).unwrap();
    std::fs::create_dir_all(here.path("folder.toml")).unwrap();
    let infer = "infer --checkpoint run --out generated --threads 1 --input";
    let case = |name: &str, line: String, code, parts| (name.to_owned(), line, (code, parts));
    let mut cases = vec![
        case("a folder named as a picture", format!("{infer} folder.png"), 3, &["folder.png", "no .png"][..]),
        case("an input that is not there", format!("{infer} gone.png"), 3, &["gone.png", "cannot read it"]),
        case(
            "a checkpoint for an input",
            format!("{infer} run/generator.safetensors"),
            3,
            &["generator.safetensors", "PNG"],
        ),
        case("a data set that is a file", "infer --checkpoint run --out generated --data file".into(), 3, &["file"]),
        case("a data set to check that is a file", "data check file".into(), 3, &["file", "not a folder"]),
        case("a data set that is a file, to train on", format!("train --dry-run --data file {TINY}"), 3, &["file"]),
        case(
            "pictures for a checkpoint",
            "infer --checkpoint map.png --out generated --input map.png".into(),
            5,
            &["map.png", "neither"],
        ),
        case(
            "a folder named as a checkpoint",
            "convert folder.safetensors a.pth".into(),
            5,
            &["folder.safetensors", "generator.safetensors"],
        ),
        case(
            "a folder for a configuration",
            "train --dry-run --config folder.toml".into(),
            2,
            &["folder.toml", "cannot read it"],
        ),
        case("a picture for a configuration", "train --dry-run --config map.png".into(), 2, &["map.png", "UTF-8"]),
        case(
            "a file for the pictures' folder",
            "infer --checkpoint run --out file --input map.png".into(),
            3,
            &["file"],
        ),
        case("a file above it", "infer --checkpoint run --out file/below --input map.png".into(), 3, &["file"]),
        case(
            "a folder to convert into",
            "convert run folder.safetensors".into(),
            3,
            &["folder.safetensors", "cannot write it"],
        ),
        case("a file for the run's folder", format!("train --steps 1 --out file/run {TINY}"), 3, &["file"]),
        case("a file to begin a configuration in", "init file".into(), 2, &["file", "exists"]),
    ];
    if cfg!(target_os = "linux") {
        cases.push(case("a device without end", format!("{infer} /dev/zero"), 3, &["/dev/zero", "536870912 bytes"]));
        cases.push(case("a checkpoint without end", "convert /dev/zero a.pth".into(), 5, &["/dev/zero", "neither"]));
        cases.push(case(
            "a configuration without end",
            "train --config /dev/zero".into(),
            2,
            &["/dev/zero", "1048576 bytes"],
        ));
    }
    std::fs::create_dir(here.path("generated")).unwrap();
    run_all(&here, &cases);
}

#[cfg(target_os = "linux")]
#[test]
fn non_utf8_names_are_handled_or_reported() {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::OsStrExt;
    let here = Workspace::new();
    here.done(&format!("train --steps 1 --out run {TINY}"));
    let name = OsStr::from_bytes(b"h\xe4user.png");
    std::fs::write(here.path("folder").with_file_name(name), image()).unwrap();
    let words = |line: &str| line.split_whitespace().map(OsString::from).collect::<Vec<_>>();
    let mut line = words("infer --checkpoint run --out generated --threads 1 --json --input");
    line.push(name.into());
    let ran = bounded(&here, &line);
    assert!(ran.code == 0 && ran.objects().len() == 1, "{ran:?}");
    assert_eq!(here.names("generated"), ["h\u{fffd}user.png"]);
    for (command, code) in [
        ("data check --json", 3),
        ("train --dry-run --json --data", 3),
        ("train --config", 2),
        ("convert", 5),
        ("init --json", 0),
    ] {
        let mut line = words(command);
        line.push(OsStr::from_bytes(b"g\xe4be").into());
        if command == "convert" {
            line.push("b.pth".into());
        }
        let ran = bounded(&here, &line);
        assert!(ran.code == code && !ran.stderr.contains("panicked"), "{line:?}: {ran:?}");
    }
    let mut line = words(&format!("train --steps 1 --json {TINY} --out"));
    line.push(OsStr::from_bytes(b"l\xe4ufe").into());
    let ran = bounded(&here, &line);
    assert!(ran.code == 0 && differences(&ran, (0, &[])).is_empty(), "{ran:?}");
}

#[cfg(unix)]
#[test]
fn unreadable_files_are_reported() {
    use std::os::unix::fs::PermissionsExt;
    let here = Workspace::new();
    here.write("locked.png", image());
    let permissions = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(here.path("locked.png"), permissions).unwrap();
    if std::fs::File::open(here.path("locked.png")).is_ok() {
        // Root can read everything.
        return;
    }
    here.done(&format!("train --steps 1 --out run {TINY}"));
    here.refused("infer --checkpoint run --input locked.png --out generated", 3, &["locked.png", "ermission"]);
    here.refused("convert locked.png a.pth", 5, &["locked.png", "ermission"]);
    here.refused("train --config locked.png", 2, &["locked.png", "ermission"]);
}

//! What is found in folders: links, files that are not read, names.

use std::fs;
use std::path::Path;

use asap_model::config::Layout;
use asap_model::data::{Dataset, Source, Split, check, list_images};

use crate::support::{facades, ids, names, photo, small};

/// Paths below `dir`.
fn below<'a>(dir: &Path, files: &'a [std::path::PathBuf]) -> Vec<&'a str> {
    files.iter().map(|file| file.strip_prefix(dir).unwrap().to_str().unwrap()).collect()
}

fn write(dir: &Path, name: &str) {
    let file = dir.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, b"content").unwrap();
}

#[test]
fn files_of_other_formats_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    for file in [
        "a.PNG",
        "b.Jpg",
        "x/c.jpeg",
        "d.gif",
        "x/e.heic",
        "f.exr",
        "none",
        "g.json",
        "g.txt",
        "LICENSE.md",
        "Thumbs.db",
        ".DS_Store",
        "desktop.ini",
        "__MACOSX/._a.png",
        "__MACOSX/b.png",
        ".hidden/c.gif",
    ] {
        write(dir.path(), file);
    }
    let listing = list_images(dir.path(), None).unwrap();
    assert_eq!(below(dir.path(), &listing.images), ["a.PNG", "b.Jpg", "x/c.jpeg"]);
    assert_eq!(below(dir.path(), &listing.skipped.files), ["d.gif", "f.exr", "none", "x/e.heic"]);
    assert_eq!(below(dir.path(), &listing.skipped.texts), ["LICENSE.md", "g.json", "g.txt"]);
    let listing = list_images(dir.path(), Some(0)).unwrap();
    assert_eq!(below(dir.path(), &listing.images), ["a.PNG", "b.Jpg"]);
}

#[test]
fn check_reports_skipped_files() {
    let dir = tempfile::tempdir().unwrap();
    facades(dir.path(), 2);
    for folder in ["train_img", "train_label", "val_img"] {
        write(dir.path(), &format!("{folder}/more.gif"));
    }
    write(dir.path(), "train_img/f00.json");
    let report = check(dir.path(), &small(Layout::Facades)).unwrap();
    assert_eq!((report.train, report.val, &report.problems[..]), (2, 2, &[][..]));
    let skipped = below(dir.path(), &report.skipped.files);
    assert_eq!(skipped, ["train_img/more.gif", "train_label/more.gif", "val_img/more.gif"]);
    assert_eq!(report.skipped.texts.len(), 1);

    fs::rename(dir.path().join("train_img/f01.png"), dir.path().join("train_img/f01.gif")).unwrap();
    let set = Dataset::discover(dir.path(), &small(Layout::Facades), Split::Train);
    let file = dir.path().join("train_label/f01.png");
    names(set, &file, &["no photo", "f01.png (or .jpg", "train_img/f01.gif", "not read"]);
}

#[test]
fn folders_of_other_formats_are_named() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "labels/a.gif");
    write(dir.path(), "images/a.gif");
    let set = Dataset::discover(dir.path(), &small(Layout::Pairs), Split::Train);
    names(set, &dir.path().join("labels"), &["contains no label map", "labels/a.gif", ".png"]);
}

#[test]
fn pairs_in_subfolders_match_by_path() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a", "x/a", "x/y/b"] {
        ids(&dir.path().join(format!("labels/{name}.png")), 2, 2, |_, _| 1);
        photo(&dir.path().join(format!("images/{name}.jpg.png")), 2, 2, |_, _| [1; 3]);
        fs::rename(dir.path().join(format!("images/{name}.jpg.png")), dir.path().join(format!("images/{name}.JPG")))
            .unwrap();
    }
    let set = Dataset::discover(dir.path(), &small(Layout::Pairs), Split::Train).unwrap();
    let found: Vec<&str> = set.files().iter().map(|files| files.name.as_str()).collect();
    assert_eq!(found, ["a", "x/a", "x/y/b"]);
    fs::remove_file(dir.path().join("labels/x/a.png")).unwrap();
    let alone = dir.path().join("images/x/a.JPG");
    names(Dataset::discover(dir.path(), &small(Layout::Pairs), Split::Train), &alone, &["x/a.png", "labels"]);
}

#[test]
fn unicode_forms_of_a_name_match() {
    let dir = tempfile::tempdir().unwrap();
    ids(&dir.path().join("labels/fu\u{308}r.png"), 2, 2, |_, _| 1);
    photo(&dir.path().join("images/f\u{fc}r.png"), 2, 2, |_, _| [1; 3]);
    let set = Dataset::discover(dir.path(), &small(Layout::Pairs), Split::Train).unwrap();
    assert_eq!((set.len(), set.files()[0].name.as_str()), (1, "f\u{fc}r"));
    set.get(0).unwrap();
    ids(&dir.path().join("labels/f\u{fc}r.png"), 2, 2, |_, _| 1);
    let doubled = dir.path().join("labels/f\u{fc}r.png");
    names(Dataset::discover(dir.path(), &small(Layout::Pairs), Split::Train), &doubled, &["same name"]);
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::symlink;

    use super::*;

    fn listed(dir: &Path) -> Vec<String> {
        below(dir, &list_images(dir, None).unwrap().images).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn linked_folders_are_followed() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "real/a.png");
        write(dir.path(), "real/below/b.png");
        write(dir.path(), "set/c.png");
        symlink("../real", dir.path().join("set/city")).unwrap();
        assert_eq!(listed(&dir.path().join("set")), ["c.png", "city/a.png", "city/below/b.png"]);
        symlink(dir.path().join("set"), dir.path().join("whole")).unwrap();
        assert_eq!(listed(&dir.path().join("whole")).len(), 3);
    }

    #[test]
    fn loops_end_and_nothing_is_counted_twice() {
        let dir = tempfile::tempdir().unwrap();
        let set = dir.path().join("set");
        write(&set, "b/a.png");
        write(&set, "b/below/c.png");
        for (link, target) in [
            ("a", "b"),
            ("b/up", ".."),
            ("b/itself", "."),
            ("b/itself-named", "itself-named"),
            ("out", "../.."),
            ("x", "y"),
            ("y", "x"),
            ("deep", "b/below"),
        ] {
            symlink(target, set.join(link)).unwrap();
        }
        assert_eq!(listed(&set), ["b/a.png", "b/below/c.png"]);
        // Two folders that lead to each other.
        let other = dir.path().join("other");
        write(&other, "d.png");
        symlink(&other, set.join("other")).unwrap();
        symlink(&set, other.join("set")).unwrap();
        assert_eq!(listed(&set), ["b/a.png", "b/below/c.png", "other/d.png"]);
    }

    #[test]
    fn linked_datasets_are_read_the_same_by_all() {
        let dir = tempfile::tempdir().unwrap();
        for (folder, kind) in [("labels", "map"), ("images", "photo")] {
            for name in ["a", "b"] {
                let file = dir.path().join(format!("real/{kind}/{name}.png"));
                match folder {
                    "labels" => ids(&file, 2, 2, |_, _| 1),
                    _ => photo(&file, 2, 2, |_, _| [1; 3]),
                }
            }
            fs::create_dir_all(dir.path().join("set").join(folder)).unwrap();
            symlink(dir.path().join("real").join(kind), dir.path().join("set").join(folder).join("city")).unwrap();
        }
        let set = dir.path().join("set");
        let data = small(Layout::Pairs);
        assert_eq!(Dataset::discover(&set, &data, Split::Train).unwrap().len(), 2);
        assert_eq!(check(&set, &data).unwrap().train, 2);
        assert_eq!(listed(&set.join("labels")), ["city/a.png", "city/b.png"]);
    }
}

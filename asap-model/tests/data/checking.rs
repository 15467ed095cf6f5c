use std::fs;

use asap_model::config::{DataConfig, IdList, InputKind, Layout, Remap, Resize};
use asap_model::data::{ClassCount, check, read_labels};

use crate::support::{facades, ids, names, photo, small};

#[test]
fn valid_dataset_has_no_problems() {
    let dir = tempfile::tempdir().unwrap();
    facades(dir.path(), 5);
    ids(&dir.path().join("val_label/g.png"), 9, 4, |_, _| 3);
    photo(&dir.path().join("val_img/g.png"), 9, 4, |_, _| [0, 0, 0]);
    let report = check(dir.path(), &small(Layout::Facades)).unwrap();
    assert_eq!(report.problems, []);
    assert_eq!((report.train, report.val), (5, 6));
    assert_eq!((report.heights, report.widths), ([6, 9], [4, 5]));
    let pixels: u64 = report.classes.iter().map(|class| class.pixels).sum();
    assert_eq!(pixels, 10 * 30 + 36);
    assert_eq!(report.classes[3].pictures, 11);
    assert!(((0..4).map(|class| report.share(class)).sum::<f64>() - 1.0).abs() < 1e-12);
}

#[test]
fn all_problems_are_reported() {
    let dir = tempfile::tempdir().unwrap();
    facades(dir.path(), 6);
    let at = |file: &str| dir.path().join(file);
    ids(&at("train_label/f00.png"), 6, 5, |x, y| [0, 9, 9, 77, 0][x] * u8::from(y > 1));
    ids(&at("train_label/f01.png"), 5, 5, |_, _| 0);
    fs::write(at("train_img/f02.png"), b"broken").unwrap();
    fs::remove_file(at("train_img/f03.png")).unwrap();
    fs::remove_file(at("val_label/f04.png")).unwrap();
    photo(&at("val_label/f05.png"), 6, 5, |_, _| [0, 0, 0]);
    let report = check(dir.path(), &small(Layout::Facades)).unwrap();
    let mut problems: Vec<_> = report.problems.iter().map(|f| (f.file.clone(), f.pixel, f.value)).collect();
    problems.sort();
    assert_eq!(
        problems,
        [
            (at("train_img/f02.png"), None, None),
            (at("train_label/f00.png"), Some([1, 2]), Some(9)),
            (at("train_label/f00.png"), Some([3, 2]), Some(77)),
            (at("train_label/f01.png"), None, None),
            (at("train_label/f03.png"), None, None),
            (at("val_img/f04.png"), None, None),
            (at("val_label/f05.png"), None, None),
        ]
    );
    assert!(report.problems.iter().any(|f| f.message.contains("(1, 2)") && f.message.contains("7 more")));
    assert_eq!((report.train, report.val), (5, 5));
}

#[test]
fn wrong_image_size_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    for (name, side) in [("a", 8), ("b", 9), ("c", 7)] {
        ids(&dir.path().join(format!("labels/{name}.png")), side, 8, |_, _| 0);
        photo(&dir.path().join(format!("images/{name}.png")), side, 8, |_, _| [0, 0, 0]);
    }
    for (resize, wrong) in [(Resize::Fixed, ""), (Resize::ResizeAndCrop, ""), (Resize::Crop, "c"), (Resize::None, "bc")]
    {
        let report = check(dir.path(), &DataConfig { resize, ..small(Layout::Pairs) }).unwrap();
        let files: Vec<_> = report.problems.iter().map(|problem| problem.file.clone()).collect();
        let expected: Vec<_> = wrong.chars().map(|name| dir.path().join(format!("images/{name}.png"))).collect();
        assert_eq!(files, expected, "{resize:?}");
        assert!(report.problems.iter().all(|problem| problem.message.contains("of data.size; set data.resize")));
    }
}

#[test]
fn missing_folder_is_one_problem() {
    let dir = tempfile::tempdir().unwrap();
    facades(dir.path(), 4);
    fs::remove_dir_all(dir.path().join("val_img")).unwrap();
    let report = check(dir.path(), &small(Layout::Facades)).unwrap();
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
    assert_eq!(report.problems[0].file, dir.path().join("val_img"));
    assert_eq!((report.train, report.val), (4, 0));
}

#[test]
fn rgb_pairs_have_no_classes() {
    let dir = tempfile::tempdir().unwrap();
    photo(&dir.path().join("inputs/a.png"), 2, 3, |_, _| [9, 9, 9]);
    photo(&dir.path().join("images/a.png"), 2, 3, |_, _| [1, 1, 1]);
    let mut data = small(Layout::Pairs);
    data.input = InputKind::Image;
    let report = check(dir.path(), &data).unwrap();
    assert_eq!((report.problems, report.classes), (vec![], Vec::<ClassCount>::new()));
    assert_eq!((report.train, report.val), (1, 0));
}

#[test]
fn file_instead_of_folder_is_rejected() {
    let dir = tempfile::tempdir().unwrap();
    assert!(check(&dir.path().join("gone"), &small(Layout::Facades)).is_err());
}

/// 21 label maps with ids 0 to 3 and 255, as the published code's COCO-Stuff samples have.
#[test]
fn ignored_labels_get_one_hint() {
    let dir = tempfile::tempdir().unwrap();
    facades(dir.path(), 7);
    for i in 0..7 {
        ids(
            &dir.path().join(format!("train_label/f{i:02}.png")),
            6,
            5,
            |x, y| if y == 0 { 255 } else { (x % 4) as u8 },
        );
    }
    let mut data = small(Layout::Facades);
    let report = check(dir.path(), &data).unwrap();
    assert_eq!((report.problems.len(), report.bad_maps), (7, 7));
    assert!(report.problems.iter().all(|problem| !problem.message.contains("data.ignore")), "one hint for all");
    let text = report.bad_labels(&data).unwrap();
    for part in ["7 label maps have ids that are no class (255; ", "their own class", "--set data.ignore=255"] {
        assert!(text.contains(part), "{text}");
    }
    let first = report.first_problem(&data).unwrap();
    assert!(first.message.contains("the first of 7 problems") && first.message.ends_with(&text), "{first}");

    data.ignore = Some(IdList(vec![255]));
    let report = check(dir.path(), &data).unwrap();
    assert_eq!((report.problems.len(), report.bad_labels(&data)), (0, None));
    assert_eq!(report.classes[4], ClassCount { pixels: 7 * 5, pictures: 7 });
}

#[test]
fn remapped_masks_are_checked_as_they_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("labels/a.png");
    ids(&file, 8, 8, |x, _| if x < 2 { 255 } else { 0 });
    photo(&dir.path().join("images/a.png"), 8, 8, |_, _| [0, 0, 0]);
    let mut data = DataConfig { classes: 2, ..small(Layout::Pairs) };
    let hint = check(dir.path(), &data).unwrap().hint(&data).unwrap();
    assert_eq!(hint.assignments, ["data.remap=[[255,1]]"]);
    names(read_labels(&file, data.label_ids()), &file, &["pixel (0, 0) has label 255", "--set data.remap=[[255,1]]"]);
    data.remap = Some(Remap(vec![[255, 1]]));
    let report = check(dir.path(), &data).unwrap();
    assert_eq!(report.problems, []);
    assert_eq!(report.classes.iter().map(|class| class.pixels).collect::<Vec<_>>(), [48, 16]);
    assert_eq!(read_labels(&file, data.label_ids()).unwrap().data[..4], [1, 1, 0, 0]);
}

//! Layouts with sides A and B, and others that only the names of their folders tell apart.

use std::fs;
use std::path::Path;

use asap_model::config::{DataConfig, Direction, InputKind, Layout, OutputKind};
use asap_model::data::{
    Channels, Dataset, Detected, Example, ImageKind, Source, Split, check, detect, detect_layout, discover_inputs,
    is_split,
};

use crate::support::{ids, ids16, names, photo, small};

/// A color of a photo: no two neighbors are equal.
fn color(x: usize, y: usize) -> [u8; 3] {
    [(x * 29 + y * 7) as u8, (x * 13) as u8, (y * 31) as u8]
}

/// A color of a label map in colors: flat.
fn flat(x: usize, _: usize) -> [u8; 3] {
    [[200, 10, 10], [10, 10, 200]][x / 4 % 2]
}

fn detected_as(layout: Layout, direction: Option<Direction>, input: InputKind) -> Detected {
    let kind = |channels| ImageKind { channels, bits: 8, needs_range: false };
    let image = (input == InputKind::Image).then(|| kind(3));
    let is_gray = layout == Layout::SideBySide && input == InputKind::Labels;
    let output = kind(if is_gray { 1 } else { 3 });
    let (input_image, output_image) = (image, Some(output));
    Detected { layout, direction, input, input_image, output: OutputKind::Image, output_image, instances: false }
}

fn of_side(layout: Layout, detected: Detected) -> DataConfig {
    DataConfig { input: detected.input, direction: detected.direction, ..small(layout) }
}

fn rgb(example: &Example) -> [[u8; 3]; 2] {
    let Channels::Image(input) = &example.input.channels else { panic!("no image") };
    [input, &example.target].map(|image| image.as_rgb().expect("an RGB image").at(0, 0))
}

#[test]
fn pairs_side_by_side_are_cut() {
    for (b_is_flat, direction) in [(true, Direction::BtoA), (false, Direction::AtoB)] {
        let dir = tempfile::tempdir().unwrap();
        for (part, count) in [("train", 3), ("val", 2)] {
            for i in 0..count {
                let side = |is_flat: bool, x, y| if is_flat { flat(x, y) } else { color(x, y) };
                photo(&dir.path().join(format!("{part}/{i}.png")), 8, 16, |x, y| {
                    if x < 8 { side(!b_is_flat, x, y) } else { side(b_is_flat, x - 8, y) }
                });
            }
        }
        let detected = detect(dir.path()).unwrap();
        let expected = detected_as(Layout::SideBySide, Some(direction), InputKind::Image);
        assert_eq!(detected, expected);
        let mut data = of_side(Layout::SideBySide, detected);
        let set = Dataset::discover(dir.path(), &data, Split::Train).unwrap();
        assert_eq!(set.files().iter().map(|files| files.name.as_str()).collect::<Vec<_>>(), ["0", "1", "2"]);
        let example = set.get(1).unwrap();
        assert_eq!((example.input.size(), example.target.size()), ([8, 8], [8, 8]));
        assert_eq!(rgb(&example), [flat(0, 0), color(0, 0)]);
        let report = check(dir.path(), &data).unwrap();
        assert_eq!((report.train, report.val, report.widths, &report.problems[..]), (3, 2, [8, 8], &[][..]));
        assert_eq!(report.direction, Some(direction));
        assert_eq!(discover_inputs(dir.path(), &data, Split::Val).unwrap().examples.len(), 2);
        // The other way round, and unset.
        data.direction = Some(if b_is_flat { Direction::AtoB } else { Direction::BtoA });
        let other = Dataset::discover(dir.path(), &data, Split::Val).unwrap().get(0).unwrap();
        assert_eq!(rgb(&other), [color(0, 0), flat(0, 0)]);
        data.direction = None;
        let unset = Dataset::discover(dir.path(), &data, Split::Val).unwrap().get(0).unwrap();
        assert_eq!(rgb(&unset), [flat(0, 0), color(0, 0)]);
    }
}

#[test]
fn pairs_side_by_side_need_no_split_but_even_widths() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        // One channel: a gray photo and its mask.
        ids(&dir.path().join(format!("{name}.png")), 8, 16, |x, y| if x < 8 { (x * 29 + y * 7) as u8 } else { 1 });
    }
    let detected = detect(dir.path()).unwrap();
    let expected = detected_as(Layout::SideBySide, Some(Direction::BtoA), InputKind::Labels);
    assert_eq!(detected, expected);
    let data = of_side(Layout::SideBySide, detected);
    assert_eq!(check(dir.path(), &data).unwrap().problems, []);
    let example = Dataset::discover(dir.path(), &data, Split::Train).unwrap().get(0).unwrap();
    let Channels::Labels(map) = example.input.channels else { panic!("a mask is a label map") };
    assert_eq!((map.size(), map.data), ([8, 8], vec![1; 64]));

    let odd = dir.path().join("c.png");
    ids(&odd, 8, 15, |_, _| 1);
    let report = check(dir.path(), &data).unwrap();
    assert!(report.problems.iter().all(|problem| problem.file == odd && problem.message.contains("15×8")));
    assert!(!report.problems.is_empty());
    names(Dataset::discover(dir.path(), &data, Split::Train).unwrap().get(2), &odd, &["15×8", "even width"]);
    let reversed = DataConfig { direction: Some(Direction::AtoB), ..data };
    let wrong = Dataset::discover(dir.path(), &reversed, Split::Train).unwrap().get(0);
    names(wrong, &dir.path().join("a.png"), &["data.direction (AtoB)", "data.input"]);
}

/// Ordinary photos are no pairs side by side.
#[test]
fn other_shapes_are_not_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    photo(&dir.path().join("train/a.png"), 8, 12, color);
    names(detect_layout(dir.path()), dir.path(), &["side-by-side"]);
}

#[test]
fn folders_a_and_b_are_recognized() {
    for [a, b] in [["A", "B"], ["A/train", "B/train"], ["train/A", "train/B"], ["trainA", "trainB"]] {
        let dir = tempfile::tempdir().unwrap();
        for name in ["1", "2"] {
            photo(&dir.path().join(format!("{a}/{name}.png")), 8, 8, color);
            ids(&dir.path().join(format!("{b}/{name}.png")), 8, 8, |x, _| (x / 4) as u8);
            let [a, b] = [a, b].map(|folder| folder.replace("train", "test"));
            if a != "A" {
                photo(&dir.path().join(format!("{a}/{name}.png")), 8, 8, color);
                ids(&dir.path().join(format!("{b}/{name}.png")), 8, 8, |_, _| 1);
            }
        }
        let detected = detect(dir.path()).unwrap();
        let expected = detected_as(Layout::Ab, Some(Direction::BtoA), InputKind::Labels);
        assert_eq!(detected, expected, "{a}");
        let data = of_side(Layout::Ab, detected);
        let example = Dataset::discover(dir.path(), &data, Split::Train).unwrap().get(1).unwrap();
        assert!(matches!(example.input.channels, Channels::Labels(map) if map.at(7, 0) == 1));
        let report = check(dir.path(), &data).unwrap();
        let val = if a == "A" { 0 } else { 2 };
        assert_eq!((report.train, report.val, &report.problems[..]), (2, val, &[][..]), "{a}");
        assert_eq!(is_split(dir.path(), Layout::Ab), val > 0);
    }
}

#[test]
fn unpaired_sides_are_one_problem() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["n1_10", "n1_20", "n1_30"] {
        photo(&dir.path().join(format!("trainA/{name}.png")), 8, 8, color);
        photo(&dir.path().join(format!("trainB/{}.png", name.replace("n1", "n2x"))), 8, 8, color);
    }
    fs::remove_file(dir.path().join("trainB/n2x_30.png")).unwrap();
    let data = of_side(Layout::Ab, detect(dir.path()).unwrap());
    let report = check(dir.path(), &data).unwrap();
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
    assert!(report.problems[0].message.contains("unpaired"));
}

/// The names of the files in pix2pixHD's own sample.
fn pix2pixhd(dir: &Path) {
    for (part, stem) in [("train", "aachen_000000_000019"), ("test", "berlin_000000_000019")] {
        ids(&dir.join(format!("{part}_label/{stem}_gtFine_labelIds.png")), 8, 8, |_, _| 3);
        ids16(&dir.join(format!("{part}_inst/{stem}_gtFine_instanceIds.png")), 8, 8, |x, _| 26000 + x as u16);
        if part == "train" {
            photo(&dir.join(format!("{part}_img/{stem}_leftImg8bit.png")), 8, 8, color);
        }
    }
}

#[test]
fn pix2pixhd_sample_is_recognized() {
    let dir = tempfile::tempdir().unwrap();
    pix2pixhd(dir.path());
    assert_eq!(detect_layout(dir.path()).unwrap(), Layout::Pix2PixHd);
    let data = DataConfig { instances: true, ..small(Layout::Pix2PixHd) };
    let report = check(dir.path(), &data).unwrap();
    assert_eq!((report.train, report.val, &report.problems[..]), (1, 0, &[][..]));
    let train = Dataset::discover(dir.path(), &data, Split::Train).unwrap();
    assert_eq!(train.files()[0].name, "aachen_000000_000019");
    assert!(train.get(0).unwrap().input.instances.is_some());
    // The test part has no photos: it is for inference only.
    assert_eq!(Dataset::discover(dir.path(), &data, Split::Val).unwrap().files(), train.files());
    let inputs = discover_inputs(dir.path(), &data, Split::Val).unwrap().examples;
    assert_eq!(inputs[0].name, "berlin_000000_000019");
}

#[test]
fn pairs_may_be_split_below_their_kinds() {
    for parts in [["train", "val"], ["train", "test"], ["training", "validation"]] {
        for masks in ["labels", "masks"] {
            let dir = tempfile::tempdir().unwrap();
            for part in parts {
                ids(&dir.path().join(format!("{masks}/{part}/{part}.png")), 2, 2, |_, _| 1);
                ids(&dir.path().join(format!("instances/{part}/{part}.png")), 2, 2, |_, _| 1);
                photo(&dir.path().join(format!("images/{part}/{part}.png")), 2, 2, color);
            }
            assert_eq!(detect_layout(dir.path()).unwrap(), Layout::Pairs);
            assert!(is_split(dir.path(), Layout::Pairs));
            let data = DataConfig { instances: true, ..small(Layout::Pairs) };
            for (split, part) in [(Split::Train, parts[0]), (Split::Val, parts[1])] {
                let set = Dataset::discover(dir.path(), &data, split).unwrap();
                assert_eq!(set.files().iter().map(|files| files.name.as_str()).collect::<Vec<_>>(), [part]);
            }
            fs::remove_dir_all(dir.path().join("images").join(parts[0])).unwrap();
            let missing = dir.path().join("images").join(parts[0]);
            names(Dataset::discover(dir.path(), &data, Split::Train), &missing, &["does not exist"]);
        }
    }
}

#[test]
fn test_pairs_validate_where_no_others_do() {
    let dir = tempfile::tempdir().unwrap();
    for part in ["train", "test"] {
        ids(&dir.path().join(format!("{part}_label/{part}.png")), 2, 2, |_, _| 1);
        photo(&dir.path().join(format!("{part}_img/{part}.png")), 2, 2, color);
    }
    let name = |split| Dataset::discover(dir.path(), &small(Layout::Facades), split).unwrap().files()[0].name.clone();
    assert_eq!((name(Split::Train), name(Split::Val)), ("train".into(), "test".into()));
    fs::rename(dir.path().join("test_label"), dir.path().join("other")).unwrap();
    assert_eq!(name(Split::Val), "train");
    assert!(!is_split(dir.path(), Layout::Facades));
}

#[test]
fn pairs_side_by_side_may_have_any_shape() {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..3 {
        photo(&dir.path().join(format!("train/{i}.png")), 8, 20 + 4 * i, |x, y| {
            let half = 10 + 2 * i;
            if x < half { color(x, y) } else { flat(x - half, y) }
        });
    }
    let expected = detected_as(Layout::SideBySide, Some(Direction::BtoA), InputKind::Image);
    assert_eq!(detect(dir.path()).unwrap(), expected);
    // Photos of that shape are no pairs.
    let photos = tempfile::tempdir().unwrap();
    photo(&photos.path().join("train/a.png"), 8, 20, color);
    names(detect(photos.path()), photos.path(), &["no recognized dataset layout", "side-by-side"]);
}

use std::fs;
use std::path::Path;

use asap_model::config::{DataConfig, InputKind, Layout, OutputKind};
use asap_model::data::{Channels, Dataset, Example, Samples, Source, Split, detect_layout, discover_inputs, is_split};

use crate::support::{facades, ids, ids16, names, photo, small};

fn one(set: &Dataset) -> Example {
    assert_eq!(set.len(), 1);
    set.get(0).unwrap()
}

#[test]
fn facades_layout_is_discovered() {
    let dir = tempfile::tempdir().unwrap();
    facades(dir.path(), 12);
    fs::remove_file(dir.path().join("val_img/f11.png")).unwrap();
    fs::remove_file(dir.path().join("val_label/f11.png")).unwrap();
    fs::write(dir.path().join("train_img/.f99.png"), b"hidden").unwrap();
    fs::write(dir.path().join("train_img/Thumbs.db"), b"not a picture").unwrap();
    assert_eq!(detect_layout(dir.path()).unwrap(), Layout::Facades);
    let set = Dataset::discover(dir.path(), &small(Layout::Facades), Split::Train).unwrap();
    let found: Vec<&str> = set.files().iter().map(|files| files.name.as_str()).collect();
    assert_eq!(found, (0..12).map(|i| format!("f{i:02}")).collect::<Vec<_>>());
    assert_eq!(Dataset::discover(dir.path(), &small(Layout::Facades), Split::Val).unwrap().len(), 11);
    let raw = set.get(3).unwrap();
    assert_eq!((raw.input.name.as_str(), raw.target.size(), &raw.input.instances), ("f03", [6, 5], &None));
    let Channels::Labels(map) = raw.input.channels else { panic!("facades have labels") };
    assert_eq!(map.at(2, 1), 2);
}

/// One picture of Cityscapes in its own layout, with the files beside that belong to neither.
fn cityscapes(dir: &Path, labels: &str, photos: &str) {
    let stem = "aachen_000000_000019";
    ids(&dir.join(format!("{labels}/{stem}_gtFine_labelIds.png")), 2, 4, |x, _| x as u8);
    ids(&dir.join(format!("{labels}/{stem}_gtFine_labelTrainIds.png")), 2, 4, |_, _| 255);
    photo(&dir.join(format!("{labels}/{stem}_gtFine_color.png")), 2, 4, |_, _| [1, 2, 3]);
    ids16(&dir.join(format!("{labels}/{stem}_gtFine_instanceIds.png")), 2, 4, |x, _| 26000 + x as u16);
    photo(&dir.join(format!("{photos}/{stem}_leftImg8bit.png")), 2, 4, |_, _| [9, 8, 7]);
}

#[test]
fn both_cityscapes_layouts_are_discovered() {
    for (labels, photos) in [
        ("gtFine/train/aachen", "leftImg8bit/train/aachen"),
        ("train_labels", "train_images"),
        ("train_labels/a", "train_images/b"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        cityscapes(dir.path(), labels, photos);
        assert_eq!(detect_layout(dir.path()).unwrap(), Layout::Cityscapes);
        let mut data = small(Layout::Cityscapes);
        data.instances = true;
        let raw = one(&Dataset::discover(dir.path(), &data, Split::Train).unwrap());
        assert_eq!(raw.input.name, "aachen_000000_000019");
        assert_eq!(raw.input.instances.unwrap().data[..4], [26000, 26001, 26002, 26003]);
        let Channels::Labels(map) = raw.input.channels else { panic!("Cityscapes has labels") };
        assert_eq!(map.data[..4], [0, 1, 2, 3]);
    }
}

#[test]
fn instances_may_have_their_own_folder() {
    let dir = tempfile::tempdir().unwrap();
    cityscapes(dir.path(), "train_labels", "train_images");
    let file = "aachen_000000_000019_gtFine_instanceIds.png";
    fs::create_dir(dir.path().join("train_inst")).unwrap();
    fs::rename(dir.path().join("train_labels").join(file), dir.path().join("train_inst").join(file)).unwrap();
    let mut data = small(Layout::Cityscapes);
    data.instances = true;
    assert!(one(&Dataset::discover(dir.path(), &data, Split::Train).unwrap()).input.instances.is_some());
}

#[test]
fn pairs_layout_works_with_and_without_split() {
    let dir = tempfile::tempdir().unwrap();
    ids(&dir.path().join("labels/a.b.png"), 2, 2, |_, _| 1);
    photo(&dir.path().join("images/a.b.png"), 2, 2, |_, _| [1, 1, 1]);
    ids(&dir.path().join("instances/a.b.png"), 2, 2, |x, _| x as u8);
    assert_eq!(detect_layout(dir.path()).unwrap(), Layout::Pairs);
    assert!(!is_split(dir.path(), Layout::Pairs));
    let mut data = small(Layout::Pairs);
    assert_eq!(one(&Dataset::discover(dir.path(), &data, Split::Val).unwrap()).input.name, "a.b");
    data.instances = true;
    assert!(one(&Dataset::discover(dir.path(), &data, Split::Train).unwrap()).input.instances.is_some());

    let split = tempfile::tempdir().unwrap();
    for part in ["train", "val"] {
        ids(&split.path().join(part).join(format!("labels/{part}.png")), 2, 2, |_, _| 1);
        photo(&split.path().join(part).join(format!("images/{part}.png")), 2, 2, |_, _| [1, 1, 1]);
    }
    assert_eq!(detect_layout(split.path()).unwrap(), Layout::Pairs);
    assert!(is_split(split.path(), Layout::Pairs));
    let data = small(Layout::Pairs);
    assert_eq!(one(&Dataset::discover(split.path(), &data, Split::Val).unwrap()).input.name, "val");
}

#[test]
fn rgb_to_depth_pairs_are_read() {
    let dir = tempfile::tempdir().unwrap();
    photo(&dir.path().join("inputs/a.png"), 2, 3, |x, _| [x as u8, 0, 0]);
    ids16(&dir.path().join("images/a.png"), 2, 3, |x, _| 1000 * x as u16);
    let mut data = small(Layout::Pairs);
    (data.input, data.output) = (InputKind::Image, OutputKind::Depth);
    let raw = one(&Dataset::discover(dir.path(), &data, Split::Train).unwrap());
    assert!(matches!(raw.input.channels, Channels::Image(_)));
    assert!(matches!(raw.target.samples(), Samples::U16(levels) if levels[..3] == [0, 1000, 2000]));
    data.output = OutputKind::Image;
    let raw = one(&Dataset::discover(dir.path(), &data, Split::Train).unwrap());
    assert_eq!(raw.target.channels(), 3);
}

#[test]
fn missing_partner_is_rejected() {
    let dir = tempfile::tempdir().unwrap();
    facades(dir.path(), 3);
    let data = small(Layout::Facades);
    fs::remove_file(dir.path().join("train_label/f01.png")).unwrap();
    let alone = dir.path().join("train_img/f01.png");
    names(Dataset::discover(dir.path(), &data, Split::Train), &alone, &["label map", "f01.png", "train_label"]);
    fs::remove_file(dir.path().join("val_img/f02.png")).unwrap();
    let alone = dir.path().join("val_label/f02.png");
    names(Dataset::discover(dir.path(), &data, Split::Val), &alone, &["photo", "val_img"]);
}

#[test]
fn duplicate_names_are_rejected() {
    let dir = tempfile::tempdir().unwrap();
    facades(dir.path(), 1);
    photo(&dir.path().join("train_img/f00.jpg"), 6, 5, |_, _| [0, 0, 0]);
    let doubled = dir.path().join("train_img/f00.png");
    let data = small(Layout::Facades);
    names(Dataset::discover(dir.path(), &data, Split::Train), &doubled, &["same name", "f00.jpg"]);
}

#[test]
fn missing_and_empty_folders_are_rejected() {
    let dir = tempfile::tempdir().unwrap();
    names(detect_layout(dir.path()), dir.path(), &["train_label", "gtFine", "labels"]);
    let gone = dir.path().join("gone");
    names(detect_layout(&gone), &gone, &["not a folder"]);
    let data = small(Layout::Facades);
    let labels = dir.path().join("train_label");
    names(Dataset::discover(dir.path(), &data, Split::Train), &labels, &["does not exist", "label map"]);
    fs::create_dir(&labels).unwrap();
    fs::create_dir(dir.path().join("train_img")).unwrap();
    names(Dataset::discover(dir.path(), &data, Split::Train), &labels, &["contains no label map"]);
    let inputs = dir.path().join("inputs");
    let colors = DataConfig { input: InputKind::Image, ..small(Layout::Pairs) };
    names(Dataset::discover(dir.path(), &colors, Split::Train), &inputs, &["does not exist"]);
}

#[test]
fn inputs_are_discovered_without_photos() {
    let dir = tempfile::tempdir().unwrap();
    facades(dir.path(), 3);
    fs::remove_dir_all(dir.path().join("val_img")).unwrap();
    let mut data = small(Layout::Facades);
    let inputs = discover_inputs(dir.path(), &data, Split::Val).unwrap().examples;
    assert_eq!(inputs.iter().map(|i| i.name.as_str()).collect::<Vec<_>>(), ["f00", "f01", "f02"]);
    assert_eq!(inputs[2].read_input(&data).unwrap().size(), [6, 5]);
    data.instances = true;
    names(discover_inputs(dir.path(), &data, Split::Val), &dir.path().join("val_inst"), &["instance map"]);
}

#[test]
fn impossible_settings_are_rejected() {
    let dir = tempfile::tempdir().unwrap();
    facades(dir.path(), 1);
    let refused = |data| match Dataset::discover(dir.path(), &data, Split::Train) {
        Err(asap_model::Error::Config { problem, .. }) => problem,
        other => panic!("accepted: {other:?}"),
    };
    let mut rgb = small(Layout::Facades);
    rgb.input = InputKind::Image;
    assert!(refused(rgb).contains("pairs"));
    let mut synthetic = small(Layout::Synthetic);
    synthetic.classes = 13;
    assert!(refused(synthetic).contains("data.layout"));
}

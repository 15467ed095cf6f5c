//! Label maps whose ids are not the classes: ignored labels, masks of 0 and 255, train ids.

use asap_model::data::{LabelMap, Plane, RgbImage, write_labels, write_rgb};

use crate::support::{TINY, Workspace};

const SIDE: usize = 32;

/// `count` training and two validation pairs in the layout of the published facades.
pub fn dataset(
    here: &Workspace,
    dir: &str,
    count: usize,
    label: impl Fn(usize, usize) -> u8,
    photo: impl Fn(usize, usize) -> u8,
) {
    let colors: Vec<[u8; 3]> = (0..=255).map(|level| [level; 3]).collect();
    for (split, count) in [("train", count), ("val", 2)] {
        for kind in ["label", "img"] {
            std::fs::create_dir_all(here.path(dir).join(format!("{split}_{kind}"))).unwrap();
        }
        for i in 0..count {
            let file = |kind: &str| here.path(dir).join(format!("{split}_{kind}/{i:02}.png"));
            let labels: LabelMap = Plane::from_fn(SIDE, SIDE, |x, y| label((x + i) % SIDE, y));
            write_labels(&file("label"), &labels, &colors).unwrap();
            let image: RgbImage = Plane::from_fn(SIDE, SIDE, |x, y| [photo((x + i) % SIDE, y), 90, 200]);
            write_rgb(&file("img"), &image).unwrap();
        }
    }
}

/// Ids 0 to 12, and 255 in the last rows.
fn coco(x: usize, y: usize) -> u8 {
    if y >= 24 { 255 } else { ((x / 4 + y / 8) % 13) as u8 }
}

#[test]
fn ignored_labels_have_a_way_in() {
    let here = Workspace::new();
    dataset(&here, "coco", 6, coco, |x, _| 8 * x as u8);
    let hint = "8 label maps have ids that are no class (255; 25.0% of all pixels); 255 often marks unlabeled pixels: \
                data.ignore gives them their own class: --set data.ignore=255";
    let checked = here.asap("data check coco");
    assert_eq!(checked.code, 3);
    assert!(checked.stdout.contains("\n8 problems\nhint: ") && checked.stdout.contains(hint), "{}", checked.stdout);
    assert_eq!(checked.stdout.matches("data.ignore").count(), 2, "one hint for all: {}", checked.stdout);
    let report = here.asap("data check coco --json").objects().pop().unwrap();
    assert_eq!((&report["hint"], &report["set"]), (&hint.into(), &vec!["data.ignore=255"].into()));
    here.refused(&format!("train --data coco --out run {TINY}"), 3, &["coco/train_label/00.png", hint, "data check"]);

    here.done("data check coco --set data.ignore=255");
    for ignored in ["class", "mask"] {
        let keys = format!("--set data.ignore=255 --set data.ignore_as={ignored}");
        here.done(&format!("train --data coco --out {ignored} --steps 2 {TINY} {keys}"));
        here.done(&format!("infer --checkpoint {ignored} --input coco/val_label --out {ignored}-images"));
        here.done(&format!("eval --checkpoint {ignored} --data coco"));
    }
}

/// Photos that differ where the label is masked give the same losses, validation and measures.
#[test]
fn masked_labels_count_nowhere() {
    let here = Workspace::new();
    dataset(&here, "first", 4, coco, |x, _| 8 * x as u8);
    dataset(&here, "second", 4, coco, |x, y| if y >= 24 { 77 } else { 8 * x as u8 });
    let run = |dir: &str, ignored: &str| {
        let out = format!("{dir}-{ignored}");
        here.done(&format!(
            "train --data {dir} --out {out} --steps 3 {TINY} --set data.flip=false --set data.ignore=255 --set \
             data.ignore_as={ignored}"
        ));
        let log = std::fs::read_to_string(here.path(&out).join("metrics.jsonl")).unwrap();
        let mut lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.iter_mut().for_each(|line| drop(line.as_object_mut().unwrap().remove("seconds")));
        let mut measures = here.done(&format!("eval --checkpoint first-{ignored} --data {dir} --json")).objects();
        measures.iter_mut().for_each(|measure| drop(measure.remove("real")));
        (lines, measures)
    };
    assert_eq!(run("first", "mask"), run("second", "mask"));
    let [(first, measures), (second, others)] = ["first", "second"].map(|dir| run(dir, "class"));
    assert!(first != second && measures != others, "as a class they count");
}

#[test]
fn masks_of_0_and_255_get_the_same_verdict_everywhere() {
    let here = Workspace::new();
    dataset(&here, "masks", 4, |x, y| if x > y { 255 } else { 0 }, |x, _| 8 * x as u8);
    let hint = "masks of 0 and 255 have two classes: --set data.remap=[[255,1]] --set data.classes=2";
    let checked = here.asap("data check masks");
    assert!(checked.code == 3 && checked.stdout.contains(hint), "{}", checked.stdout);
    here.refused(&format!("train --data masks --out run {TINY}"), 3, &["masks/train_label/00.png", hint]);
    let keys = "--set data.remap=[[255,1]] --set data.classes=2";
    here.done(&format!("data check masks {keys}"));
    here.done(&format!("train --data masks --out run --steps 2 {TINY} {keys}"));
    here.done("infer --checkpoint run --input masks/val_label --out images");
}

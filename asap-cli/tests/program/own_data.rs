//! A user's own dataset: what `--data` detects, what checks remember, what `init` writes.

use std::fs;

use asap_model::Config;

use crate::labels::dataset;
use crate::support::{TINY, Workspace};

/// Two classes, in the layout `labels/`, `images/` with splits.
fn cells(here: &Workspace) {
    dataset(here, "published", 6, |x, y| u8::from(x > 10 && y > 10), |x, _| 8 * x as u8);
    for split in ["train", "val"] {
        for (from, to) in [("label", "labels"), ("img", "images")] {
            fs::create_dir_all(here.path(&format!("cells/{split}"))).unwrap();
            fs::rename(here.path(&format!("published/{split}_{from}")), here.path(&format!("cells/{split}/{to}")))
                .unwrap();
        }
    }
}

#[test]
fn data_are_detected_before_keys_are_checked() {
    let here = Workspace::new();
    cells(&here);
    // The preset's own data, synthetic facades, have 13 classes.
    for keys in ["", "--set data.classes=2", "--set data.layout=pairs"] {
        let ran = here.done(&format!("train --data cells --dry-run {TINY} {keys}"));
        let chosen = "data: cells: pairs, 6 + 2 pairs of 32×32 pixels, labels with 2 classes (ids 0 to 1), photos; resized to \
                      32×32, flipped at random";
        assert!(ran.stderr.contains(chosen), "{keys}: {}", ran.stderr);
    }
    let ran = here.done(&format!("train --data cells --dry-run {TINY} --set data.classes=5 --set data.flip=false"));
    assert!(
        ran.stderr.contains("labels with 5 classes (ids 0 to 1)") && ran.stderr.contains("not flipped"),
        "{}",
        ran.stderr
    );
    // Any preset, and a file that is complete with its dataset only.
    let small = "--set train.batch=2 --set data.size=32 --set data.load_size=36 --set loss.lambda_vgg=0 --set generator.tile=4 --set \
                 generator.learned_factor=4 --set generator.width=4 --set generator.max_width=8 --set generator.depth=1";
    for preset in ["facades-small", "cityscapes-256", "depth-256"] {
        here.done(&format!("train --data cells --config {preset} --dry-run {small}"));
    }
    here.write("mine.toml", "[data]\nlayout = \"synthetic\"\nclasses = 2\n");
    here.done(&format!("train --data cells --config mine.toml --dry-run {small}"));
    here.refused("train --config mine.toml --dry-run", 2, &["mine.toml:3: ", "at least 13"]);
}

#[test]
fn unchanged_files_are_not_read_again() {
    let here = Workspace::new();
    cells(&here);
    let check = |arguments: &str| here.done(&format!("train --data cells --dry-run {TINY} {arguments}")).stderr;
    assert!(check("").contains("checked 8 pairs") && !check("").contains("0 have not changed"));
    // Other classes and sizes don't matter.
    assert!(check("--set data.classes=7").contains("; 8 have not changed since an earlier check"));
    let photo = here.path("cells/train/images/00.png");
    let other = fs::read(here.path("cells/train/images/01.png")).unwrap();
    fs::write(&photo, other).unwrap();
    assert!(check("").contains("; 7 have not changed"), "the changed one is read");
    fs::write(&photo, "no picture").unwrap();
    for _ in 0..2 {
        let ran = here.asap("data check cells");
        assert!(ran.code == 3 && ran.stdout.contains("images/00.png"), "problems are found each time: {}", ran.stdout);
    }
}

#[test]
fn damaged_caches_are_ignored() {
    let here = Workspace::new();
    cells(&here);
    let cache = |here: &Workspace| {
        let folder = here.cache().join("asap/checks");
        let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.len(), 1);
        files[0].clone()
    };
    let first = here.done("data check cells").stdout;
    for damage in ["", "{", "{\"train/labels/00.png\": 1}", "[]"] {
        fs::write(cache(&here), damage).unwrap();
        assert_eq!(here.done("data check cells").stdout, first);
    }
    assert_eq!(here.done("data check cells --fresh").stdout, first);
    fs::remove_dir_all(here.cache().join("asap")).unwrap();
    here.write("file", "");
    assert_eq!(
        here.asap_with(&[("XDG_CACHE_HOME", here.path("file").display().to_string())], "data check cells").stdout,
        first
    );
}

#[test]
fn pairs_swapped_while_a_run_was_stopped_are_named() {
    let here = Workspace::new();
    cells(&here);
    here.done(&format!("train --data cells --out run --steps 2 {TINY} --set train.save_every=2"));
    let resume = |steps: usize| here.done(&format!("train --resume --out run --steps {steps}")).stderr;
    assert!(!resume(3).contains("warning"));
    let [a, b, kept] = ["00.png", "01.png", "kept.png"].map(|name| here.path("cells/train/images").join(name));
    for (from, to) in [(&a, &kept), (&b, &a), (&kept, &b)] {
        fs::rename(from, to).unwrap();
    }
    let warned = resume(4);
    for part in
        ["warning: the dataset has changed", "2 training pairs with other files", "images/00.png", "images/01.png"]
    {
        assert!(warned.contains(part), "{part} is not in {warned}");
    }
    assert!(!resume(5).contains("warning"), "once");
    for folder in ["labels", "images"] {
        let at = |name: &str| here.path("cells/train").join(folder).join(name);
        fs::rename(at("02.png"), at("new.png")).unwrap();
    }
    let warned = resume(6);
    assert!(warned.contains("1 training pair new (new); 1 training pair gone (02)"), "{warned}");
}

#[test]
fn init_writes_what_trains() {
    let here = Workspace::new();
    here.done("init plain.toml");
    let fast = "--steps 1 --set data.workers=0 --set train.validate_count=1";
    here.done(&format!("train --config plain.toml {fast}"));
    let text = fs::read_to_string(here.path("plain.toml")).unwrap();
    assert!(text.contains("asap train --config plain.toml") && text.contains("vgg19-dcbb9e9d.pth"), "{text}");
}

#[test]
fn init_chooses_for_a_dataset() {
    let here = Workspace::new();
    dataset(&here, "masks", 6, |x, y| if x > y { 255 } else { 0 }, |x, _| 8 * x as u8);
    cells(&here);
    for (dir, reasons) in [
        ("masks", &["masks of 0 and 255 have two classes", "remap = [[255, 1]]"][..]),
        ("cells", &["The label maps have ids 0 to 1.", "layout = \"pairs\"", "6 training and 2 validation pairs"]),
    ] {
        let file = format!("{dir}.toml");
        here.done(&format!("init {file} --data {dir} --set train.seed=3"));
        let text = fs::read_to_string(here.path(&file)).unwrap();
        for part in
            [reasons, &["classes = 2", "instances = false", "size = [32, 32]", "seed = 3", "Training needs "]].concat()
        {
            assert!(text.to_lowercase().contains(&part.to_lowercase()), "{part} is not in\n{text}");
        }
        let config = Config::load(&here.path(&file).to_string_lossy()).unwrap();
        assert!(config.data.dir.unwrap().is_absolute());
        here.done(&format!("train --config {file} --steps 2 --set data.workers=0 --set train.validate_count=1"));
    }
    // Images as inputs: OASIS is for labels.
    here.done("data synth scenes --kind depth --count 4 --size 32");
    here.done("init depths.toml --data scenes");
    let config = Config::load(&here.path("depths.toml").to_string_lossy()).unwrap();
    assert_eq!((config.discriminator.kind(), config.loss.lambda_label_mix), ("patch", None));
    assert_eq!((config.loss.lambda_l1, config.loss.lambda_feat), (100.0, 2.0));
    let small = "--set train.batch=3 --set data.size=[32,32] --set data.depth_scale=1000 --set data.depth_max=30";
    here.done(&format!("train --config small-data --data scenes --dry-run {small}"));
    here.refused(
        &format!("train --config small-data --data scenes --dry-run --set discriminator.kind=oasis {small}"),
        2,
        &["discriminator.kind = \"oasis\"", "set it to patch"],
    );
    here.refused("init other.toml --data nowhere", 3, &["nowhere"]);
    assert!(!here.path("other.toml").exists());
}

//! RGB to depth, and RGB to RGB, from the dataset to the measures.

use std::path::Path;

use asap_model::checkpoint::{HostTensor, Metadata, Weights, safetensors};
use asap_model::config::FileFormat;
use asap_model::data::{Image, Plane, ReadOptions, Samples, read_image, read_photo, write_image, write_rgb};
use asap_tensor::random::uniform_by_name;
use serde_json::{Map, Value, json};

use crate::support::{TINY, Workspace};

/// A folder with a depth run of four steps in `run`, and the dataset `scenes` with 3 validation pairs of 32×32.
fn trained() -> Workspace {
    let here = Workspace::new();
    here.done(&format!("train --config depth-synthetic --steps 4 --out run {TINY} --set train.sample_every=2"));
    here.done("data synth scenes --kind depth --count 20 --size 32");
    here
}

/// The only JSON object that a command prints.
fn report(here: &Workspace, line: &str) -> Map<String, Value> {
    let mut objects = here.done(&format!("{line} --json")).objects();
    assert_eq!(objects.len(), 1, "asap {line}");
    objects.remove(0)
}

fn levels(file: &Path) -> Vec<u16> {
    match read_image(file, &ReadOptions::ANY).unwrap().samples() {
        Samples::U16(levels) => levels.clone(),
        other => panic!("{} has {} bits", file.display(), other.bits()),
    }
}

fn gray(here: &Workspace, name: &str, image: Image) {
    write_image(&here.path(name), &image, FileFormat::Png).unwrap();
}

fn parent(here: &Workspace, name: &str) -> std::path::PathBuf {
    let file = here.path(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    file
}

/// Writes an RGB image whose reds are `red`.
fn colors(here: &Workspace, name: &str, [height, width]: [usize; 2], red: u8) {
    let image = Plane::from_fn(height, width, |x, y| [red, (5 * x) as u8, (3 * y) as u8]);
    write_rgb(&parent(here, name), &image).unwrap();
}

/// Writes a depth map in millimetres: half a metre a row, and a hole in its corner.
fn depths(here: &Workspace, name: &str, [height, width]: [usize; 2]) {
    let map = Plane::from_fn(height, width, |x, y| if x + y == 0 { 0 } else { 500 * (y as u16 + 1) });
    write_image(&parent(here, name), &Image::gray16(map), FileFormat::Png).unwrap();
}

#[test]
fn depth_synth_is_valid_and_deterministic() {
    let here = Workspace::new();
    here.done("data synth scenes --kind depth --count 7 --size 40 --seed 3");
    assert_eq!(
        (here.names("scenes"), here.names("scenes/train")),
        (names(&["train", "val"]), names(&["images", "inputs"]))
    );
    assert_eq!((here.names("scenes/train/images").len(), here.names("scenes/val/inputs").len()), (6, 1));
    let found = report(&here, "data check scenes --config depth-synthetic");
    assert_eq!((&found["ok"], &found["layout"], &found["train"]), (&json!(true), &json!("pairs"), &json!(6)));
    let count = |key: &str| found["depths"][key].as_u64().unwrap();
    assert_eq!((count("measured") + count("invalid"), count("beyond")), (7 * 40 * 40, 0));
    let range = [0, 1].map(|end| found["depths"]["range"][end].as_f64().unwrap());
    assert!(range[0] > 1.0 && range[1] > 20.0 && range[1] <= 30.0 && count("invalid") > 1000, "{found:?}");
    let text = here.done("data check scenes --config depth-synthetic").stdout;
    assert!(text.contains("depths from ") && text.contains("% of pixels not measured"), "{text}");
    // Without a configuration too it is seen that these are depths.
    assert_eq!(report(&here, "data check scenes")["depths"]["invalid"], 0);

    here.done("data synth again --kind depth --count 7 --size 40 --seed 3 --threads 1");
    let bytes = |dir: &str| here.files(dir).into_values().collect::<Vec<_>>();
    assert!(bytes("scenes") == bytes("again"));
    here.refused("data synth again --kind depth", 3, &["again", "not empty"]);
    here.refused("data synth new --kind sky", 2, &["sky", "facades", "depth"]);
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn depth_training_reports_depth_errors() {
    let here = Workspace::new();
    let line = format!("train --config depth-synthetic --steps 4 --out run {TINY} --set train.sample_every=2 --json");
    let objects = here.done(&line).objects();
    let validations: Vec<_> = objects.iter().filter(|object| object["event"] == "validation").collect();
    assert_eq!(validations.len(), 2);
    let metrics = std::fs::read_to_string(here.path("run/metrics.jsonl")).unwrap();
    let lines = metrics.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let logged: Vec<Value> = lines.filter(|line| line.get("validation_l1").is_some()).collect();
    for (validation, logged) in validations.iter().zip(&logged) {
        for (key, range) in [("rmse", 0.1..30.0), ("abs_rel", 0.01..20.0), ("delta1", 0.0..1.0), ("l1", 0.001..2.0)] {
            let key = format!("validation_{key}");
            let value = validation[&key].as_f64().unwrap();
            assert!(range.contains(&value) && logged[&key] == value, "{key}: {value} {logged}");
        }
    }
    let finished = objects.last().unwrap();
    for key in ["rmse", "abs_rel", "delta1", "l1"] {
        assert_eq!(finished[&format!("validation_{key}_last")], validations[1][&format!("validation_{key}")]);
        let best = finished[&format!("validation_{key}_best_step")].as_u64().unwrap();
        let index = if best == 2 { 0 } else { 1 };
        assert_eq!(finished[&format!("validation_{key}_best")], validations[index][&format!("validation_{key}")]);
    }
    let page = std::fs::read_to_string(here.path("run/report.html")).unwrap();
    for chart in ["Validation L1", "Validation RMSE", "Validation AbsRel", "Validation delta1", "violet at 30.00"] {
        assert!(page.contains(chart), "no {chart}");
    }
    let text = here.done(&format!("train --config depth-synthetic --steps 1 {TINY}"));
    for part in ["validation L1: ", "validation RMSE: ", "(input, generated, real)", "--kind depth", "--colors colors"]
    {
        assert!(text.stdout.contains(part), "no {part:?} in\n{}", text.stdout);
    }
}

#[test]
fn depth_infer_writes_depths_and_colors() {
    let here = trained();
    let line = "infer --checkpoint run --data scenes --out generated --colors shown";
    let objects = here.done(&format!("{line} --json")).objects();
    assert_eq!(
        (objects.len(), here.names("generated"), here.names("shown")),
        (3, here.names("generated"), here.names("generated"))
    );
    for object in &objects {
        let [map, shown] = ["output", "colors"].map(|key| here.path(object[key].as_str().unwrap()));
        let levels = levels(&map);
        assert!(levels.iter().all(|level| (1..=30_000).contains(level)), "at most 30 metres, and none is a hole");
        let image = read_photo(&shown).unwrap();
        assert_eq!((image.height, image.width), (32, 32));
        let green = |level: u16| {
            let place = levels.iter().position(|&other| other == level).unwrap();
            image.data[place][1]
        };
        let [near, far] = [levels.iter().min(), levels.iter().max()].map(|level| *level.unwrap());
        assert!(green(near) > green(far), "nearer is lighter");
    }
    here.refused(line, 2, &["--out", "already exists", "--force"]);
    std::fs::remove_dir_all(here.path("generated")).unwrap();
    here.refused(line, 2, &["--colors", "shown", "already exists"]);
    here.refused("infer --checkpoint run --data scenes --out new --colors new", 2, &["--colors", "name another"]);
    here.refused("infer --checkpoint run --data scenes --out a --colors shown/../a", 2, &["--colors", "name another"]);
    here.done(&format!("train --steps 1 --out houses {TINY}"));
    here.done("data synth facades --count 2 --size 32");
    let line = "infer --checkpoint houses --data facades --out new --colors other";
    here.refused(line, 2, &["--colors", "not depths"]);
    assert!(!here.path("new").exists() && !here.path("other").exists());
}

#[test]
fn depth_measures_follow_arguments_and_configuration() {
    let here = trained();
    let of_data = report(&here, "eval --checkpoint run --data scenes");
    assert_eq!((&of_data["invalid"], &of_data["farthest"]), (&json!(0), &json!(65.535)));
    assert_eq!((&of_data["depth_max"], &of_data["real_count"]), (&json!(30.0), &json!(3)));
    let masked = of_data["masked_pixels"].as_u64().unwrap();
    let maps = here.names("scenes/val/images").into_iter().map(|name| here.path("scenes/val/images").join(name));
    let maps: Vec<Vec<u16>> = maps.map(|file| levels(&file)).collect();
    assert_eq!(masked, maps.concat().into_iter().filter(|&level| level == 0).count() as u64);

    here.done("infer --checkpoint run --data scenes --out generated");
    let of_folders = report(&here, "eval --generated generated --real scenes/val/images --depth --farthest 65.535");
    for key in ["rmse", "abs_rel", "delta1"] {
        let [a, b] = [&of_data, &of_folders].map(|found| found[key].as_f64().unwrap());
        assert!((a - b).abs() < 1e-9 * a.max(1.0), "{key}: {a} {b}");
    }
    let double = report(&here, "eval --checkpoint run --data scenes --farthest 131.07");
    let rmse = |found: &Map<String, Value>| found["rmse"].as_f64().unwrap();
    assert!((rmse(&double) - 2.0 * rmse(&of_data)).abs() < 1e-9, "{double:?}");
    assert_eq!(
        double["abs_rel"].as_f64().map(|x| (x * 1e9).round()),
        of_data["abs_rel"].as_f64().map(|x| (x * 1e9).round())
    );
    let level = *maps[0].iter().find(|level| **level > 0).unwrap();
    let other = report(&here, &format!("eval --checkpoint run --data scenes --invalid {level}"));
    assert_eq!(other["invalid"], level);
    assert!(other["masked_pixels"].as_u64().unwrap() > masked, "level 0 has no depth either");

    // What training reported of the same images, but for the rounding to 16 bits.
    let of_run = report(&here, "eval --checkpoint run");
    let metrics = std::fs::read_to_string(here.path("run/metrics.jsonl")).unwrap();
    let last: Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
    assert_eq!((&of_run["real"], &last["step"]), (&json!("synthetic scenes, seed 0"), &json!(4)));
    for key in ["rmse", "abs_rel"] {
        let [a, b] = [of_run[key].as_f64().unwrap(), last[format!("validation_{key}")].as_f64().unwrap()];
        assert!((a - b).abs() < 1e-3, "{key}: {a} {b}");
    }
    let text = here.done("eval --checkpoint run").stdout;
    assert!(text.contains("1000 levels per unit, clamped at 30"), "{text}");
}

/// What a user's own pairs are described by.
const OWN: &str = "--set data.layout=pairs --set data.input=image --set data.output=depth --set data.resize=fixed \
    --set data.depth_scale=1000 --set data.depth_max=20 --set data.depth_invalid=0";

/// Pairs of a color image and a depth map for training and validation, in `set`.
fn pairs(here: &Workspace) {
    for split in ["train", "val"] {
        for name in ["a", "b"] {
            colors(here, &format!("set/{split}/inputs/{name}.png"), [36, 34], 90);
            depths(here, &format!("set/{split}/images/{name}.png"), [36, 34]);
        }
    }
}

#[test]
fn check_and_train_report_depth_problems() {
    type Change = fn(&Workspace, &str);
    let cases: [(&str, Change, &[&str]); 6] = [
        ("good", |_, _| {}, &[]),
        ("missing", |here, file| std::fs::remove_file(here.path(file)).unwrap(), &["inputs/b.png", "has no depth map"]),
        (
            "eight",
            |here, file| gray(here, file, Image::gray8(Plane::from_fn(36, 34, |x, y| (x + y) as u8))),
            &["images/b.png", "has 8 bits", "data.depth_max = 20", "16 bits"],
        ),
        (
            "colors",
            |here, file| colors(here, file, [36, 34], 9),
            &["images/b.png", "3 channels", "data.output = \"image\""],
        ),
        ("size", |here, file| depths(here, file, [20, 34]), &["inputs/b.png", "34×36", "34×20"]),
        (
            "holes",
            |here, file| gray(here, file, Image::gray16(Plane::from_fn(36, 34, |_, _| 0))),
            &["images/b.png", "contains no depth", "data.depth_invalid = 0"],
        ),
    ];
    for (name, change, parts) in cases {
        let here = Workspace::new();
        pairs(&here);
        change(&here, "set/train/images/b.png");
        let check = format!("data check set --config depth-256 {OWN} --set data.depth_max=20");
        let train = format!("train --dry-run --config depth-256 --data set {TINY} {OWN}");
        if parts.is_empty() {
            here.done(&train);
            let text = here.done(&check).stdout;
            assert!(text.contains("depths from 0.5 to 18") && text.contains("0.1% of pixels not measured"), "{text}");
            continue;
        }
        here.refused(&train, 3, parts);
        let ran = here.asap(&check);
        assert_eq!(ran.code, 3, "{name}: {}{}", ran.stdout, ran.stderr);
        assert!(parts.iter().all(|part| ran.stdout.contains(part)), "{name}: {}", ran.stdout);
    }
}

#[test]
fn invalid_depth_keys_are_rejected() {
    let here = Workspace::new();
    pairs(&here);
    for (set, parts) in [
        ("data.depth_max=0", &["data.depth_max = 0", "above 0"][..]),
        ("data.depth_max=66", &["data.depth_max = 66", "level 66000", "65535"]),
        ("data.depth_scale=-1", &["data.depth_scale = -1"]),
        ("data.depth_invalid=70000", &["data.depth_invalid = 70000", "from 0 to 65535"]),
        ("data.output=image", &["data.depth_scale = 1000", "data.output = \"depth\""]),
    ] {
        here.refused(&format!("train --config depth-256 --data set {TINY} {OWN} --set {set}"), 2, parts);
    }
    // Depths beyond depth_max are no problem; the check reports how many there are.
    let text = here.done(&format!("data check set --config depth-256 {OWN} --set data.depth_max=9")).stdout;
    assert!(text.contains("50.0% of pixels beyond data.depth_max"), "{text}");
    assert_eq!(here.names("."), ["set"]);
}

/// VGG19's layers with one to three channels each, and made-up weights.
fn write_vgg(here: &Workspace) {
    let mut weights = Weights::new();
    let mut inputs = 3;
    for (place, module) in [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28].into_iter().enumerate() {
        let outputs = 2 + place % 2;
        for (key, shape) in [("weight", vec![outputs, inputs, 3, 3]), ("bias", vec![outputs])] {
            let name = format!("features.{module}.{key}");
            let data = uniform_by_name(&name, shape.iter().product()).into_iter().map(|u| 0.5 * u).collect();
            weights.insert(name, HostTensor { shape, data });
        }
        inputs = outputs;
    }
    safetensors::write(&here.path("vgg.safetensors"), &weights, &Metadata::new()).unwrap();
}

#[test]
fn perceptual_loss_accepts_depths() {
    let here = Workspace::new();
    pairs(&here);
    write_vgg(&here);
    for split in ["train", "val"] {
        for (name, red) in [("a", 20), ("b", 200)] {
            colors(&here, &format!("rgb/{split}/inputs/{name}.png"), [36, 34], red);
            colors(&here, &format!("rgb/{split}/images/{name}.png"), [36, 34], 255 - red);
        }
    }
    let vgg = "--set loss.lambda_vgg=10 --set loss.vgg_weights=vgg.safetensors";
    let to_rgb = "--set data.layout=pairs --set data.input=image --set data.resize=fixed --set data.flip=false";
    for (set, config, keys) in [("set", "depth-256", OWN), ("rgb", "facades-256", to_rgb)] {
        let line = format!("train --config {config} --data {set} --out of-{set} --steps 3 {TINY} {keys} {vgg} --json");
        let objects = here.done(&line).objects();
        let steps: Vec<_> = objects.iter().filter(|object| object["event"] == "step").collect();
        assert_eq!(steps.len(), 3);
        for step in steps {
            let loss = step["losses"]["VGG"].as_f64().unwrap();
            assert!(loss.is_finite() && loss > 0.0, "{step:?}");
        }
    }
    here.done("infer --checkpoint of-rgb --data rgb --out generated");
    let image = read_photo(&here.path("generated/a.png")).unwrap();
    assert_eq!((image.height, image.width), (36, 34));
    let found = report(&here, "eval --checkpoint of-rgb --data rgb");
    assert!(found["l1"].is_number() && !found.contains_key("rmse"), "{found:?}");
    // Holes count in no validation either: it is finite, and of every other pixel.
    let found = report(&here, "eval --checkpoint of-set --data set --native-size");
    assert_eq!((&found["masked_pixels"], &found["valid_pixels"]), (&json!(2), &json!(2 * (36 * 34 - 1))));
}

#[test]
fn compare_colors_depths_on_one_scale() {
    let here = trained();
    here.done("compare run run --data scenes --count 2 --out both");
    for column in ["run", "run-2", "real"] {
        let file = here.path("both").join(column).join(&here.names(&format!("both/{column}"))[0]);
        let image = read_photo(&file).unwrap();
        assert!(image.data.iter().any(|[r, g, b]| r != g && g != b), "{column} is in color");
        assert_eq!(image.data.contains(&[0; 3]), column == "real", "only of real maps something is not measured");
    }
    here.done(&format!("train --config depth-synthetic --steps 1 --out other {TINY} --set data.depth_max=40"));
    here.refused("compare run other --data scenes --out more", 2, &["other", "data.depth_max 40", "data.depth_max 30"]);
}

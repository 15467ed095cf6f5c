//! Valid `.safetensors` files with a network that doesn't match their configuration, or with NaN.

use asap_model::checkpoint::{self, HostTensor, Metadata, Weights, safetensors};

use super::made::{GRAY, Png};
use super::{Expected, run_all};
use crate::support::{TINY, Workspace};

/// Changes the tensors, or the text of the configuration.
type Change = fn(&mut Weights, &mut String);

const FIRST: &str = "lowres_stream.model.1.0.weight";

fn tensor(weights: &mut Weights, number: f32) -> &mut f32 {
    let place = &mut weights.get_mut(FIRST).expect("the first convolution").data[7];
    *place = number;
    place
}

fn replace(config: &mut String, key: &str, value: &str) {
    let lines = config.lines().map(|line| match line.split_once(" = ") {
        Some((name, _)) if name == key => format!("{key} = {value}"),
        _ => line.to_owned(),
    });
    let changed = lines.collect::<Vec<_>>().join("\n");
    assert_ne!(changed, *config, "{key} = {value} changes nothing");
    *config = changed;
}

#[test]
fn rejects_mismatched_network() {
    let here = Workspace::new();
    here.done(&format!("train --steps 1 --out run {TINY}"));
    here.write("map.png", Png::flat(32, 32, 8, GRAY, 1).file());
    std::fs::create_dir(here.path("generated")).unwrap();
    let whole = checkpoint::load(&here.path("run")).unwrap();
    let text = whole.config.expect("a configuration").to_toml().unwrap();
    let cases: &[(&str, Change, &[&str])] = &[
        ("missing", |w, _| drop(w.remove(FIRST)), &["1 missing", "lowres_stream.model.1.0.weight"]),
        (
            "extra",
            |w, _| drop(w.insert("more".into(), HostTensor { shape: vec![2], data: vec![0.0; 2] })),
            &["1 not expected", "more (2)"],
        ),
        (
            "many-extra",
            |w, _| w.extend((0..5000).map(|i| (format!("x{i:04}"), HostTensor { shape: vec![0], data: Vec::new() }))),
            &["5000 not expected", "x0299", "4700 more"],
        ),
        (
            "an-escape-in-a-key",
            |w, _| drop(w.insert("\u{1b}[2J\nerror: x".into(), HostTensor { shape: vec![0], data: Vec::new() })),
            &["\\u{1b}[2J\\nerror: x (0)"],
        ),
        ("misshapen", |w, _| w.get_mut(FIRST).unwrap().shape.reverse(), &["1 of another shape", "(3, 3, 13, 4), not"]),
        ("empty", |w, _| w.clear(), &["missing"]),
        ("not-a-number", |w, _| *tensor(w, f32::NAN) += 0.0, &[FIRST, "element 7 of", "NaN", "diverged"]),
        ("infinite", |w, _| *tensor(w, f32::NEG_INFINITY) += 0.0, &[FIRST, "-inf"]),
        ("other-padding", |_, c| replace(c, "padding", "\"zero\""), &["padding"]),
        ("other-width", |_, c| replace(c, "max_width", "16"), &["of another shape"]),
        ("other-classes", |_, c| replace(c, "classes", "14"), &["of another shape"]),
        ("as-wide-as-can-be", |_, c| replace(c, "width", "8192"), &["not (8192, 13, 3, 3)"]),
        (
            "as-large-as-can-be",
            |_, c| [("max_width", "8192"), ("depth", "64")].iter().for_each(|(k, v)| replace(c, k, v)),
            &["not (8192, 4, 3, 3)", "missing"],
        ),
        ("wider-than-can-be", |_, c| replace(c, "max_width", "1000000000"), &["discriminator.max_width = 1000000000"]),
        ("beyond-64-bits", |_, c| replace(c, "max_width", "99999999999999999999"), &["configuration in its header"]),
        ("size-of-a-billion", |_, c| replace(c, "size", "[1000000000, 1000000000]"), &["1000000000", "16384"]),
        ("classes-of-257", |_, c| replace(c, "classes", "257"), &["data.classes = 257"]),
        ("tile-of-none", |_, c| replace(c, "tile", "0"), &["generator.tile = 0"]),
        ("a-key-that-is-none", |_, c| replace(c, "tile", "8\ntiel = 8"), &["generator.tiel", "generator.tile"]),
        ("a-word-for-a-number", |_, c| replace(c, "tile", "\"eight\""), &["generator.tile", "eight"]),
        ("no-toml", |_, c| *c = "[[[".into(), &["configuration in its header"]),
        ("deep-toml", |_, c| *c = format!("a = {}", "[".repeat(200_000)), &["configuration in its header"]),
        ("long-toml", |_, c| *c = format!("{c}\n#{}", "x".repeat(3 << 20)), &[]),
    ];
    let mut lines: Vec<(String, String, Expected)> = Vec::new();
    for (name, change, parts) in cases {
        let (mut weights, mut config) = (whole.weights.clone(), text.clone());
        change(&mut weights, &mut config);
        let metadata = Metadata::from([("format".into(), "asap".into()), ("config".into(), config)]);
        safetensors::write(&here.path(&format!("{name}.safetensors")), &weights, &metadata).unwrap();
        let line = format!("infer --checkpoint {name}.safetensors --input map.png --out generated --force --threads 2");
        lines.push(((*name).into(), line, (if parts.is_empty() { 0 } else { 5 }, parts)));
    }
    safetensors::write(&here.path("plain.safetensors"), &whole.weights, &Metadata::new()).unwrap();
    let infer = "infer --checkpoint plain.safetensors --input map.png --out generated --threads 2";
    let preset = format!("{infer} --force --config facades-256");
    lines.push((
        "no configuration".into(),
        infer.replace("generated", "other"),
        (2, &["plain.safetensors", "--config"]),
    ));
    lines.push(("a preset of a larger network".into(), preset, (5, &["plain.safetensors", "not (64, 13, 3, 3)"])));
    run_all(&here, &lines);
}

//! Generators with noise: several images of one input.

use asap_model::data::synthetic::PALETTE;
use asap_model::data::{Plane, write_labels};
use serde_json::json;

use crate::support::{TINY, Workspace};

/// A run of two steps with noise in `run`, one without in `plain`, and label maps `maps/a.png`, `maps/b.png` of one content.
fn trained() -> Workspace {
    let here = Workspace::new();
    here.done(&format!("train --steps 2 --out run {TINY} --set generator.noise=3 --set train.init_gain=1"));
    here.done(&format!("train --steps 1 --out plain {TINY}"));
    std::fs::create_dir(here.path("maps")).unwrap();
    for name in ["maps/a.png", "maps/b.png"] {
        let map = Plane::from_fn(9, 14, |x, y| ((x / 3 + y / 2) % 13) as u8);
        write_labels(&here.path(name), &map, &PALETTE).unwrap();
    }
    here
}

#[test]
fn variants_depend_on_seed_name_and_number() {
    let here = trained();
    let bytes = |name: &str| std::fs::read(here.path(name)).unwrap();
    here.done("infer --checkpoint run --input maps --out one --variants 3 --seed 5");
    assert_eq!(here.names("one"), ["a_1.png", "a_2.png", "a_3.png", "b_1.png", "b_2.png", "b_3.png"]);
    here.done("infer --checkpoint run --input maps/b.png maps/a.png --out two --variants 3 --seed 5 --threads 1");
    assert!(here.files("one").into_values().eq(here.files("two").into_values()), "order and threads don't matter");
    let mut all: Vec<_> = here.files("one").into_values().collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 6, "each image has noise of its own");

    here.done("infer --checkpoint run --input maps --out other --variants 3 --seed 6");
    assert!(bytes("one/a_1.png") != bytes("other/a_1.png"));
    let line = "infer --checkpoint run --input maps --out single --seed 5 --json";
    let objects = here.done(line).objects();
    assert_eq!(here.names("single"), ["a.png", "b.png"]);
    assert!(bytes("single/a.png") == bytes("one/a_1.png"), "a single image is the first of several");
    assert!(!objects[0].contains_key("variant"));
    let objects = here.done("infer --checkpoint run --input maps --out json --variants 2 --json").objects();
    let numbers: Vec<_> = objects.iter().map(|object| (&object["output"], &object["variant"])).collect();
    assert_eq!(numbers[..2], [(&json!("json/a_1.png"), &json!(1)), (&json!("json/a_2.png"), &json!(2))]);
}

#[test]
fn variants_need_noise_and_free_names() {
    let here = trained();
    here.refused(
        "infer --checkpoint plain --input maps --out generated --variants 2",
        2,
        &["--variants", "no noise", "generator.noise"],
    );
    here.done("infer --checkpoint plain --input maps --out generated --variants 1");
    let ran = here.done("infer --checkpoint plain --input maps --out generated --force --seed 4");
    assert!(ran.stderr.contains("--seed has no effect"), "{}", ran.stderr);

    // An output with the name of an input, of another output, or of an existing file.
    std::fs::copy(here.path("maps/a.png"), here.path("maps/a_2.png")).unwrap();
    here.refused("infer --checkpoint run --input maps --out maps --variants 2", 2, &["maps/a_2.png", "is an input"]);
    std::fs::create_dir(here.path("more")).unwrap();
    std::fs::copy(here.path("maps/a.png"), here.path("more/a.png")).unwrap();
    here.refused("infer --checkpoint run --input maps more --out new --variants 2", 2, &["more/a.png", "both"]);
    here.done("infer --checkpoint run --input maps/a.png --out old --variants 2");
    here.refused("infer --checkpoint run --input maps/a.png --out old --variants 3", 2, &["old/a_1.png", "--force"]);
    here.refused(&format!("train --dry-run {TINY} --set generator.noise=-1"), 2, &["generator.noise", "0 to 64"]);
    here.refused(
        "train --dry-run --set generator.kind=pix2pix-unet --set generator.noise=1",
        2,
        &["generator.noise", "pix2pix-unet"],
    );
}

#[test]
fn diversity_is_measured_and_deterministic() {
    let here = trained();
    let line = "eval --checkpoint run --set data.val_count=3 --variants 3 --seed 5 --json";
    let found = here.done(line).objects().remove(0);
    let diversity = found["diversity"].as_f64().unwrap_or_else(|| panic!("{found:?}"));
    assert!(diversity > 1e-3 && diversity < 2.0, "{diversity}");
    assert_eq!(here.done(line).objects().remove(0), found);
    let other = here.done(&line.replace("--seed 5", "--seed 6")).objects().remove(0);
    assert!(other["l1"] != found["l1"] && other["diversity"] != found["diversity"]);
    let text = here.done("eval --checkpoint run --variants 2").stdout;
    assert!(text.contains("diversity ") && text.contains("mean L1 between the images of one input"), "{text}");

    let without = here.done("eval --checkpoint run --seed 5 --set data.val_count=3 --json").objects().remove(0);
    assert_eq!((&without["diversity"], &without["l1"]), (&json!(null), &found["l1"]));
    assert!(without["not_measured"].get("diversity").is_none());
    here.refused("eval --checkpoint plain --variants 2", 2, &["--variants", "no noise"]);
    here.refused("eval --generated maps --real maps --variants 2", 2, &["--variants", "--checkpoint"]);
    here.refused("sweep quickstart --steps 1 --variants 2", 2, &["--variants", "noise"]);
    here.refused("sweep quickstart --steps 1 --measure diversity", 2, &["--measure", "--variants"]);
}

#[test]
fn noise_survives_conversion() {
    let here = trained();
    here.done("convert run/generator.safetensors noisy.pth");
    here.done("infer --checkpoint noisy.pth --config run/config.toml --input maps --out pth --seed 1");
    here.done("infer --checkpoint run --input maps --out run-images --seed 1");
    assert!(here.files("pth").into_values().eq(here.files("run-images").into_values()));
    let ran = here.done("compare run plain --out both --count 1 --seed 3");
    assert!(ran.stderr.contains("differs: generator.noise"), "{}", ran.stderr);
    here.done("profile --preset quickstart --set generator.noise=2");
}

//! `asap bench`.

use crate::support::{TINY_FILE, TINY_PARAMETERS, Workspace, keys};

const KEYS: [&str; 17] = [
    "preset",
    "mode",
    "device",
    "threads",
    "precision",
    "batch",
    "height",
    "width",
    "runs",
    "median_s",
    "min_s",
    "max_s",
    "gmac",
    "parameters",
    "peak_rss_bytes",
    "planned_bytes",
    "peak_device_bytes",
];

#[test]
fn bench_json_has_documented_keys() {
    let here = Workspace::new();
    here.write("tiny.toml", TINY_FILE);
    for mode in ["infer", "train"] {
        let flag = if mode == "train" { "--train" } else { "" };
        let line = format!("bench --preset tiny.toml {flag} --batch 2 --runs 2 --threads 1 --device cpu --json");
        let objects = here.done(&line).objects();
        assert_eq!(objects.len(), 1);
        let bench = &objects[0];
        assert_eq!(keys(bench), KEYS);
        assert_eq!((&bench["preset"], &bench["mode"]), (&"tiny.toml".into(), &mode.into()));
        for (key, expected) in [("threads", 1), ("batch", 2), ("height", 32), ("width", 32), ("runs", 2)] {
            assert_eq!(bench[key], expected, "{key}");
        }
        let number = |key: &str| bench[key].as_f64().unwrap_or_else(|| panic!("{key} is {}", bench[key]));
        assert!(0.0 < number("min_s") && number("min_s") <= number("median_s"));
        assert!(number("median_s") <= number("max_s"));
        assert!(number("gmac") > 0.0);
        match mode {
            "infer" => assert_eq!(bench["parameters"], TINY_PARAMETERS),
            _ => assert!(bench["parameters"].as_u64() > Some(TINY_PARAMETERS), "the discriminators are counted too"),
        }
        if cfg!(target_os = "linux") {
            assert!(number("peak_rss_bytes") > 1e6);
        }
        assert!(number("planned_bytes") > 1e6);
        assert!(bench["peak_device_bytes"].is_null(), "the cpu device has no memory of its own");
    }
}

/// A training step has the configuration's losses, not all of them.
#[test]
fn bench_train_uses_configured_losses() {
    let here = Workspace::new();
    here.write("tiny.toml", TINY_FILE);
    let gmac = |set: &str| {
        let line = format!("bench --preset tiny.toml --train --runs 1 --threads 1 --device cpu --json {set}");
        here.done(&line).objects()[0]["gmac"].as_f64().expect("a number")
    };
    let [all, without_vgg] = ["", "--set loss.lambda_vgg=0"].map(gmac);
    // About 0.37 G per image of 32×32: forward for both images, backward for one.
    assert!(all - without_vgg > 0.5 && without_vgg > 0.0, "{all} {without_vgg}");
    assert_eq!(gmac("--set loss.lambda_vgg=3"), all);
}

#[test]
fn bench_prints_presets_in_order() {
    let here = Workspace::new();
    here.write("one.toml", TINY_FILE);
    here.write("two.toml", TINY_FILE.replace("size = [32, 32]", "size = [16, 32]"));
    let ran = here.done("bench --preset two.toml --preset one.toml --runs 1");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ran.stdout);
    assert!(lines[0].starts_with("two.toml infer") && lines[0].contains("16×32"), "{}", lines[0]);
    assert!(lines[1].starts_with("one.toml infer") && lines[1].contains("32×32"), "{}", lines[1]);
    here.refused("bench --preset city", 2, &["city", "cityscapes-256"]);
}

//! `asap profile`.

use crate::support::{TINY_FILE, TINY_PARAMETERS, Workspace, keys};

#[test]
fn profile_totals_match_hand_count() {
    let here = Workspace::new();
    here.write("tiny.toml", TINY_FILE);
    let objects = here.done("profile --preset tiny.toml --json --threads 1").objects();
    let (layers, plans) = objects.split_at(objects.len() - 2);
    let (total, layers) = layers.split_last().expect("a line for the total");
    assert_eq!(total["layer"], "total");
    assert_eq!(total["parameters"], TINY_PARAMETERS);
    let counted: u64 = layers.iter().map(|layer| layer["parameters"].as_u64().expect("a count")).sum();
    assert_eq!(counted, TINY_PARAMETERS);
    // Multiply-accumulates of the MLPs on 32×32 pixels, 21→8→8→3 channels: of the 13 labels' rows one is added.
    let mlp = layers.iter().find(|layer| layer["layer"] == "pixel_mlp").expect("the pixelwise networks");
    let gmac = mlp["gmac"].as_f64().expect("a number");
    assert!((gmac - 1e-9 * f64::from(32 * 32 * ((1 + 8) * 8 + 8 * 8 + 8 * 3))).abs() < 1e-12, "{gmac}");
    for key in ["gmac", "bytes", "seconds"] {
        let sum: f64 = layers.iter().map(|layer| layer[key].as_f64().expect("a number")).sum();
        let total = total[key].as_f64().expect("a number");
        assert!((sum - total).abs() <= 1e-9 * total && total > 0.0, "{key}: {sum} of {total}");
    }
    let held = |layer: &serde_json::Map<String, serde_json::Value>| layer["held_bytes"].as_u64().expect("a number");
    assert_eq!(Some(held(total)), layers.iter().map(held).max());
    let planned = |part: &str| plans[0][part].as_u64().expect("a number");
    let most = planned("parameters_bytes") + planned("activations_bytes") + planned("scratch_bytes");
    assert!((planned("parameters_bytes") + 1..=most).contains(&held(total)), "{total:?}");
    for (plan, what) in plans.iter().zip(["inference", "training"]) {
        assert_eq!((&plan["preset"], &plan["memory"]), (&"tiny.toml".into(), &what.into()));
        let bytes = |part: &str| plan[&format!("{part}_bytes")].as_u64().unwrap_or_else(|| panic!("no {part}"));
        // The table of positions, two periods of two functions of four pixels, is kept beside the weights.
        match what {
            "inference" => assert_eq!(bytes("parameters"), 4 * (TINY_PARAMETERS + 16)),
            _ => assert!(bytes("moments") > 8 * TINY_PARAMETERS, "the discriminators' moments too"),
        }
        let most = bytes("activations").max(bytes("copies"));
        let others = ["parameters", "moments", "perceptual", "scratch", "batches", "program"].map(bytes);
        // The allocator keeps some of what is freed.
        assert_eq!(bytes("total"), others.iter().sum::<u64>() + most + most / 2);
        assert!(bytes("activations") > 0 && bytes("scratch") > 0, "{plan:?}");
    }
}

#[test]
fn profile_of_baseline_matches_published_size() {
    let here = Workspace::new();
    here.write("tiny.toml", TINY_FILE);
    let objects = here.done("profile --preset tiny.toml --baseline pix2pix-resnet --json --threads 1").objects();
    let [layers @ .., total, inference, training] = &objects[..] else { panic!("{objects:?}") };
    // 11,383,427 from three channels; here the first convolution, 7×7 to 64 channels, takes 13 labels.
    assert_eq!(total["parameters"], 11_383_427 + 10 * 49 * 64);
    let counted: u64 = layers.iter().map(|layer| layer["parameters"].as_u64().expect("a count")).sum();
    assert_eq!(total["parameters"], counted);
    assert!(objects.iter().all(|object| object["generator"] == "pix2pix-resnet"), "{objects:?}");
    assert_eq!([&inference["memory"], &training["memory"]], ["inference", "training"]);
    here.write("tall.toml", TINY_FILE.replace("[32, 32]", "[256, 256]"));
    let ran = here.done("profile --preset tall.toml --baseline pix2pix-unet --threads 1");
    assert!(ran.stdout.ends_with("the paper, at 256×512: 54.4M parameters, 56.8 G MAC\n"), "{}", ran.stdout);
    let refused = here.asap("profile --preset tiny.toml --baseline pix2pix-unet");
    assert!(
        refused.code != 0 && refused.stderr.contains("the height 32 must be a multiple of 2^halvings = 256"),
        "{refused:?}"
    );
}

#[test]
fn profile_prints_total_and_memory() {
    let here = Workspace::new();
    here.write("tiny.toml", TINY_FILE);
    let ran = here.done("profile --preset tiny.toml");
    let lines: Vec<&str> = ran.stdout.lines().rev().collect();
    assert!(lines[0].starts_with("memory, training: ") && lines[0].contains("moments"), "{}", lines[0]);
    assert!(lines[1].starts_with("memory, inference: ") && !lines[1].contains("moments"), "{}", lines[1]);
    assert!(lines[2].starts_with("total") && lines[2].contains("3,999"), "{}", lines[2]);
}

#[test]
fn roofline_shares_follow_from_ceilings() {
    let here = Workspace::new();
    here.write("tiny.toml", TINY_FILE);
    for (flag, needed) in
        [("", &["conv2d_ids", "conv2d", "pixel_mlp", "instance_norm"][..]), ("--train", &["adam", "pixel_mlp_grad"])]
    {
        let line = format!("profile --preset tiny.toml --roofline {flag} --device cpu --threads 1 --json");
        let objects = here.done(&line).objects();
        let (ceilings, lines) = objects.split_first().expect("a line of ceilings");
        assert_eq!(keys(ceilings), ["device", "threads", "precision", "bandwidth_gb_per_s", "peak_gflop_per_s"]);
        let (total, rows) = lines.split_last().expect("a line for the total");
        let number = |row: &serde_json::Map<String, serde_json::Value>, key: &str| {
            row[key].as_f64().unwrap_or_else(|| panic!("{key} of {row:?}"))
        };
        let (bandwidth, peak) = (number(ceilings, "bandwidth_gb_per_s"), number(ceilings, "peak_gflop_per_s"));
        assert!(bandwidth > 0.0 && peak > 0.0, "{ceilings:?}");
        for row in rows {
            let (moving, computing) = (number(row, "gb_per_s") / bandwidth, number(row, "gflop_per_s") / peak);
            let (bound, most) = if moving >= computing { ("bandwidth", moving) } else { ("peak", computing) };
            assert_eq!(row["bound"], bound, "{row:?}");
            assert!((number(row, "share") - most).abs() <= 1e-9 * most, "{row:?}");
            // Small products are nowhere faster than large ones, but a busy machine can slow down either; arrays of this
            // size lie in a cache.
            assert!(computing < 4.0, "{row:?}");
            assert!(most >= 0.0 && number(row, "seconds") > 0.0 && number(row, "count") >= 1.0, "{row:?}");
        }
        for op in needed {
            assert!(rows.iter().any(|row| row["op"] == *op), "no {op} in {rows:?}");
        }
        for key in ["count", "bytes", "operations", "seconds"] {
            let sum: f64 = rows.iter().map(|row| number(row, key)).sum();
            assert!((sum - number(total, key)).abs() <= 1e-6 * sum, "{key}: {sum} in {total:?}");
        }
        assert_eq!(total["op"], "total");
        let bench = &here
            .done(&format!("bench --preset tiny.toml {flag} --device cpu --threads 1 --runs 1 --json"))
            .objects()[0];
        let operations = 2e9 * bench["gmac"].as_f64().expect("a number");
        // The first step and later ones run the same ops.
        assert!((number(total, "operations") - operations).abs() < 1.0, "{total:?} {bench:?}");
    }
    here.refused("profile --preset tiny.toml --train", 2, &["--roofline"]);
}

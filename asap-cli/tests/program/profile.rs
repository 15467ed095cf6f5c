//! `asap profile`.

use crate::support::{TINY_FILE, TINY_PARAMETERS, Workplace};

#[test]
fn layers_add_up_to_the_network_counted_by_hand() {
    let here = Workplace::new();
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
fn people_see_a_table_that_ends_in_the_total_and_the_memory() {
    let here = Workplace::new();
    here.write("tiny.toml", TINY_FILE);
    let ran = here.done("profile --preset tiny.toml");
    let lines: Vec<&str> = ran.stdout.lines().rev().collect();
    assert!(lines[0].starts_with("memory, training: ") && lines[0].contains("moments"), "{}", lines[0]);
    assert!(lines[1].starts_with("memory, inference: ") && !lines[1].contains("moments"), "{}", lines[1]);
    assert!(lines[2].starts_with("total") && lines[2].contains("3,999"), "{}", lines[2]);
}

//! `asap profile`.

use crate::support::{TINY_FILE, TINY_PARAMETERS, Workplace};

#[test]
fn layers_add_up_to_the_network_counted_by_hand() {
    let here = Workplace::new();
    here.write("tiny.toml", TINY_FILE);
    let objects = here.done("profile --preset tiny.toml --json --threads 1").objects();
    let (total, layers) = objects.split_last().expect("a line for the total");
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
}

#[test]
fn people_see_a_table_that_ends_in_the_total() {
    let here = Workplace::new();
    here.write("tiny.toml", TINY_FILE);
    let ran = here.done("profile --preset tiny.toml");
    let last = ran.stdout.lines().last().expect("a line");
    assert!(last.starts_with("total") && last.contains("3,999"), "{last}");
}

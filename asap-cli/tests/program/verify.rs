//! `asap verify`.

use asap_model::checkpoint::{Metadata, safetensors};
use serde_json::{Value, json};

use crate::support::{Workspace, keys, published};

/// A folder `cases` with one published case and one of an unknown kind.
fn cases() -> Workspace {
    let here = Workspace::new();
    let index = std::fs::read_to_string(published("index.json")).unwrap();
    let index: Value = serde_json::from_str(&index).unwrap();
    std::fs::create_dir(here.path("cases")).unwrap();
    for file in ["gen_zero_pad.safetensors", "gen_zero_pad_net_G.pth"] {
        std::fs::copy(published(file), here.path("cases").join(file)).unwrap();
    }
    let index = json!({ "hologram": { "kind": "holography" }, "gen_zero_pad": index["gen_zero_pad"] });
    here.write("cases/index.json", index.to_string());
    here
}

#[test]
fn verify_json_reports_every_quantity() {
    let here = cases();
    for device in ["cpu", "reference", "reference64"] {
        let objects = here.done(&format!("verify cases --json --device {device}")).objects();
        let skipped = json!({ "case": "hologram", "kind": "holography", "skipped": true });
        assert_eq!(Value::Object(objects[0].clone()), skipped);
        assert!(objects.len() > 20, "only {} lines", objects.len());
        for object in &objects[1..] {
            assert_eq!(keys(object), ["case", "kind", "quantity", "rel_error", "tolerance", "ok"]);
            assert_eq!((&object["case"], &object["kind"]), (&json!("gen_zero_pad"), &json!("generator")));
            assert!(object["rel_error"].as_f64() <= object["tolerance"].as_f64(), "{object:?}");
            assert_eq!(object["ok"], true);
        }
        let quantities: Vec<&Value> = objects[1..].iter().map(|object| &object["quantity"]).collect();
        let output =
            objects.iter().find(|object| object.get("quantity") == Some(&json!("output"))).expect("the output");
        assert_eq!(output["tolerance"], if device == "reference64" { 2e-6 } else { 1e-5 }, "{device}");
        for quantity in ["params", "output", "grad_input", "output (from labels)"] {
            assert!(quantities.contains(&&json!(quantity)), "no {quantity} in {quantities:?}");
        }
    }
}

#[test]
fn verify_prints_one_line_per_case() {
    let ran = cases().done("verify cases");
    assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
    assert!(ran.stdout.starts_with("ok") && ran.stdout.contains("gen_zero_pad"), "{}", ran.stdout);
    assert!(ran.stderr.contains("0 out of tolerance") && ran.stderr.contains("skipped"), "{}", ran.stderr);
}

#[test]
fn verify_fails_on_wrong_value() {
    let here = cases();
    let file = here.path("cases/gen_zero_pad.safetensors");
    let (mut tensors, _) = safetensors::read(&file).unwrap();
    tensors.get_mut("output").unwrap().data[17] += 0.01;
    safetensors::write(&file, &tensors, &Metadata::new()).unwrap();
    let ran = here.asap("verify cases --json");
    assert_eq!(ran.code, 1);
    let wrong: Vec<Value> =
        ran.objects().iter().filter(|o| o.get("ok") == Some(&json!(false))).map(|o| o["quantity"].clone()).collect();
    assert_eq!(wrong, ["output", "output (plain pixel_mlp)", "output (from labels)"]);
    let ran = here.asap("verify cases");
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("FAILED") && ran.stdout.contains("OUT OF TOLERANCE"), "{}", ran.stdout);
}

#[test]
fn verify_rejects_missing_or_broken_index() {
    let here = cases();
    here.refused("verify nowhere", 3, &["nowhere", "index.json"]);
    here.write("cases/index.json", "[1, 2");
    here.refused("verify cases", 3, &["index.json"]);
    here.write("cases/index.json", r#"{"gone": {"kind": "generator", "options": {}}}"#);
    here.refused("verify cases", 5, &["gone.safetensors"]);
}

//! `asap eval`: a generator against a dataset, and two folders.

use asap_model::checkpoint::{HostTensor, Metadata, Weights, safetensors};
use asap_model::config::FileFormat;
use asap_model::data::synthetic::PALETTE;
use asap_model::data::{Image, Plane, write_image, write_labels, write_rgb};
use asap_model::networks::Inception;
use asap_model::nn::{FillByName, Initializer, ParamRole};
use asap_tensor::Plan;
use serde_json::{Value, json};

use crate::support::{TINY, Workspace, keys};

/// A folder with a run of one step in `run`, and the dataset `houses` with 3 validation pairs of 40×40 pixels.
fn trained() -> Workspace {
    let here = Workspace::new();
    here.done(&format!("train --steps 1 --out run {TINY}"));
    here.done("data synth houses --count 20 --size 40");
    here
}

/// The only object of a run.
fn report(here: &Workspace, line: &str) -> serde_json::Map<String, Value> {
    let mut objects = here.done(&format!("{line} --json")).objects();
    assert_eq!(objects.len(), 1, "asap {line}");
    objects.remove(0)
}

/// Writes an RGB image of a pattern that `step` changes.
fn image(here: &Workspace, name: &str, [height, width]: [usize; 2], step: usize) {
    std::fs::create_dir_all(here.path(name).parent().unwrap()).unwrap();
    let image = Plane::from_fn(height, width, |x, y| [(7 * x + step) as u8, (5 * y * step) as u8, (x * y) as u8]);
    write_rgb(&here.path(name), &image).unwrap();
}

#[test]
fn eval_measures_validation_pairs() {
    let here = trained();
    let found = report(&here, "eval --checkpoint run --data houses --set data.resize=fixed");
    assert_eq!((&found["generated"], &found["real"]), (&json!("run"), &json!("houses")));
    assert_eq!((&found["generated_count"], &found["real_count"]), (&json!(3), &json!(3)));
    assert_eq!(found["compared"], json!({ "heights": [32, 32], "widths": [32, 32] }));
    assert_eq!(found["real_native"], json!({ "heights": [40, 40], "widths": [40, 40] }));
    assert!(found["resize"].as_str().unwrap().contains("bicubic"), "{found:?}");
    for (key, low, high) in
        [("l1", 0.01, 2.0), ("psnr", 3.0, 40.0), ("ssim", -1.0, 1.0), ("swd", 1.0, 5000.0), ("seams", 0.3, 30.0)]
    {
        let value = found[key].as_f64().unwrap_or_else(|| panic!("no {key} in {found:?}"));
        assert!((low..high).contains(&value), "{key} is {value}");
    }
    assert_eq!(found["swd_levels"].as_array().unwrap().len(), 2);
}

#[test]
fn eval_of_folder_and_checkpoint_agree() {
    let here = trained();
    here.done("infer --checkpoint run --data houses --out generated");
    let of_folders = report(&here, "eval --generated generated --real houses/val_img --tile 4");
    let of_generator = report(&here, "eval --checkpoint run --data houses --native-size");
    for key in ["l1", "psnr", "ssim", "swd", "swd_levels", "seams", "seams_real", "seams_tile", "compared"] {
        assert_eq!(of_folders[key], of_generator[key], "{key}");
    }
    assert_eq!(of_generator["compared"], json!({ "heights": [40, 40], "widths": [40, 40] }));
    assert_eq!(of_generator["resize"], Value::Null);
    assert_eq!(keys(&of_folders), keys(&of_generator));
}

#[test]
fn infer_defaults_to_the_runs_validation_pairs() {
    let here = trained();
    let found = report(&here, "eval --checkpoint run");
    assert_eq!((&found["real"], &found["real_count"]), (&json!("synthetic facades, seed 0"), &json!(2)));
    let text = here.done("eval --checkpoint run").stdout;
    for part in
        ["run vs synthetic facades, seed 0", "2 generated vs 2 real; 32×32", "l1 ", "psnr ", "ssim ", "swd ", "seams "]
    {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}

#[test]
fn skipped_measures_have_a_reason() {
    let here = Workspace::new();
    for (folder, step) in [("a", 1), ("b", 2)] {
        image(&here, &format!("{folder}/one.png"), [9, 30], step);
        image(&here, &format!("{folder}/deep/two.png"), [20, 30], 1);
    }
    let found = report(&here, "eval --generated a --real b --tile 30");
    let why = &found["not_measured"];
    for (measure, part) in
        [("psnr", "a pair is identical"), ("ssim", "11×11"), ("swd", "one size"), ("seams", "a border")]
    {
        assert_eq!(found[measure], Value::Null);
        assert!(why[measure].as_str().unwrap().contains(part), "{measure}: {why}");
    }
    assert!(found["l1"].as_f64().unwrap() > 0.0);
    let found = report(&here, "eval --generated a --real b --size 32x16");
    assert_eq!(found["compared"], json!({ "heights": [16, 16], "widths": [32, 32] }));
    assert!(found["ssim"].is_number() && found["swd"].is_number(), "{found:?}");
}

#[test]
fn eval_compares_unpaired_folders() {
    let here = Workspace::new();
    for (name, step) in [("a/1.png", 1), ("a/2.png", 2), ("b/1.png", 3), ("b/3.png", 4), ("b/4.png", 5)] {
        image(&here, name, [16, 20], step);
    }
    here.refused("eval --generated a --real b", 3, &["a/2.png", "has no partner", "2.png", "--unpaired"]);
    let found = report(&here, "eval --generated a --real b --unpaired");
    assert_eq!((&found["generated_count"], &found["real_count"]), (&json!(2), &json!(3)));
    assert!(found["swd"].is_number(), "{found:?}");
    assert_eq!((&found["l1"], &found["not_measured"]["l1"]), (&Value::Null, &json!("the images are not pairs")));
}

#[test]
fn depth_eval_ignores_unmeasured_pixels() {
    let here = Workspace::new();
    for (folder, base) in [("generated", 1000), ("real", 2000)] {
        std::fs::create_dir(here.path(folder)).unwrap();
        let map = Plane::from_fn(4, 5, |x, y| if (x, y) == (1, 1) && base == 2000 { 7 } else { base });
        write_image(&here.path(&format!("{folder}/a.png")), &Image::gray16(map), FileFormat::Png).unwrap();
    }
    let found = report(&here, "eval --generated generated --real real --depth --invalid 7 --farthest 65.535");
    assert_eq!((&found["valid_pixels"], &found["masked_pixels"]), (&json!(19), &json!(1)));
    assert!((found["rmse"].as_f64().unwrap() - 1.0).abs() < 1e-9, "{found:?}");
    assert!((found["abs_rel"].as_f64().unwrap() - 0.5).abs() < 1e-9 && found["delta1"] == json!(0.0), "{found:?}");
    assert!(!found.contains_key("ssim"));
    image(&here, "colors/a.png", [4, 5], 1);
    here.refused("eval --generated colors --real real --depth", 3, &["colors/a.png", "depth map"]);
}

#[test]
fn depth_eval_uses_the_real_maps_size() {
    let here = Workspace::new();
    for folder in ["set/labels", "set/images", "set/large/labels", "set/large/images"] {
        std::fs::create_dir_all(here.path(folder)).unwrap();
    }
    for (folder, side) in [("set", 32), ("set/large", 40)] {
        let labels = Plane::from_fn(side, side, |x, y| ((x / 5 + y / 7) % 13) as u8);
        write_labels(&here.path(&format!("{folder}/labels/a.png")), &labels, &PALETTE).unwrap();
        let depths = Plane::from_fn(side, side, |x, y| (1500 * x + 3 * y) as u16);
        write_image(&here.path(&format!("{folder}/images/a.png")), &Image::gray16(depths), FileFormat::Png).unwrap();
    }
    here.done(&format!(
        "train --steps 1 --data set --out run {TINY} --set data.layout=pairs --set data.output=depth \
         --set data.classes=13 --set data.flip=false"
    ));
    let found = report(&here, "eval --checkpoint run --data set/large --set data.resize=fixed --farthest 10");
    assert_eq!(found["compared"], json!({ "heights": [40, 40], "widths": [40, 40] }));
    // Only the first column's first pixel has no depth.
    assert_eq!((&found["valid_pixels"], &found["masked_pixels"]), (&json!(1599), &json!(1)));
    assert!((0.1..10.0).contains(&found["rmse"].as_f64().unwrap()), "{found:?}");
    assert!(found["resize"].as_str().unwrap().contains("generated maps bicubic to the real map's size"), "{found:?}");
    let text = here.done("eval --checkpoint run --data set/large --native-size").stdout;
    for part in ["rmse ", "abs_rel ", "delta1 ", "1 have no real depth", "resized     no"] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}

#[test]
fn errors_name_file_and_sizes() {
    let here = trained();
    here.refused("eval --checkpoint nowhere --data houses", 5, &["nowhere"]);
    here.refused("eval --checkpoint run --data nowhere", 3, &["nowhere"]);
    here.refused("eval --checkpoint run --data houses", 3, &["synth_00017", "40×40", "32×32", "data.resize"]);
    here.refused("eval --generated nowhere --real houses/val_img", 2, &["--generated", "nowhere", "not a folder"]);
    std::fs::create_dir(here.path("empty")).unwrap();
    here.refused("eval --generated empty --real houses/val_img", 3, &["empty", "no .png"]);
    image(&here, "a/1.png", [8, 9], 1);
    image(&here, "b/1.png", [9, 9], 1);
    here.refused("eval --generated a --real b", 3, &["a/1.png", "9×8", "b/1.png", "9×9", "--size"]);
    here.write("b/1.png", "not an image");
    here.refused("eval --generated a --real b", 3, &["b/1.png"]);
    for line in ["", "--generated a", "--checkpoint run --generated a --real b", "--generated a --real b --size 0x5"] {
        let ran = here.asap(&format!("eval {line}"));
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "asap eval {line}: {}", ran.stderr);
    }
}

/// Records the values of all parameters of a network.
struct Recorder(FillByName, Weights);

impl Initializer for Recorder {
    fn fill(&mut self, key: &str, shape: &[usize], role: ParamRole) -> asap_model::Result<Vec<f32>> {
        let data = self.0.fill(key, shape, role)?;
        self.1.insert(key.to_owned(), HostTensor { shape: shape.to_vec(), data: data.clone() });
        Ok(data)
    }
}

#[test]
fn eval_caches_inception_features() {
    let here = Workspace::new();
    let mut recorder = Recorder(FillByName { prefix: "eval.".into(), gain: 2.0_f64.sqrt() }, Weights::new());
    Inception::new(&Plan::new(1), &mut recorder).unwrap();
    let mut weights = recorder.1;
    safetensors::write(&here.path("inception.safetensors"), &weights, &Metadata::new()).unwrap();
    for (folder, steps) in [("a", [1, 2]), ("b", [3, 4])] {
        steps.iter().for_each(|step| image(&here, &format!("{folder}/{}.png", step % 2), [24, 32], *step));
    }
    let line = "eval --generated a --real b --inception inception.safetensors --cache kept";
    let first = report(&here, line);
    assert!(first["fid"].as_f64().unwrap() > 0.0 && first["kid_deviation"].is_number(), "{first:?}");
    assert_eq!((&first["kid_subset_size"], &first["cached_features"]), (&json!(2), &json!(false)));
    let sha256 = first["inception_sha256"].as_str().unwrap();
    assert_eq!(sha256.len(), 64);
    assert_eq!(here.names("kept").len(), 1);

    let second = report(&here, line);
    assert_eq!(second["cached_features"], true);
    assert_eq!((&second["fid"], &second["kid"]), (&first["fid"], &first["kid"]), "cached features are the same");
    let text = here.done(&line.replace("--real b", "--real a")).stdout;
    assert!(text.contains(sha256) && text.contains("fid") && text.contains("±"), "{text}");
    assert_eq!(here.names("kept").len(), 2, "other images have features of their own");

    // Features that were damaged on the disk are computed again; a cache that can't be written is a warning.
    here.write(&format!("kept/{}", here.names("kept")[0]), "damaged");
    here.write(&format!("kept/{}", here.names("kept")[1]), "damaged");
    assert_eq!(report(&here, line)["fid"], first["fid"]);
    let ran = here.done(&line.replace("--cache kept", "--cache inception.safetensors/kept"));
    assert!(
        ran.stderr.contains("are not cached") && ran.stderr.contains("inception.safetensors/kept"),
        "{}",
        ran.stderr
    );

    weights.remove("Mixed_7c.branch_pool.bn.running_var");
    safetensors::write(&here.path("half.safetensors"), &weights, &Metadata::new()).unwrap();
    let parts = ["half.safetensors", "Mixed_7c.branch_pool.bn.running_var", "github.com/mseitzer/pytorch-fid"];
    here.refused("eval --generated a --real b --inception half.safetensors", 5, &parts);
    here.refused("eval --generated a --real b --inception gone.pth", 5, &["gone.pth", parts[2]]);
    let why = &report(&here, "eval --generated a --real b")["not_measured"]["fid"];
    assert!(why.as_str().unwrap().contains("pt_inception-2015-12-05-6726825d.pth"), "{why}");
}

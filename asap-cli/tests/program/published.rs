//! `asap infer` with checkpoints in the authors' format.

use asap_model::checkpoint::{HostTensor, Weights, safetensors};
use asap_model::data::{Plane, read_photo, write_instances, write_labels};

use crate::support::{CITY, Workspace, published};

/// An arbitrary palette for label maps.
const COLORS: [[u8; 3]; 5] = [[0; 3], [60; 3], [120; 3], [180; 3], [240; 3]];

fn case(name: &str) -> Weights {
    safetensors::read(&published(&format!("{name}.safetensors"))).expect("a published case").0
}

/// Map `n` of a tensor (N, 1, H, W) of ids.
fn map(tensor: &HostTensor, n: usize) -> Plane<u32> {
    let [height, width] = [tensor.shape[2], tensor.shape[3]];
    let data = tensor.data[n * height * width..][..height * width].iter().map(|&id| id as u32).collect();
    Plane { height, width, data }
}

/// Writes the inputs of gen_city, `label0.png`, `instance0.png` and so on, and its configuration, `city.toml`.
fn city() -> (Workspace, Weights) {
    let here = Workspace::new();
    let case = case("gen_city");
    for n in 0..2 {
        let label = map(&case["label"], n);
        let ids = label.data.iter().map(|&id| id as u8).collect();
        let label = Plane { height: label.height, width: label.width, data: ids };
        write_labels(&here.path(&format!("label{n}.png")), &label, &COLORS).unwrap();
        write_instances(&here.path(&format!("instance{n}.png")), &map(&case["instance"], n)).unwrap();
    }
    here.write("city.toml", CITY);
    here.copy_published("gen_city_net_G.pth");
    here.copy_published("gen_city_legacy_net_G.pth");
    (here, case)
}

#[test]
fn both_formats_reproduce_the_published_image() {
    let (here, case) = city();
    let output = &case["output"];
    let [_, channels, height, width] = output.shape[..] else { panic!("{:?}", output.shape) };
    for checkpoint in ["gen_city_net_G.pth", "gen_city_legacy_net_G.pth"] {
        here.done(&format!(
            "infer --checkpoint {checkpoint} --config city.toml --input label0.png label1.png \
             --instances instance0.png instance1.png --out {checkpoint}.generated"
        ));
        for n in 0..2 {
            let image = read_photo(&here.path(&format!("{checkpoint}.generated/label{n}.png"))).unwrap();
            assert_eq!((image.height, image.width), (height, width));
            for c in 0..channels {
                for y in 0..height {
                    for x in 0..width {
                        let exact = output.data[((n * channels + c) * height + y) * width + x];
                        let level = ((exact + 1.0) / 2.0 * 255.0).round() as i32;
                        let generated = i32::from(image.at(x, y)[c]);
                        assert!(
                            (generated - level).abs() <= 1,
                            "image {n}, channel {c}, ({x}, {y}): {generated} for {level}"
                        );
                    }
                }
            }
        }
    }
    for n in 0..2 {
        let bytes = |file: &str| std::fs::read(here.path(&format!("{file}.generated/label{n}.png"))).unwrap();
        assert!(bytes("gen_city_net_G.pth") == bytes("gen_city_legacy_net_G.pth"));
    }
}

/// The same tensors below prefixes, beside other tensors: the same image, and a warning.
#[test]
fn wrapped_checkpoints_generate_the_same_image() {
    let (here, _) = city();
    let weights = asap_model::checkpoint::load(&here.path("gen_city_net_G.pth")).unwrap().weights;
    let infer = "--config city.toml --input label0.png --instances instance0.png --out";
    here.done(&format!("infer --checkpoint gen_city_net_G.pth {infer} plain"));
    for prefix in ["module.", "state_dict._orig_mod.", "netG.module."] {
        let mut wrapped: Weights =
            weights.iter().map(|(key, tensor)| (format!("{prefix}{key}"), tensor.clone())).collect();
        let other = HostTensor { shape: vec![2], data: vec![0.0; 2] };
        wrapped.insert("optimizer.state.0.exp_avg".into(), other);
        safetensors::write(&here.path("wrapped.safetensors"), &wrapped, &Default::default()).unwrap();
        let ran = here.done(&format!("infer --checkpoint wrapped.safetensors {infer} wrapped --force"));
        assert!(
            ran.stderr.contains(&format!("wrapped.safetensors: removed the prefix {prefix} from")),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains("optimizer (1)"), "{}", ran.stderr);
        let bytes = |folder: &str| std::fs::read(here.path(folder).join("label0.png")).unwrap();
        assert!(bytes("wrapped") == bytes("plain"), "{prefix}");
    }
}

#[test]
fn published_checkpoint_needs_a_configuration() {
    let (here, _) = city();
    here.refused(
        "infer --checkpoint gen_city_net_G.pth --input label0.png --instances instance0.png --out generated",
        2,
        &["gen_city_net_G.pth", "--config"],
    );
    here.refused(
        "infer --checkpoint gen_city_net_G.pth --config city.tom --input label0.png --out generated",
        2,
        &["city.tom"],
    );
    here.refused(
        "infer --checkpoint gen_city_net_G.pth --config cityscapes-265 --input label0.png --out generated",
        2,
        &["did you mean cityscapes-256?"],
    );
    assert!(!here.path("generated").exists());
}

#[test]
fn mismatched_width_names_the_tensors() {
    let (here, _) = city();
    here.refused(
        "infer --checkpoint gen_city_net_G.pth --config city.toml --set generator.max_width=16 --input label0.png \
         --instances instance0.png --out generated",
        5,
        &["gen_city_net_G.pth", "lowres_stream.model.7.0.weight is (12, 6, 3, 3), not (16, 6, 3, 3)"],
    );
}

#[test]
fn instance_maps_must_match_the_inputs() {
    let (here, _) = city();
    let infer = "infer --checkpoint gen_city_net_G.pth --config city.toml --out generated --input";
    here.refused(&format!("{infer} label0.png"), 2, &["--instances", "instance edges"]);
    here.refused(&format!("{infer} label0.png label1.png --instances instance0.png"), 2, &["2 inputs", "there are 1"]);
    let small = Plane { height: 4, width: 4, data: vec![0; 16] };
    write_instances(&here.path("small.png"), &small).unwrap();
    here.refused(&format!("{infer} label0.png --instances small.png"), 3, &["small.png", "4×4", "label0.png", "64×32"]);
}

#[test]
fn mismatched_padding_is_an_error() {
    let here = Workspace::new();
    here.copy_published("gen_zero_pad_net_G.pth");
    here.write("plain.toml", CITY.replace("classes = 5", "classes = 4").replace("instances = true", ""));
    let label = map(&case("gen_zero_pad")["label"], 0);
    let ids = label.data.iter().map(|&id| id as u8).collect();
    write_labels(&here.path("map.png"), &Plane { height: 32, width: 32, data: ids }, &COLORS).unwrap();
    let infer = "infer --checkpoint gen_zero_pad_net_G.pth --config plain.toml --input map.png --out generated";
    here.refused(infer, 5, &["model.0.0", "shows zero padding", "generator.padding is reflect"]);
    here.done(&format!("{infer} --set generator.padding=zero"));
}

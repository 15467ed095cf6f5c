//! `asap convert`.

use asap_model::checkpoint::{self, Weights};

use crate::support::{CITY, Workspace};

/// Every tensor's shape and the bits of its values.
fn bits(weights: &Weights) -> Vec<(&String, &[usize], Vec<u32>)> {
    weights.iter().map(|(key, host)| (key, &host.shape[..], host.data.iter().map(|x| x.to_bits()).collect())).collect()
}

#[test]
fn convert_round_trip_is_bit_exact() {
    let here = Workspace::new();
    here.copy_published("gen_city_legacy_net_G.pth");
    let objects = here.done("convert gen_city_legacy_net_G.pth a.safetensors --json").objects();
    assert_eq!(objects.len(), 1);
    assert_eq!((&objects[0]["to"], &objects[0]["config"]), (&"a.safetensors".into(), &false.into()));
    let back = here.done("convert a.safetensors b.pth --json").objects();
    assert_eq!(back[0]["config"], false, "a .pth holds none");
    let load = |name: &str| checkpoint::load(&here.path(name)).unwrap().weights;
    let (before, between, after) = (load("gen_city_legacy_net_G.pth"), load("a.safetensors"), load("b.pth"));
    assert_eq!(bits(&before), bits(&between));
    assert_eq!(bits(&before), bits(&after));
    assert_eq!(objects[0]["tensors"], before.len());
}

#[test]
fn convert_embeds_configuration() {
    let here = Workspace::new();
    here.copy_published("gen_city_net_G.pth");
    here.write("city.toml", CITY);
    here.done("convert gen_city_net_G.pth city.safetensors --config city.toml --set data.classes=5");
    let config = checkpoint::load(&here.path("city.safetensors")).unwrap().config.expect("a configuration");
    assert_eq!((config.data.classes, config.generator.asap().expect("ASAP-Net").width), (5, 6));
    here.done("convert city.safetensors again.safetensors --set data.flip=false");
    let again = checkpoint::load(&here.path("again.safetensors")).unwrap().config.expect("a configuration");
    assert_eq!((again.data.flip, again.generator.asap().expect("ASAP-Net").width), (false, 6));
    here.refused("convert city.safetensors city.pth --config cityscapes-256", 2, &["--config", ".pth can't embed"]);
}

#[test]
fn embedded_configuration_must_be_the_network() {
    let here = Workspace::new();
    here.copy_published("gen_city_net_G.pth");
    here.copy_published("train_city_net_D.pth");
    here.copy_published("train_city_vgg.pth");
    here.write("city.toml", CITY);
    let wrong = [
        ("gen_city_net_G.pth --config cityscapes-256", "of another shape"),
        ("gen_city_net_G.pth --config city.toml --set generator.depth=3", "missing"),
        ("gen_city_net_G.pth --config city.toml --set generator.padding=zero", "shows reflect padding"),
        ("train_city_net_D.pth --config city.toml", "those of discriminators"),
        ("train_city_vgg.pth --config city.toml", "those of VGG19"),
    ];
    for (arguments, part) in wrong {
        let (from, options) = arguments.split_once(' ').expect("a file and options");
        here.refused(&format!("convert {from} out.safetensors {options}"), 5, &[part]);
        assert!(!here.path("out.safetensors").exists());
    }
    here.done("convert gen_city_net_G.pth city.safetensors --config city.toml");
    here.refused("convert city.safetensors out.safetensors --set generator.width=7", 5, &["not (7, 6, 3, 3)"]);
    for other in ["train_city_net_D", "train_city_vgg"] {
        here.done(&format!("convert {other}.pth {other}.safetensors"));
    }
}

#[test]
fn convert_removes_prefixes_for_a_configuration() {
    let here = Workspace::new();
    here.copy_published("gen_city_net_G.pth");
    here.write("city.toml", CITY);
    let mut weights = checkpoint::load(&here.path("gen_city_net_G.pth")).unwrap().weights;
    let plain = weights.clone();
    weights = weights.into_iter().map(|(key, tensor)| (format!("module._orig_mod.{key}"), tensor)).collect();
    checkpoint::pth::write(&here.path("wrapped.pth"), &weights).unwrap();
    let ran = here.done("convert wrapped.pth city.safetensors --config city.toml --json");
    assert!(ran.objects()[0]["warnings"][0].as_str().unwrap().contains("prefix module._orig_mod."), "{}", ran.stdout);
    assert!(ran.stderr.contains("warning: wrapped.pth: removed the prefix"), "{}", ran.stderr);
    assert_eq!(bits(&checkpoint::load(&here.path("city.safetensors")).unwrap().weights), bits(&plain));
    // Without one, the keys stay.
    here.done("convert wrapped.pth wrapped.safetensors");
    assert_eq!(bits(&checkpoint::load(&here.path("wrapped.safetensors")).unwrap().weights), bits(&weights));
}

#[test]
fn convert_overwrites_only_with_force() {
    let here = Workspace::new();
    here.copy_published("gen_city_net_G.pth");
    let published = std::fs::read(here.path("gen_city_net_G.pth")).unwrap();
    here.done("convert gen_city_net_G.pth a.safetensors");
    here.refused("convert a.safetensors gen_city_net_G.pth", 2, &["gen_city_net_G.pth", "already exists", "--force"]);
    assert!(std::fs::read(here.path("gen_city_net_G.pth")).unwrap() == published);
    here.done("convert a.safetensors gen_city_net_G.pth --force");
    assert!(std::fs::read(here.path("gen_city_net_G.pth")).unwrap() != published);
}

#[test]
fn convert_errors_name_the_file() {
    let here = Workspace::new();
    here.copy_published("gen_city_net_G.pth");
    here.refused("convert missing.pth a.safetensors", 5, &["missing.pth"]);
    here.refused("convert gen_city_net_G.pth a.onnx", 2, &["a.onnx", ".safetensors"]);
    here.refused("convert gen_city_net_G.pth nowhere/a.pth", 3, &["nowhere/a.pth"]);
    let whole = std::fs::read(here.path("gen_city_net_G.pth")).unwrap();
    here.write("half.pth", &whole[..whole.len() / 2]);
    here.refused("convert half.pth a.safetensors", 5, &["half.pth"]);
    assert_eq!(here.names("."), ["gen_city_net_G.pth", "half.pth"]);
}

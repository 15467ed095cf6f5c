//! `asap convert`.

use asap_model::checkpoint::{self, Weights};

use crate::support::Workspace;

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
    here.done("convert gen_city_net_G.pth city.safetensors --config cityscapes-256 --set generator.width=6");
    let config = checkpoint::load(&here.path("city.safetensors")).unwrap().config.expect("a configuration");
    assert_eq!((config.data.classes, config.generator.asap().expect("ASAP-Net").width), (35, 6));
    here.done("convert city.safetensors again.safetensors --set data.flip=false");
    let again = checkpoint::load(&here.path("again.safetensors")).unwrap().config.expect("a configuration");
    assert_eq!((again.data.flip, again.generator.asap().expect("ASAP-Net").width), (false, 6));
    here.refused("convert city.safetensors city.pth --config cityscapes-256", 2, &["--config", ".pth can't embed"]);
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

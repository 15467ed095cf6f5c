//! The fuzz targets' properties on their seeds and on random mutations of them.

use std::fs;
use std::path::Path;

use asap_tensor::random::stream;
use rand::Rng;

#[path = "../../../fuzz/src/properties.rs"]
mod properties;

/// Panics if a parser breaks a property on these bytes.
type Property = fn(&[u8]);

/// Random mutations of each seed.
const CHANGES: u64 = 60;

#[test]
fn parsers_keep_properties_on_seeds_and_mutations() {
    let targets: [(&str, Property); 6] = [
        ("safetensors", properties::safetensors),
        ("pth", properties::pth),
        ("config", properties::config),
        ("set", properties::set),
        ("labels", properties::labels),
        ("photo", properties::photo),
    ];
    for (target, property) in targets {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target);
        let mut seeds: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        seeds.sort();
        assert!(seeds.len() > 1, "{target} has no seeds");
        for seed in seeds {
            let bytes = fs::read(&seed).unwrap();
            let name = seed.file_name().unwrap().to_string_lossy();
            for number in 0..=CHANGES {
                // Shown if the test fails.
                println!("{target}/{name}, change {number}");
                property(&changed(&bytes, &format!("{target}/{name}/{number}"), number));
            }
        }
    }
}

/// The bytes with at most `number` changes: a byte replaced, removed or inserted, or the rest truncated.
fn changed(bytes: &[u8], name: &str, number: u64) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut random = stream(0, name);
    for _ in 0..number.min(1 + number / 8) {
        let place = random.next_u64() as usize % bytes.len().max(1);
        let byte = random.next_u64() as u8;
        match random.next_u64() % 8 {
            0 if place < bytes.len() => drop(bytes.remove(place)),
            1 => bytes.insert(place, byte),
            2 if number.is_multiple_of(16) => bytes.truncate(place),
            _ if place < bytes.len() => bytes[place] = byte,
            _ => {}
        }
    }
    bytes
}

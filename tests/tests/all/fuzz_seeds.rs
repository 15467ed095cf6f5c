//! The fuzz targets' promises, kept for their seeds and for random changes of them.

use std::fs;
use std::path::Path;

use asap_tensor::random::stream;
use rand::Rng;

#[path = "../../../fuzz/src/promises.rs"]
mod promises;

/// Fails where what a parser promises does not hold for these bytes.
type Promise = fn(&[u8]);

/// Random changes of each seed.
const CHANGES: u64 = 60;

#[test]
fn every_seed_and_its_changes_keep_the_promises_of_their_parser() {
    let targets: [(&str, Promise); 6] = [
        ("safetensors", promises::safetensors),
        ("pth", promises::pth),
        ("config", promises::config),
        ("set", promises::set),
        ("labels", promises::labels),
        ("photo", promises::photo),
    ];
    for (target, promise) in targets {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target);
        let mut seeds: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        seeds.sort();
        assert!(seeds.len() > 1, "{target} has no seeds");
        for seed in seeds {
            let bytes = fs::read(&seed).unwrap();
            let name = seed.file_name().unwrap().to_string_lossy();
            for number in 0..=CHANGES {
                // Printed where the test fails.
                println!("{target}/{name}, change {number}");
                promise(&changed(&bytes, &format!("{target}/{name}/{number}"), number));
            }
        }
    }
}

/// The bytes with `number` changes at most: a byte replaced, taken out or put in, or the rest cut off.
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

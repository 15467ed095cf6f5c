//! Published checkpoints in both formats, our own files, and damaged or hostile files.

use std::fs;
use std::path::{Path, PathBuf};

use asap_model::Error;
use asap_model::checkpoint::{self, Checkpoint, HostTensor, Metadata, Weights, pth, safetensors};
use asap_model::config::{AsapNetConfig, Config, GeneratorConfig, Padding};

const ZIP: &str = "gen_city_net_G.pth";
const LEGACY: &str = "gen_city_legacy_net_G.pth";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/published").join(name)
}

fn assert_same_bits(left: &Weights, right: &Weights) {
    assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
    for (key, tensor) in left {
        assert_eq!(tensor.shape, right[key].shape, "{key}");
        let bits = |data: &[f32]| data.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&tensor.data), bits(&right[key].data), "{key}");
    }
}

/// Tensors of every rank, with unusual values or none.
fn odd_weights() -> Weights {
    let tensor = |shape: &[usize], data: &[f32]| HostTensor { shape: shape.into(), data: data.into() };
    Weights::from([
        ("scalar".into(), tensor(&[], &[7.0])),
        ("empty".into(), tensor(&[0, 3], &[])),
        ("odd.values".into(), tensor(&[4], &[f32::NAN, -0.0, f32::MIN_POSITIVE / 2.0, f32::NEG_INFINITY])),
        ("größe".into(), tensor(&[1, 2, 1, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])),
    ])
}

fn problem_of<T>(result: asap_model::Result<T>, path: &Path) -> String {
    match result {
        Err(Error::Checkpoint { file, problem }) => {
            assert_eq!(file, path);
            problem
        }
        Err(other) => panic!("not a checkpoint error: {other}"),
        Ok(_) => panic!("{} was accepted", path.display()),
    }
}

#[test]
fn published_formats_agree() {
    let zip = checkpoint::load(&fixture(ZIP)).unwrap();
    let legacy = checkpoint::load(&fixture(LEGACY)).unwrap();
    assert_same_bits(&zip.weights, &legacy.weights);
    assert_eq!(zip.weights["lowres_stream.model.1.0.weight"].shape, [6, 6, 3, 3]);
    assert!(zip.weights["lowres_stream.model.1.0.weight"].data.iter().any(|&x| x != 0.0));
    assert!(zip.config.is_none() && legacy.config.is_none());
}

/// A `.pth` repeats its file name in each zip entry; 21 characters have broken a zip reader.
#[test]
fn pth_reads_names_of_any_length() {
    let weights = pth::read(&fixture("../cityscapes_full_net_G.pth")).unwrap();
    assert_eq!(weights["w"], HostTensor { shape: vec![3], data: vec![0.0, 1.0, 2.0] });
    let folder = tempfile::tempdir().unwrap();
    for length in 1..64 {
        let path = folder.path().join("n".repeat(length)).with_extension("pth");
        pth::write(&path, &weights).unwrap();
        assert_eq!(pth::read(&path).unwrap(), weights, "{length} characters");
    }
}

#[test]
fn round_trip_is_exact() {
    let folder = tempfile::tempdir().unwrap();
    let (tensors, state) = (folder.path().join("a.safetensors"), folder.path().join("b.pth"));
    for weights in [pth::read(&fixture(ZIP)).unwrap(), odd_weights()] {
        safetensors::write(&tensors, &weights, &Metadata::new()).unwrap();
        let read = checkpoint::load(&tensors).unwrap().weights;
        assert_same_bits(&read, &weights);
        pth::write(&state, &read).unwrap();
        assert_same_bits(&checkpoint::load(&state).unwrap().weights, &weights);
    }
}

#[test]
fn writing_is_deterministic() {
    let folder = tempfile::tempdir().unwrap();
    let metadata = Metadata::from_iter((0..9).map(|i| (format!("key {i}"), format!("value {i}"))));
    let write = |name: &str| {
        let (tensors, state) = (folder.path().join(name), folder.path().join(name).with_extension("pth"));
        fs::create_dir_all(tensors.parent().unwrap()).unwrap();
        safetensors::write(&tensors, &odd_weights(), &metadata).unwrap();
        pth::write(&state, &odd_weights()).unwrap();
        (fs::read(tensors).unwrap(), fs::read(state).unwrap())
    };
    assert!(write("first/x.safetensors") == write("second/x.safetensors"));
}

#[test]
fn safetensors_crate_reads_our_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    let metadata = Metadata::from([("config".into(), "a = \"ü\"\n".into())]);
    safetensors::write(&path, &odd_weights(), &metadata).unwrap();
    let bytes = fs::read(&path).unwrap();
    let (_, header) = ::safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(header.metadata().as_ref().unwrap()["config"], "a = \"ü\"\n");
    let file = ::safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.tensor("größe").unwrap().shape(), [1, 2, 1, 3]);
    assert_eq!(file.tensor("größe").unwrap().data()[20..], 6f32.to_le_bytes());
    assert_eq!(safetensors::read(&path).unwrap().1, metadata);
}

#[test]
fn run_folder_loads_generator_and_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let problem = problem_of(checkpoint::load(folder.path()), folder.path());
    assert!(problem.contains("generator.safetensors"), "{problem}");
    let mut config = Config::preset("cityscapes-256").unwrap();
    config.set("train.seed=42").unwrap();
    let path = folder.path().join("generator.safetensors");
    checkpoint::save(&path, &odd_weights(), &config).unwrap();
    let loaded = checkpoint::load(folder.path()).unwrap();
    assert_eq!((loaded.file, loaded.config), (path.clone(), Some(config)));

    let metadata = Metadata::from([
        ("format".into(), "asap".into()),
        ("config".into(), "[generator]\ntile = 16\nwidth = 0\n".into()),
    ]);
    safetensors::write(&path, &odd_weights(), &metadata).unwrap();
    let problem = problem_of(checkpoint::load(&path), &path);
    assert!(problem.contains("header:3: generator.width = 0"), "{problem}");
}

#[test]
fn format_is_detected_by_content() {
    let folder = tempfile::tempdir().unwrap();
    let (disguised, other) = (folder.path().join("pickle.safetensors"), folder.path().join("tensors.pth"));
    for name in [ZIP, LEGACY] {
        fs::copy(fixture(name), &disguised).unwrap();
        let weights = checkpoint::load(&disguised).unwrap().weights;
        safetensors::write(&other, &weights, &Metadata::new()).unwrap();
        assert_same_bits(&checkpoint::load(&other).unwrap().weights, &weights);
    }
    fs::write(&other, b"\x89PNG\r\n\x1a\n and so on").unwrap();
    assert!(problem_of(checkpoint::load(&other), &other).contains("neither a .safetensors nor a .pth"));
    fs::write(&other, b"").unwrap();
    problem_of(checkpoint::load(&other), &other);
    let absent = folder.path().join("absent.pth");
    assert!(problem_of(checkpoint::load(&absent), &absent).contains("cannot read it"));
}

#[test]
fn mismatched_tensors_are_all_listed() {
    let tensor = |shape: &[usize]| HostTensor { shape: shape.into(), data: vec![0.0; shape.iter().product()] };
    let mut checkpoint = Checkpoint {
        file: "some.pth".into(),
        weights: Weights::from_iter(
            [
                ("kept", &[2][..]),
                ("first.extra", &[3, 1]),
                ("second.extra", &[4]),
                ("bent", &[5, 2]),
                ("bent too", &[1]),
            ]
            .map(|(key, shape)| (key.to_string(), tensor(shape))),
        ),
        config: None,
    };
    let key = |name: &str, shape: &[usize]| (name.to_string(), shape.to_vec());
    let expected = [
        key("kept", &[2]),
        key("first.missing", &[7, 8]),
        key("second.missing", &[9]),
        key("bent", &[2, 5]),
        key("bent too", &[1, 1]),
    ];
    let problem = problem_of(checkpoint.match_keys(&expected), Path::new("some.pth"));
    for part in [
        "2 missing:\n  first.missing (7, 8)\n  second.missing (9)",
        "2 not expected:\n  first.extra (3, 1)\n  second.extra (4)",
        "2 of another shape:\n  bent is (5, 2), not (2, 5)\n  bent too is (1), not (1, 1)",
    ] {
        assert!(problem.contains(part), "{problem}");
    }
    assert!(!problem.contains("kept"));

    assert!(problem_of(checkpoint.take("bent", &[2, 5]), Path::new("some.pth")).contains("bent is (5, 2)"));
    assert!(problem_of(checkpoint.take("gone", &[3]), Path::new("some.pth")).contains("no tensor gone (3)"));
    checkpoint.weights.retain(|key, _| key == "kept");
    checkpoint.match_keys(&expected[..1]).unwrap();
    assert_eq!(checkpoint.take("kept", &[2]).unwrap(), tensor(&[2]));
    assert!(checkpoint.weights.is_empty());
}

#[test]
fn padding_is_detected_by_key_numbering() {
    let published = checkpoint::load(&fixture(ZIP)).unwrap();
    let reflect = GeneratorConfig::default();
    let zero = AsapNetConfig { padding: Padding::Zero, ..AsapNetConfig::default() }.into();
    published.check_padding(&reflect).unwrap();
    let problem = problem_of(published.check_padding(&zero), &fixture(ZIP));
    for part in ["lowres_stream.model.1.0.weight shows reflect", "generator.padding is zero", "padding=reflect"] {
        assert!(problem.contains(part), "{problem}");
    }

    let first = published.weights["lowres_stream.model.1.0.weight"].clone();
    let weights = Weights::from([("lowres_stream.model.0.0.weight".to_string(), first)]);
    let zeros = Checkpoint { file: "z.pth".into(), weights, config: None };
    zeros.check_padding(&zero).unwrap();
    let problem = problem_of(zeros.check_padding(&reflect), Path::new("z.pth"));
    assert!(problem.contains("lowres_stream.model.0.0.weight shows zero"), "{problem}");
    let other = Checkpoint { weights: odd_weights(), ..zeros };
    [&zero, &reflect].into_iter().for_each(|padding| other.check_padding(padding).unwrap());
}

#[test]
fn truncated_files_are_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.safetensors");
    checkpoint::save(&whole, &pth::read(&fixture(ZIP)).unwrap(), &Config::default()).unwrap();
    let cut = folder.path().join("cut");
    for file in [fixture(ZIP), fixture(LEGACY), whole] {
        let bytes = fs::read(&file).unwrap();
        for length in (0..bytes.len()).step_by(199).chain(bytes.len().saturating_sub(40)..bytes.len()) {
            fs::write(&cut, &bytes[..length]).unwrap();
            problem_of(checkpoint::load(&cut), &cut);
        }
    }
}

#[test]
fn damaged_files_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let tensors = folder.path().join("whole.safetensors");
    checkpoint::save(&tensors, &pth::read(&fixture(ZIP)).unwrap(), &Config::default()).unwrap();
    let damaged = folder.path().join("damaged");
    for file in [fixture(ZIP), fixture(LEGACY), tensors] {
        let bytes = fs::read(&file).unwrap();
        // Headers and indices are at both ends.
        for place in (0..2000).chain(bytes.len() - 2000..bytes.len()).step_by(7) {
            let mut bytes = bytes.clone();
            bytes[place] ^= 0xa5;
            fs::write(&damaged, bytes).unwrap();
            match checkpoint::load(&damaged) {
                Ok(_) | Err(Error::Checkpoint { .. }) => {}
                Err(other) => panic!("byte {place} of {}: {other}", file.display()),
            }
        }
    }
}

/// Even if the file stays well-formed: one bit of a weight, or of the configuration.
#[test]
fn single_bit_flips_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    // A string that looks like the hash's key isn't mistaken for it.
    let trap = format!("\"{}\":\"{}\"", checkpoint::HASH_KEY, "0".repeat(64));
    let metadata = Metadata::from([("config".into(), trap.clone()), ("a".into(), trap)]);
    safetensors::write(&path, &odd_weights(), &metadata).unwrap();
    assert_eq!(safetensors::read(&path).unwrap().1, metadata);
    let whole = fs::read(&path).unwrap();
    let mut accepted = 0;
    for byte in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[byte] ^= 1 << (byte % 8);
        fs::write(&path, &damaged).unwrap();
        // Only bits of the hash's key don't matter.
        if let Ok((weights, mut read)) = safetensors::read(&path) {
            assert_same_bits(&weights, &odd_weights());
            read.retain(|key, _| metadata.contains_key(key));
            assert_eq!(read, metadata, "byte {byte}");
            accepted += 1;
        }
    }
    assert!(accepted <= checkpoint::HASH_KEY.len(), "{accepted} damaged files were accepted");
    let last = whole.len() - 1;
    let mut damaged = whole;
    damaged[last] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let problem = problem_of(safetensors::read(&path), &path);
    assert!(problem.contains("is damaged") && problem.contains("SHA-256"), "{problem}");
}

#[test]
fn oversized_claims_are_rejected_before_allocation() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile");
    let file = |header_length: u64, header: &str, data: &[u8]| {
        [&header_length.to_le_bytes(), header.as_bytes(), data].concat()
    };
    let entry =
        |shape: &str, end: u64| format!(r#"{{"w":{{"dtype":"F32","shape":{shape},"data_offsets":[0,{end}]}}}}"#);
    let (large, overflowing) = (entry("[1099511627776]", 1 << 42), entry("[4294967296,4294967296,4294967296]", 16));
    for bytes in [
        file(u64::MAX, "{", b""),
        file(90_000_000, "{", b""),
        file(large.len() as u64, &large, &[0; 16]),
        file(overflowing.len() as u64, &overflowing, &[0; 16]),
    ] {
        fs::write(&path, bytes).unwrap();
        problem_of(checkpoint::load(&path), &path);
    }
    let many_axes = entry("[1,1,1,1,1,1,1]", 4);
    fs::write(&path, file(many_axes.len() as u64, &many_axes, &[0; 4])).unwrap();
    assert!(problem_of(checkpoint::load(&path), &path).contains("7 axes"));
}

#[test]
fn expanded_views_are_rejected_before_allocation() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.pth");
    // The older format: magic number, protocol, system, a dictionary with one tensor of 2³⁰ elements and stride 0
    // over a storage of one element, the storage's key, its count and its element.
    let count = (1u32 << 30).to_le_bytes();
    let parts: [&[u8]; 8] = [
        b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.",
        b"\x80\x02}(X\x0d\0\0\0little_endian\x88u.",
        b"\x80\x02}(X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n",
        b"X\x01\0\0\x000X\x03\0\0\0cpuK\x01tQK\0J",
        &count,
        b"\x85K\0\x85\x89ccollections\nOrderedDict\n)RtRu.",
        b"\x80\x02](X\x01\0\0\x000e.\x01\0\0\0\0\0\0\0",
        &1f32.to_le_bytes(),
    ];
    fs::write(&path, parts.concat()).unwrap();
    let problem = problem_of(checkpoint::load(&path), &path);
    assert!(problem.contains("4294967296 bytes"), "{problem}");
}

#[test]
fn failed_write_keeps_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.safetensors");
    safetensors::write(&path, &odd_weights(), &Metadata::new()).unwrap();
    let before = fs::read(&path).unwrap();
    let wrong = Weights::from([("w".to_string(), HostTensor { shape: vec![3], data: vec![0.0; 2] })]);
    assert!(problem_of(safetensors::write(&path, &wrong, &Metadata::new()), &path).contains("[3]"));
    assert!(problem_of(pth::write(&path, &wrong), &path).contains("[3]"));
    assert_eq!(fs::read(&path).unwrap(), before);
    let nowhere = folder.path().join("absent").join("x.safetensors");
    let error = safetensors::write(&nowhere, &odd_weights(), &Metadata::new()).unwrap_err().to_string();
    assert!(error.contains("absent") && error.contains("cannot write it"), "{error}");
}

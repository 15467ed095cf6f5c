//! Measures against scikit-image and a straightforward NumPy version (`fixtures/metrics`, made by `make.py` there).

use std::path::{Path, PathBuf};

use asap_model::checkpoint::{Weights, safetensors};
use asap_model::config::DepthScale;
use asap_model::data::{Picture, Plane, RgbImage};
use asap_model::evaluation::measures::{
    DepthErrors, Features, LevelDistance, Patches, frechet_distance, kernel_distance, l1, psnr, ssim,
};
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/metrics").join(name)
}

fn expected() -> Value {
    serde_json::from_str(&std::fs::read_to_string(fixture("expected.json")).unwrap()).unwrap()
}

fn tensors() -> Weights {
    safetensors::read(&fixture("pictures.safetensors")).unwrap().0
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// The pictures of a tensor (N, H, W, 3).
fn pictures(name: &str) -> Vec<RgbImage> {
    let tensor = &tensors()[name];
    let [_, height, width, 3] = tensor.shape[..] else { panic!("{name} is {:?}", tensor.shape) };
    let pixels: Vec<[u8; 3]> = tensor.data.as_chunks::<3>().0.iter().map(|rgb| rgb.map(|v| v as u8)).collect();
    pixels.chunks(height * width).map(|data| Plane { height, width, data: data.to_vec() }).collect()
}

/// The 16-bit maps of a tensor (N, H, W).
fn maps(name: &str) -> Vec<Picture> {
    let tensor = &tensors()[name];
    let [_, height, width] = tensor.shape[..] else { panic!("{name} is {:?}", tensor.shape) };
    let maps = tensor.data.chunks(height * width);
    maps.map(|map| Picture::Gray16(Plane { height, width, data: map.iter().map(|&v| v as u16).collect() })).collect()
}

/// Fails where a number is further from the expected than `tolerance` of it; tells the greatest distance.
fn require_near(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let distance = |(a, b): (&f64, &f64)| (a - b).abs() / b.abs();
    let largest = |worst: f64, distance: f64| if distance.is_nan() { f64::INFINITY } else { worst.max(distance) };
    let worst = found.iter().zip(expected).map(distance).fold(0.0, largest);
    println!("{what}: at most {worst:.1e} of the value apart");
    assert!(worst <= tolerance, "{what}: {found:?} is not {expected:?}");
}

#[test]
fn psnr_and_ssim_are_scikit_images_and_l1_is_numpys() {
    let (drawn, real, expected) = (pictures("drawn"), pictures("real"), expected());
    type Measure = fn(&RgbImage, &RgbImage) -> asap_model::Result<f64>;
    for (name, measure) in [("l1", l1 as Measure), ("psnr", psnr), ("ssim", ssim)] {
        let found: Vec<f64> = drawn.iter().zip(&real).map(|(a, b)| measure(a, b).unwrap()).collect();
        require_near(name, &found, &numbers(&expected[name]), 1e-12);
    }
}

#[test]
fn equal_pictures_are_as_near_as_can_be() {
    let real = pictures("real");
    assert_eq!(l1(&real[0], &real[0]).unwrap(), 0.0);
    assert_eq!(psnr(&real[0], &real[0]).unwrap(), f64::INFINITY);
    assert!((ssim(&real[0], &real[0]).unwrap() - 1.0).abs() < 1e-12);
    assert!(patches(&real, 9).distances(&patches(&real, 9)).unwrap().iter().all(|level| level.distance == 0.0));
}

fn patches(pictures: &[RgbImage], seed: u64) -> Patches {
    let mut patches = Patches::new(seed, [pictures[0].height, pictures[0].width], pictures.len()).unwrap();
    pictures.iter().for_each(|picture| patches.add(picture).unwrap());
    patches
}

#[test]
fn sliced_wasserstein_distances_are_numpys_also_between_sets_of_different_sizes() {
    let (drawn, real, expected) = (pictures("drawn"), pictures("real"), expected());
    let seed = expected["seed"].as_u64().unwrap();
    let of = |levels: Vec<LevelDistance>| levels.iter().map(|level| level.distance).collect::<Vec<_>>();
    let levels = patches(&drawn, seed).distances(&patches(&real, seed)).unwrap();
    assert_eq!(levels.iter().map(|level| level.size).collect::<Vec<_>>(), [[41, 52], [21, 26]]);
    require_near("swd", &of(levels), &numbers(&expected["swd"]), 1e-6);
    let levels = patches(&drawn[..2], seed).distances(&patches(&real, seed)).unwrap();
    require_near("swd of 2 and 3", &of(levels), &numbers(&expected["swd_two_against_three"]), 1e-6);
}

#[test]
fn depth_errors_are_numpys() {
    let expected = &expected()["depth"];
    let mut errors = DepthErrors::new(DepthScale { per_unit: None, max: 80.0, invalid: Some(65535) });
    maps("drawn_depth").iter().zip(&maps("real_depth")).for_each(|(drawn, real)| errors.add(drawn, real).unwrap());
    let found = errors.summary().unwrap();
    assert_eq!((Some(found.valid), found.masked), (expected["valid"].as_u64(), 4));
    let [rmse, abs_rel, delta1] = ["rmse", "abs_rel", "delta1"].map(|key| expected[key].as_f64().unwrap());
    require_near("depth", &[found.rmse, found.abs_rel, found.delta1], &[rmse, abs_rel, delta1], 1e-12);
}

/// The features of a tensor (N, width).
fn features(name: &str) -> Features {
    let tensor = &tensors()[name];
    Features::new(tensor.shape[1], tensor.data.iter().map(|&x| x.into()).collect()).unwrap()
}

#[test]
fn the_frechet_distance_is_numpys_also_with_fewer_pictures_than_features() {
    let expected = expected();
    for (name, key) in [("many", "frechet"), ("few", "frechet_of_few")] {
        let found = frechet_distance(&features(name), &features("others")).unwrap();
        require_near(key, &[found], &[expected[key].as_f64().unwrap()], 1e-10);
        assert!(frechet_distance(&features(name), &features(name)).unwrap().abs() < 1e-12);
    }
}

#[test]
fn the_kernel_distance_and_its_spread_are_numpys() {
    let (all, few) = (expected(), features("few"));
    let expected = &all["kid"];
    let found = kernel_distance(&features("many"), &features("others"), all["seed"].as_u64().unwrap()).unwrap();
    assert_eq!((found.subsets, Some(found.size as u64)), (100, expected["size"].as_u64()));
    let [mean, deviation] = ["mean", "deviation"].map(|key| expected[key].as_f64().unwrap());
    require_near("kid", &[found.mean, found.deviation], &[mean, deviation], 1e-10);
    assert_eq!(kernel_distance(&few, &features("many"), 0).unwrap().size, 3);
}

#[test]
fn features_that_cannot_be_compared_are_refused() {
    let of = |width, rows: &[f64]| Features::new(width, rows.to_vec());
    assert!(of(2, &[1.0, 2.0, 3.0]).is_err());
    assert!(of(2, &[1.0, f64::NAN]).unwrap_err().to_string().contains("feature 1 of picture 0 is NaN"));
    let (one, two, narrow) = (of(2, &[1.0, 2.0]).unwrap(), of(2, &[1.0; 4]).unwrap(), of(1, &[1.0; 4]).unwrap());
    for (other, part) in [(&one, "2 and 1 pictures are too few"), (&narrow, "2 and 1 numbers")] {
        assert!(frechet_distance(&two, other).unwrap_err().to_string().contains(part));
        assert!(kernel_distance(&two, other, 0).unwrap_err().to_string().contains(part));
    }
}

#[test]
fn pictures_that_cannot_be_compared_are_refused_with_both_sizes() {
    let real = pictures("real");
    let small = Plane { height: 10, width: 52, data: vec![[0; 3]; 520] };
    for measure in [l1, psnr, ssim] {
        let error = measure(&real[0], &small).unwrap_err().to_string();
        assert!(error.contains("52×41") && error.contains("52×10"), "{error}");
    }
    assert!(ssim(&small, &small).unwrap_err().to_string().contains("52×10"));
    assert!(Patches::new(0, [6, 60], 1).unwrap_err().to_string().contains("60×6"));
    assert!(patches(&real, 0).distances(&patches(&[small], 0)).is_err());
}

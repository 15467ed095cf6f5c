//! Depth maps of which not every pixel was measured, from the file to the batch.

use std::collections::HashSet;
use std::path::Path;

use asap_model::config::{DataConfig, InputKind, Layout, OutputKind, Resize, ValueScale};
use asap_model::data::{
    Augmentation, Batch, Channels, Dataset, Example, HostInput, Image, Plane, Source, Split, check, read_target,
};

use asap_tensor::Reference;

use crate::support::{ids, ids16, names, photo, small};

const HEIGHT: usize = 20;
const WIDTH: usize = 24;
/// The level of what was not measured: among those of depths, so that a mixture of others could give it.
const INVALID: u16 = 1200;

/// Levels of which each says from which column it came, ten a column; a band across has none.
fn raw() -> Example {
    let level = |x: usize, y: usize| if (8..13).contains(&y) { INVALID } else { 10 * x as u16 };
    let channels = Channels::Image(Plane::from_fn(HEIGHT, WIDTH, |x, y| [x as u8, y as u8, 0]).into());
    let input = HostInput { name: "a".into(), channels, instances: None };
    Example { input, target: Image::gray16(Plane::from_fn(HEIGHT, WIDTH, level)) }
}

/// The target's values and mask.
fn prepared(
    raw: &Example,
    data: &DataConfig,
    augmentation: Option<Augmentation>,
) -> (Example, Vec<f32>, Option<Vec<f32>>) {
    let example = raw.prepare(data, augmentation).unwrap();
    let scale = data.output_scale();
    let (values, mask) = (example.target.values(&scale), example.target.mask(&scale));
    (example, values, mask)
}

fn depths(resize: Resize) -> DataConfig {
    DataConfig {
        input: InputKind::Image,
        output: OutputKind::Depth,
        depth_scale: Some(10.0),
        depth_max: Some(24.0),
        depth_invalid: Some(INVALID.into()),
        size: [16, 16],
        resize,
        ..small(Layout::Pairs)
    }
}

#[test]
fn mask_shares_crop_and_flip() {
    let (raw, data) = (raw(), depths(Resize::Crop));
    let mut seen = HashSet::new();
    for epoch in 0..100 {
        let augmentation = Augmentation { seed: 3, epoch, index: 0 };
        let (example, values, mask) = prepared(&raw, &data, Some(augmentation));
        let (Channels::Image(colors), Some(mask)) = (&example.input.channels, mask) else {
            panic!("colors stay colors")
        };
        let colors = colors.as_rgb().unwrap();
        assert_eq!((mask.len(), values.len()), (256, 256));
        for i in 0..256 {
            let [column, row, _] = colors.data[i];
            assert_eq!(mask[i] == 0.0, (8..13).contains(&row), "row {row}");
            let depth = (values[i] + 1.0) / 2.0 * 24.0;
            assert!(mask[i] == 0.0 || (depth - f32::from(column)).abs() < 1e-3, "{depth} in column {column}");
        }
        seen.insert(mask.iter().map(|&m| m as u8).collect::<Vec<_>>());
    }
    assert_eq!(seen.len(), 5, "the band is at every height");
}

#[test]
fn resizing_does_not_blend_invalid_levels() {
    let raw = raw();
    for (resize, load_size) in [(Resize::Fixed, None), (Resize::ResizeAndCrop, Some([41, 37]))] {
        let data = DataConfig { load_size, ..depths(resize) };
        for augmentation in [None, Some(Augmentation { seed: 3, epoch: 1, index: 0 })] {
            let (_, values, mask) = prepared(&raw, &data, augmentation);
            for (y, m) in values.iter().zip(mask.unwrap()).filter(|(_, m)| *m != 0.0) {
                let depth = (y + 1.0) / 2.0 * 24.0;
                assert!((depth - depth.round()).abs() < 1e-4 && m == 1.0, "{depth} is no depth of the map");
            }
        }
    }
    let (example, ..) = prepared(&raw, &depths(Resize::Fixed), None);
    assert_eq!(example.target, raw.target.resize([16, 16], true));
}

#[test]
fn without_invalid_level_maps_are_bicubic_and_unmasked() {
    let raw = raw();
    let data = DataConfig { depth_invalid: None, depth_scale: None, depth_max: None, ..depths(Resize::Fixed) };
    let (_, values, mask) = prepared(&raw, &data, None);
    assert_eq!((values, mask), (raw.target.resize([16, 16], false).values(&ValueScale::default()), None));
}

#[test]
fn batches_stack_masks() {
    let (raw, data) = (raw(), depths(Resize::Fixed));
    let (example, values, mask) = prepared(&raw, &data, None);
    let batch = Batch { epoch: 0, index: 0, examples: vec![example.clone(), example] };
    let target = batch.target(&Reference::<f32>::new(), &data).unwrap();
    assert_eq!(target.image.value().to_f32().unwrap(), [&values[..], &values].concat());
    let mask = mask.unwrap();
    assert_eq!(target.scale(), 256.0 / f64::from(mask.iter().sum::<f32>()));
    let masked = target.masked(&target.image).unwrap().value().to_f32().unwrap();
    let expected: Vec<f32> = values.iter().zip(mask).map(|(y, m)| y * m).collect();
    assert_eq!(masked, [&expected[..], &expected].concat());
}

fn pair(dir: &Path) -> DataConfig {
    photo(&dir.join("inputs/a.png"), 4, 3, |_, _| [9, 9, 9]);
    ids16(&dir.join("images/a.png"), 4, 3, |x, y| if x == 2 { INVALID } else { 100 * y as u16 });
    DataConfig { size: [8, 8], ..depths(Resize::Fixed) }
}

#[test]
fn map_with_too_few_bits_is_rejected() {
    let dir = tempfile::tempdir().unwrap();
    let data = pair(dir.path());
    let file = dir.path().join("images/a.png");
    assert_eq!(read_target(&file, &data).unwrap().samples().bits(), 16);
    ids(&file, 4, 3, |_, _| 200);
    names(read_target(&file, &data), &file, &["8 bits", "data.depth_invalid = 1200"]);
    let data = DataConfig { depth_invalid: Some(0), ..data };
    assert!(read_target(&file, &data).is_ok(), "24 units are level 240");
    let data = DataConfig { depth_max: Some(30.0), ..data };
    names(read_target(&file, &data), &file, &["8 bits", "a depth of 25.5", "data.depth_max = 30"]);
    let error = Dataset::discover(dir.path(), &data, Split::Train).unwrap().get(0).unwrap_err();
    assert!(error.to_string().contains("8 bits"), "{error}");
}

/// The largest level times a unit, divided by it again, may come to a hair more.
#[test]
fn map_of_16_bits_fits_every_scale() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.png");
    ids16(&file, 2, 2, |x, _| 65_535 * x as u16);
    for scale in (1..2000).map(f64::from).chain([3.28084, 8_900.0]) {
        let data = DataConfig { depth_scale: Some(scale), depth_max: None, ..depths(Resize::None) };
        assert!(read_target(&file, &data).is_ok(), "{scale}");
    }
}

/// A JPEG mixes the level of what was not measured with the depths around it.
#[test]
fn jpeg_depth_map_needs_no_invalid_level() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.jpg");
    let gray = image::GrayImage::from_pixel(8, 8, image::Luma([90]));
    gray.save_with_format(&file, image::ImageFormat::Jpeg).unwrap();
    let data = DataConfig { depth_invalid: Some(0), ..depths(Resize::None) };
    names(read_target(&file, &data), &file, &["is a JPEG", "data.depth_invalid = 0", "PNG"]);
    let data = DataConfig { depth_invalid: None, ..data };
    assert!(read_target(&file, &data).is_ok());
}

#[test]
fn check_counts_measured_and_clamped_depths() {
    let dir = tempfile::tempdir().unwrap();
    let data = DataConfig { depth_max: Some(25.0), ..pair(dir.path()) };
    let found = check(dir.path(), &data).unwrap();
    assert_eq!(found.problems, []);
    let depths = found.depths.unwrap();
    assert_eq!((depths.measured, depths.invalid, depths.beyond), (8, 4, 2));
    assert_eq!(depths.range, [0.0, 30.0], "the true depths, also where they count as less");
    assert_eq!(depths.share(depths.invalid), 1.0 / 3.0);
    ids16(&dir.path().join("images/a.png"), 4, 3, |_, _| INVALID);
    let found = check(dir.path(), &data).unwrap();
    assert!(found.problems[0].message.contains("contains no depth"), "{:?}", found.problems);
}

use std::fs;

use asap_model::Error;
use asap_model::config::{Alpha, DataConfig, FileFormat, OutputKind, Ranges, ValueScale};
use asap_model::data::{
    Image, Plane, ReadOptions, Samples, read_image, read_instances, read_labels, read_photo, write_image,
    write_instances, write_labels, write_rgb,
};

#[test]
fn from_output_rounds_and_crops() {
    // One row per channel; the last column is padding. The levels before rounding: 126.9 and 127.6 (16 bits: 32613.49, 32783.88).
    #[rustfmt::skip]
    let y = [
        -1.0, -0.0047, 9.0,
        1.0, 0.0005, 9.0,
        -1.5, 1.5, 9.0,
    ];
    let rgb = DataConfig::default();
    let image = Image::from_output(&y, [1, 3], [1, 2], &rgb).unwrap();
    assert_eq!(image, Plane { height: 1, width: 2, data: vec![[0, 255, 0], [127, 128, 255]] }.into());
    let depths = |depth_scale, depth_max, depth_invalid| {
        let data =
            DataConfig { output: OutputKind::Depth, depth_scale, depth_max, depth_invalid, ..DataConfig::default() };
        match Image::from_output(&y, [3, 3], [3, 2], &data).unwrap().samples() {
            Samples::U16(levels) => levels.clone(),
            other => panic!("depth maps have 16 bits, not {}", other.bits()),
        }
    };
    assert_eq!(depths(None, None, None), [0, 32613, 65535, 32784, 0, 65535]);
    // Millimeters of at most 9 metres: 4478.85 and 4502.25 before rounding.
    let millimeters = depths(Some(1000.0), Some(9.0), Some(0));
    assert_eq!(millimeters, [1, 4479, 9000, 4502, 1, 9000], "0 means that nothing was measured");
    for (height, width, crop) in [(1, 2, [1, 2]), (1, 3, [2, 2]), (1, 3, [1, 4])] {
        assert!(matches!(Image::from_output(&y, [height, width], crop, &rgb), Err(Error::Tensor(_))));
    }
}

#[test]
fn written_files_read_back_equal() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.png");
    let image = Plane::from_fn(3, 5, |x, y| [x as u8, y as u8, 200]);
    write_rgb(&file, &image).unwrap();
    assert_eq!(read_photo(&file).unwrap(), image);
    let labels = Plane::from_fn(3, 5, |x, y| (x * y) as u8);
    write_labels(&file, &labels, &[[7, 8, 9]; 13]).unwrap();
    assert_eq!(read_labels(&file, 13).unwrap(), labels);
    let instances = Plane::from_fn(3, 5, |x, y| (10000 * x + y) as u32);
    write_instances(&file, &instances).unwrap();
    assert_eq!(read_instances(&file).unwrap(), instances);
}

#[test]
fn images_of_any_channels_and_bits_read_back_equal() {
    let dir = tempfile::tempdir().unwrap();
    for format in [FileFormat::Png, FileFormat::Tiff, FileFormat::Npy, FileFormat::Bmp, FileFormat::Webp] {
        for (channels, bits) in
            [1, 2, 3, 4, 6].into_iter().flat_map(|channels| [8, 16, 32].map(|bits| (channels, bits)))
        {
            let values = 0..5 * 7 * channels as u32;
            let samples = match bits {
                8 => Samples::U8(values.map(|v| (v * 7 % 251) as u8).collect()),
                16 => Samples::U16(values.map(|v| (v * 997 % 65521) as u16).collect()),
                _ => Samples::F32(values.map(|v| v as f32 * 0.37 - 20.0).collect()),
            };
            let image = Image::new([5, 7], channels, samples);
            let file = dir.path().join(format!("{channels}.{bits}.{}", format.extension()));
            let written = write_image(&file, &image, format);
            if !format.can_hold(channels, bits) {
                assert!(written.unwrap_err().to_string().contains("use tiff or npy"));
                continue;
            }
            written.unwrap();
            let options = ReadOptions { channels: Some(channels), alpha: Alpha::Keep, ..ReadOptions::ANY };
            assert_eq!(read_image(&file, &options).unwrap(), image, "{}", file.display());
        }
    }
}

#[test]
fn outputs_keep_the_meaning_of_values() {
    // What a network outputs, one row a channel.
    let y = [-1.0, -0.3, 0.123, 1.0, 0.9, -0.9];
    let ranges = vec![[100.0, 4000.0], [0.0, 65535.0]];
    for (bits, ranges, tolerance) in [
        (16, ranges.clone(), [0.5 / 3900.0, 0.5 / 65535.0]),
        (32, vec![[-1.0, 2.0], [0.0, 1e6]], [1e-7, 1e-7]),
        (8, vec![[0.0, 255.0], [10.0, 200.0]], [0.5 / 255.0, 0.5 / 190.0]),
    ] {
        let data = DataConfig {
            output_channels: 2,
            output_range: Some(Ranges::Each(ranges.clone())),
            output_bits: Some(bits),
            ..DataConfig::default()
        };
        data.validate().unwrap();
        let image = Image::from_output(&y, [1, 3], [1, 3], &data).unwrap();
        assert_eq!((image.samples().bits(), image.channels()), (bits, 2));
        let back = image.values(&ValueScale { ranges, invalid: None });
        for (place, (y, back)) in y.iter().zip(back).enumerate() {
            // Values are twice as far apart as parts of the range.
            assert!(
                f64::from(y - back).abs() <= 2.0 * tolerance[place / 3] + 1e-6,
                "{bits} bits: {y} came back as {back}"
            );
        }
    }
}

#[test]
fn unencodable_ids_are_rejected_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.png");
    assert!(write_labels(&file, &Plane { height: 1, width: 1, data: vec![3] }, &[[0; 3]; 3]).is_err());
    assert!(write_instances(&file, &Plane { height: 1, width: 1, data: vec![65536] }).is_err());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

use std::fs;
use std::io::Cursor;

use asap_model::config::{DataConfig, Layout, Orientation, OutputKind, Resize};
use asap_model::data::{
    Dataset, MAX_SIDE, Samples, Source, Split, check, photo_of, read_instances, read_labels, read_photo, read_target,
};
use image::ImageEncoder;
use image::codecs::jpeg::JpegEncoder;
use png::{BitDepth, ColorType};

use crate::support::{facades, ids, ids16, names, photo, png, small};

#[test]
fn palette_index_is_the_id() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.png");
    png(&file, 2, 3, ColorType::Indexed, BitDepth::Eight, &[0, 1, 2, 3, 12, 7]);
    let map = read_labels(&file, 13).unwrap();
    assert_eq!((map.height, map.width), (2, 3));
    assert_eq!(map.data, [0, 1, 2, 3, 12, 7]);
}

#[test]
fn ids_of_all_bit_depths_are_raw_values() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.png");
    for color in [ColorType::Indexed, ColorType::Grayscale] {
        png(&file, 2, 3, color, BitDepth::One, &[0b1010_0000, 0b0110_0000]);
        assert_eq!(read_labels(&file, 2).unwrap().data, [1, 0, 1, 0, 1, 1]);
        png(&file, 2, 3, color, BitDepth::Two, &[0b0001_1000, 0b1100_0100]);
        assert_eq!(read_labels(&file, 4).unwrap().data, [0, 1, 2, 3, 0, 1]);
        png(&file, 2, 3, color, BitDepth::Four, &[0x5a, 0xf0, 0x01, 0x20]);
        assert_eq!(read_labels(&file, 16).unwrap().data, [5, 10, 15, 0, 1, 2]);
    }
    ids16(&file, 1, 3, |x, _| [26001, 7, 65535][x]);
    assert_eq!(read_instances(&file).unwrap().data, [26001, 7, 65535]);
    ids16(&file, 1, 2, |x, _| [3, 1][x]);
    assert_eq!(read_labels(&file, 4).unwrap().data, [3, 1]);
}

#[test]
fn label_out_of_range_names_pixel_and_value() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.png");
    ids(&file, 4, 6, |x, y| if (x, y) == (5, 2) || y == 3 { 13 } else { 12 });
    names(read_labels(&file, 13), &file, &["(5, 2)", "13", "6 more", "0 to 12"]);
    ids(&file, 4, 6, |x, y| if (x, y) == (1, 1) { 255 } else { 0 });
    names(read_labels(&file, 35), &file, &["(1, 1)", "255", "data.remap=[[255,1]]"]);
    // The value whole, not its lower byte.
    ids16(&file, 1, 2, |x, _| [0, 256][x]);
    names(read_labels(&file, 35), &file, &["(1, 0)", "256"]);
}

#[test]
fn rgb_label_map_is_rejected() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.png");
    photo(&file, 2, 2, |_, _| [1, 1, 1]);
    names(read_labels(&file, 13), &file, &["Rgb", "palette"]);
    names(read_instances(&file), &file, &["Rgb"]);
    let jpeg = dir.path().join("b.jpg");
    fs::write(&jpeg, jpeg_of(4, 4, None)).unwrap();
    names(read_labels(&jpeg, 13), &jpeg, &["PNG"]);
}

#[test]
fn files_other_than_images_are_rejected() {
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().join("empty.png");
    fs::write(&empty, b"").unwrap();
    let text = dir.path().join("text.jpg");
    fs::write(&text, b"not a picture").unwrap();
    let gone = dir.path().join("gone.png");
    for file in [&empty, &text] {
        names(read_photo(file), file, &["PNG, JPEG"]);
        names(read_labels(file, 13), file, &["PNG"]);
    }
    names(read_photo(&gone), &gone, &["cannot read"]);
    names(read_labels(&gone, 13), &gone, &["cannot read"]);
}

/// Cameras append videos and other pictures, in which there are all pairs of bytes.
#[test]
fn jpeg_with_trailing_data_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let jpeg = dir.path().join("a.jpg");
    let whole = jpeg_of(64, 64, None);
    fs::write(&jpeg, [&whole[..], b"video", &[0xff, 0xda, 1, 2]].concat()).unwrap();
    assert_eq!(read_photo(&jpeg).unwrap().data, photo_of(&whole, &jpeg).unwrap().data);
    // A thumbnail's end, within the part of another length, is not the picture's.
    let thumbnail = [&b"Exif\0\0"[..], &whole].concat();
    let length = (thumbnail.len() + 2) as u16;
    let marker = [&[0xff, 0xe1][..], &length.to_be_bytes(), &thumbnail].concat();
    let framed = [&whole[..2], &marker, &whole[2..]].concat();
    fs::write(&jpeg, &framed).unwrap();
    assert_eq!(read_photo(&jpeg).unwrap().data.len(), 64 * 64);
    fs::write(&jpeg, &framed[..framed.len() - 2]).unwrap();
    names(read_photo(&jpeg), &jpeg, &["truncated"]);
}

#[test]
fn truncated_files_are_rejected() {
    let dir = tempfile::tempdir().unwrap();
    let jpeg = dir.path().join("a.jpg");
    let whole = jpeg_of(64, 64, None);
    fs::write(&jpeg, &whole).unwrap();
    assert!(read_photo(&jpeg).is_ok());
    for kept in [whole.len() / 3, whole.len() * 3 / 4, whole.len() - 2] {
        fs::write(&jpeg, &whole[..kept]).unwrap();
        names(read_photo(&jpeg), &jpeg, &[]);
    }
    let png = dir.path().join("a.png");
    photo(&png, 64, 64, |x, y| [x as u8, y as u8, (x * y) as u8]);
    let whole = fs::read(&png).unwrap();
    fs::write(&png, &whole[..whole.len() / 2]).unwrap();
    names(read_photo(&png), &png, &[]);
    ids(&png, 64, 64, |x, y| (x ^ y) as u8);
    let whole = fs::read(&png).unwrap();
    fs::write(&png, &whole[..whole.len() / 2]).unwrap();
    names(read_labels(&png, 256), &png, &["PNG"]);
}

#[test]
fn huge_size_is_rejected_before_allocation() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.png");
    png(&file, 1, 1, ColorType::Grayscale, BitDepth::Eight, &[0]);
    let mut bytes = fs::read(&file).unwrap();
    // The header's width and its checksum.
    bytes[16..20].copy_from_slice(&(MAX_SIDE as u32 + 1).to_be_bytes());
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    fs::write(&file, bytes).unwrap();
    names(read_labels(&file, 13), &file, &["16385"]);
    names(read_photo(&file), &file, &["16385"]);
}

#[test]
fn exif_orientation_is_applied() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.jpg");
    // Orientation 6: the camera was turned, the picture is to be turned clockwise by a quarter.
    let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    fs::write(&file, jpeg_of(16, 32, Some(exif.to_vec()))).unwrap();
    let photo = read_photo(&file).unwrap();
    assert_eq!((photo.height, photo.width), (32, 16));
    // The stored picture is red in its left half: turned clockwise, the upper half is.
    assert!(photo.at(8, 4)[0] > 200 && photo.at(8, 28)[0] < 60);
}

/// A photo that viewers turn, beside a map of the stored pixels: turned by a quarter it has another size, by a half it has not.
#[test]
fn exif_orientation_beside_maps_is_reported_and_can_be_ignored() {
    for (orientation, has_other_size) in [(6, true), (3, false)] {
        let dir = tempfile::tempdir().unwrap();
        let exif = [&b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &[orientation], &[0; 7]].concat();
        let file = dir.path().join("images/a.jpg");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, jpeg_of(16, 32, Some(exif))).unwrap();
        ids(&dir.path().join("labels/a.png"), 16, 32, |x, _| u8::from(x >= 16));
        let data = DataConfig { layout: Layout::Pairs, size: [16, 32], resize: Resize::Fixed, ..DataConfig::default() };
        let report = check(dir.path(), &data).unwrap();
        assert_eq!(report.turned, ["a"]);
        let problem = report.problems.first().map(ToString::to_string);
        let names = ["labels/a.png", "images/a.jpg is turned by its EXIF orientation", "data.orientation"];
        assert_eq!(problem.is_some(), has_other_size, "{problem:?}");
        assert!(problem.is_none_or(|problem| names.iter().all(|name| problem.contains(name))));

        let stored = DataConfig { orientation: Orientation::Ignore, ..data };
        assert_eq!(check(dir.path(), &stored).unwrap().problems, []);
        let photo = read_target(&file, &stored).unwrap().as_rgb().unwrap();
        assert_eq!(photo.size(), [16, 32]);
        assert!(photo.at(4, 8)[0] > 200 && photo.at(28, 8)[0] < 60, "red at the left, as stored");
    }
}

#[test]
fn photos_become_rgb_without_alpha() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.png");
    ids(&file, 1, 2, |x, _| [9, 200][x]);
    assert_eq!(read_photo(&file).unwrap().data, [[9; 3], [200; 3]]);
    png(&file, 1, 1, ColorType::Rgba, BitDepth::Eight, &[1, 2, 3, 0]);
    assert_eq!(read_photo(&file).unwrap().data, [[1, 2, 3]]);
}

#[test]
fn depth_maps_keep_their_bit_depth() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.png");
    ids16(&file, 1, 2, |x, _| [300, 65535][x]);
    let depths = DataConfig { output: OutputKind::Depth, ..DataConfig::default() };
    assert_eq!(read_target(&file, &depths).unwrap().samples(), &Samples::U16(vec![300, 65535]));
    ids(&file, 1, 2, |x, _| [3, 255][x]);
    assert_eq!(read_target(&file, &depths).unwrap().samples(), &Samples::U8(vec![3, 255]));
    photo(&file, 1, 2, |_, _| [1, 2, 3]);
    names(read_target(&file, &depths), &file, &["3 channels", "1 channel (gray)", "depth map must be gray"]);
}

#[test]
fn pair_of_two_sizes_is_rejected() {
    let dir = tempfile::tempdir().unwrap();
    facades(dir.path(), 2);
    let label = dir.path().join("train_label/f01.png");
    ids(&label, 5, 6, |_, _| 0);
    let set = Dataset::discover(dir.path(), &small(Layout::Facades), Split::Train).unwrap();
    assert!(set.get(0).is_ok());
    names(set.get(1), &label, &["6×5", "5×6", "f01.png"]);
}

/// A JPEG, red in its left half and blue in its right half.
fn jpeg_of(height: u32, width: u32, exif: Option<Vec<u8>>) -> Vec<u8> {
    let color = |i: u32| if i % width < width / 2 { [255, 0, 0] } else { [0, 0, 255] };
    let pixels: Vec<u8> = (0..height * width).flat_map(color).collect();
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
    if let Some(exif) = exif {
        encoder.set_exif_metadata(exif).unwrap();
    }
    encoder.write_image(&pixels, width, height, image::ExtendedColorType::Rgb8).unwrap();
    bytes.into_inner()
}

/// The checksum of PNG chunks.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

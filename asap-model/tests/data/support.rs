//! Writes the pictures of small datasets.

use std::fs::{self, File};
use std::path::Path;

use asap_model::Error;
use asap_model::config::{Config, DataConfig, FileFormat, Layout, Resize};
use asap_model::data::{Image, Plane, write_image, write_rgb};

/// The configuration of a small dataset: 4 classes, 8×8 pixels, resized from whatever is there.
pub fn small(layout: Layout) -> DataConfig {
    let mut data = Config::default().data;
    data.layout = layout;
    data.classes = 4;
    data.size = [8, 8];
    data.resize = Resize::Fixed;
    data
}

/// A gray PNG of ids.
pub fn ids(file: &Path, height: usize, width: usize, id: impl FnMut(usize, usize) -> u8) {
    parent(file);
    write_image(file, &Image::gray8(Plane::from_fn(height, width, id)), FileFormat::Png).unwrap();
}

/// A 16-bit gray PNG.
pub fn ids16(file: &Path, height: usize, width: usize, id: impl FnMut(usize, usize) -> u16) {
    parent(file);
    write_image(file, &Image::gray16(Plane::from_fn(height, width, id)), FileFormat::Png).unwrap();
}

/// An RGB PNG.
pub fn photo(file: &Path, height: usize, width: usize, color: impl FnMut(usize, usize) -> [u8; 3]) {
    parent(file);
    write_rgb(file, &Plane::from_fn(height, width, color)).unwrap();
}

/// A PNG of any kind, from packed rows.
pub fn png(file: &Path, height: u32, width: u32, color: png::ColorType, depth: png::BitDepth, packed: &[u8]) {
    parent(file);
    let mut encoder = png::Encoder::new(File::create(file).unwrap(), width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == png::ColorType::Indexed {
        // Colors independent of the index.
        encoder.set_palette(vec![200; 3 << depth as usize]);
    }
    encoder.write_header().unwrap().write_image_data(packed).unwrap();
}

/// `count` facades of 6×5 pixels in both splits; picture `i` of the training has the level `10 * i` everywhere.
pub fn facades(dir: &Path, count: usize) {
    for split in ["train", "val"] {
        for i in 0..count {
            let level = 10 * i as u8;
            ids(&dir.join(format!("{split}_label/f{i:02}.png")), 6, 5, |x, y| ((x + y + i) % 4) as u8);
            photo(&dir.join(format!("{split}_img/f{i:02}.png")), 6, 5, |_, _| [level, level, level]);
        }
    }
}

fn parent(file: &Path) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
}

/// Holds if the error is about this file and its message has all these parts.
#[track_caller]
pub fn names<T>(result: Result<T, Error>, file: &Path, parts: &[&str]) {
    let error = result.err().expect("this must be refused");
    let (Error::Data { file: named, .. } | Error::Io { file: named, .. }) = &error else {
        panic!("of another kind: {error}")
    };
    assert_eq!(named, file, "{error}");
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

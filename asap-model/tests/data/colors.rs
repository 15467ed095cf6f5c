//! Color-coded label maps.

use std::fs;
use std::path::PathBuf;

use asap_model::Config;
use asap_model::config::{DataConfig, Layout, Palette};
use asap_model::data::{Channels, Dataset, LabelMap, Source, Split, check};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};
use png::{BitDepth, ColorType};
use tempfile::TempDir;

use crate::support::{ids, photo, png, small};

const RED: [u8; 3] = [255, 0, 0];
const GREEN: [u8; 3] = [0, 255, 0];

/// A dataset of one pair, 6×4 pixels.
struct Pair {
    dir: TempDir,
    data: DataConfig,
}

impl Pair {
    fn new(assignments: &[&str]) -> Pair {
        let dir = tempfile::tempdir().unwrap();
        photo(&dir.path().join("images/a.png"), 4, 6, |_, _| [0; 3]);
        fs::create_dir(dir.path().join("labels")).unwrap();
        let mut config = Config { data: small(Layout::Pairs), ..Config::default() };
        assignments.iter().for_each(|assignment| config.set(assignment).unwrap());
        Pair { dir, data: config.data }
    }

    /// Its classes are red sky and green grass.
    fn colored() -> Pair {
        let colors = r##"data.colors=["#ff0000", "#00ff00"]"##;
        Pair::new(&["data.classes=2", r#"data.names=["sky", "grass"]"#, colors])
    }

    fn labels(&self) -> PathBuf {
        self.dir.path().join("labels/a.png")
    }

    fn read(&self) -> LabelMap {
        let dataset = Dataset::discover(self.dir.path(), &self.data, Split::Train).unwrap();
        let report = check(self.dir.path(), &self.data).unwrap();
        assert_eq!(report.problems, [], "the same verdict");
        match dataset.get(0).unwrap().input.channels {
            Channels::Labels(map) => map,
            other => panic!("not labels: {other:?}"),
        }
    }

    /// The error of reading and of checking has all these parts.
    #[track_caller]
    fn fails(&self, parts: &[&str]) {
        let error = Dataset::discover(self.dir.path(), &self.data, Split::Train).and_then(|data| data.get(0));
        let report = check(self.dir.path(), &self.data).unwrap();
        for message in [error.unwrap_err().to_string(), report.problems[0].to_string()] {
            for part in parts {
                assert!(message.contains(part), "{part:?} is not in: {message}");
            }
        }
    }
}

fn stripes(x: usize, _: usize) -> [u8; 3] {
    if x.is_multiple_of(2) { RED } else { GREEN }
}

/// RGB and RGBA, 8 and 16 bits, alpha opaque.
#[test]
fn colors_are_ids() {
    let pair = Pair::colored();
    let expected: Vec<u8> = (0..24).map(|pixel| pixel % 2).collect();
    photo(&pair.labels(), 4, 6, stripes);
    assert_eq!(pair.read().data, expected);
    let bytes = |alpha: bool, wide: bool| -> Vec<u8> {
        let pixel = |pixel: usize| stripes(pixel, 0).into_iter().chain(alpha.then_some(255));
        (0..24).flat_map(pixel).flat_map(|level| vec![level; 1 + usize::from(wide)]).collect()
    };
    for (color, alpha) in [(ColorType::Rgb, false), (ColorType::Rgba, true)] {
        for (depth, wide) in [(BitDepth::Eight, false), (BitDepth::Sixteen, true)] {
            png(&pair.labels(), 4, 6, color, depth, &bytes(alpha, wide));
            assert_eq!(pair.read().data, expected, "{color:?} {depth:?}");
        }
    }
}

#[test]
fn gray_and_palette_maps_keep_raw_values() {
    let pair = Pair::colored();
    ids(&pair.labels(), 4, 6, |x, _| u8::from(x > 2));
    assert_eq!(pair.read().data[..6], [0, 0, 0, 1, 1, 1]);
    let gray_alpha: Vec<u8> = (0..24).flat_map(|pixel| [u8::from(pixel > 20), 255]).collect();
    png(&pair.labels(), 4, 6, ColorType::GrayscaleAlpha, BitDepth::Eight, &gray_alpha);
    assert_eq!(pair.read().data.iter().map(|&id| usize::from(id)).sum::<usize>(), 3);
    // Red is index 1 of this palette, but class 0.
    let file = fs::File::create(pair.labels()).unwrap();
    let mut encoder = png::Encoder::new(file, 6, 4);
    encoder.set_color(ColorType::Indexed);
    encoder.set_palette([GREEN, RED].concat());
    encoder.write_header().unwrap().write_image_data(&[1; 24]).unwrap();
    assert_eq!(pair.read().data, [1; 24]);
}

#[test]
fn transparent_pixels_are_named() {
    let pair = Pair::colored();
    let mut rgba: Vec<u8> = (0..24).flat_map(|_| [255, 0, 0, 255]).collect();
    rgba[4 * 7 + 3] = 128;
    png(&pair.labels(), 4, 6, ColorType::Rgba, BitDepth::Eight, &rgba);
    pair.fails(&["a.png", "(1, 1)", "alpha 128", "opaque"]);
    let mut gray = [0, 255].repeat(24);
    gray[2 * 5 + 1] = 0;
    png(&pair.labels(), 4, 6, ColorType::GrayscaleAlpha, BitDepth::Eight, &gray);
    pair.fails(&["(5, 0)", "alpha 0", "opaque"]);
}

#[test]
fn unknown_color_names_pixel_and_nearest_class() {
    let pair = Pair::colored();
    photo(&pair.labels(), 4, 6, |x, y| if y > 1 && x == 4 { [3, 251, 0] } else { RED });
    pair.fails(&["a.png", "(4, 2)", "#03fb00", "1 more", "class 1 (grass), #00ff00", "distance of 5.0", "data.colors"]);
    let problem = &check(pair.dir.path(), &pair.data).unwrap().problems[0];
    assert_eq!((problem.pixel, problem.value), (Some([4, 2]), Some(0x03_fb_00)));
    // Of a photo, not a line for each color.
    photo(&pair.labels(), 4, 6, |x, y| [x as u8, y as u8, 7]);
    assert_eq!(check(pair.dir.path(), &pair.data).unwrap().problems.len(), 21);
}

#[test]
fn jpeg_of_colors_tells_how_many_pixels_changed() {
    let pair = Pair::colored();
    let jpeg = pair.labels().with_extension("jpg");
    let mut bytes = Vec::new();
    let pixels: Vec<u8> = (0..24).flat_map(|pixel| stripes(pixel, 0)).collect();
    JpegEncoder::new_with_quality(&mut bytes, 60).write_image(&pixels, 6, 4, ExtendedColorType::Rgb8).unwrap();
    fs::write(&jpeg, bytes).unwrap();
    pair.fails(&["a.jpg", "JPEG", "% of its pixels have a color of no class", "PNG"]);
    let mut plain = Pair::new(&[]);
    std::mem::swap(&mut plain.dir, &mut { pair }.dir);
    plain.fails(&["a.jpg", "JPEG", "PNG"]);
}

#[test]
fn unset_colors_propose_the_palette() {
    for (palette, classes, proposed) in [
        (Palette::Cityscapes, 35, "--set data.colors=cityscapes"),
        (Palette::Cityscapes, 4, "--set data.colors=cityscapes --set data.classes=35"),
        (Palette::CityscapesTrainIds, 19, "data.colors=cityscapes-train-ids"),
        (Palette::Cmp, 13, "data.colors=cmp"),
        (Palette::Ade20k, 4, "data.classes=151"),
        (Palette::CocoStuff, 182, "data.colors=coco-stuff"),
    ] {
        let pair = Pair::new(&[&format!("data.classes={classes}")]);
        let colors: Vec<_> = palette.classes().iter().map(|class| class.color).collect();
        photo(&pair.labels(), 4, 6, |x, y| colors[(6 * y + x) % 19.min(colors.len())]);
        pair.fails(&["a.png", "RGB", proposed]);
    }
    let pair = Pair::new(&[]);
    photo(&pair.labels(), 4, 6, stripes);
    pair.fails(&["RGB", "data.colors", "2: #00ff00, #ff0000"]);
    photo(&pair.labels(), 4, 6, |x, _| [x as u8; 3]);
    pair.fails(&["channels are equal", "gray PNG"]);
}

/// Every shipped palette is read, each color as the first class that has it.
#[test]
fn palette_colors_are_read() {
    for (palette, classes) in [(Palette::Cmp, 13), (Palette::Cityscapes, 35), (Palette::CocoStuff, 182)] {
        let name = palette.name();
        let pair = Pair::new(&[&format!("data.classes={classes}"), &format!("data.colors={name}")]);
        let all = palette.for_classes(classes).unwrap();
        let of = |x: usize, y: usize| all[(6 * y + x) % classes];
        photo(&pair.labels(), 4, 6, |x, y| of(x, y).color);
        let map = pair.read();
        let first = |color| all.iter().position(|class| class.color == color).unwrap();
        for (pixel, &id) in map.data.iter().enumerate() {
            assert_eq!(usize::from(id), first(of(pixel % 6, pixel / 6).color), "{name}");
        }
    }
}

/// Black of train ids is no class, but marks what is ignored.
#[test]
fn colors_of_unlabeled_pixels_are_255() {
    let pair = Pair::new(&["data.classes=19", "data.colors=cityscapes-train-ids"]);
    photo(&pair.labels(), 4, 6, |x, _| if x == 0 { [0; 3] } else { [128, 64, 128] });
    pair.fails(&["(0, 0)", "255"]);
}

//! Label maps, instance maps and photos, in one dataset that `asap data check` reads; the label maps also through `asap infer`.

use asap_model::data::read_photo;
use serde_json::{Map, Value};

use super::made::{GRAY, GRAY_ALPHA, PALETTE, Png, RGB, RGBA, chunk, crc32, exif, jpeg, segment, zlib, zlib_of_zeros};
use super::{bounded, differences};
use crate::support::{TINY, Workspace};

/// The size of every valid image of the dataset.
const WIDTH: u32 = 16;
const HEIGHT: u32 = 32;

/// An image: name, extension, bytes, and parts of the error if it is invalid.
type Case = (&'static str, &'static str, Vec<u8>, &'static [&'static str]);

/// Label maps, of a network with 13 classes.
fn label_maps() -> Vec<Case> {
    let flat = |bits, color, byte| Png::flat(WIDTH, HEIGHT, bits, color, byte).file();
    let good = flat(8, GRAY, 1);
    let sized = |width, height| Png { width, height, ..Png::flat(WIDTH, HEIGHT, 8, GRAY, 1) }.file();
    let with = |before: Vec<u8>| Png { before, ..Png::flat(WIDTH, HEIGHT, 8, GRAY, 1) }.file();
    let pixels = |pixels: Vec<u8>| Png { pixels, ..Png::flat(WIDTH, HEIGHT, 8, GRAY, 1) }.file();
    let damaged = |place: usize| {
        let mut bytes = good.clone();
        bytes[place] ^= 0x55;
        bytes
    };
    // A text and a color profile, each 200 MB of zeros.
    let text_bomb = [&b"Comment\0\0"[..], &zlib_of_zeros(200_000_000)].concat();
    let profile_bomb = [&b"Profile\0\0"[..], &zlib_of_zeros(200_000_000)].concat();
    vec![
        ("gray1", "png", flat(1, GRAY, 0xa5), &[]),
        ("gray2", "png", flat(2, GRAY, 0x1b), &[]),
        ("gray4", "png", flat(4, GRAY, 0xc3), &[]),
        ("gray8", "png", good.clone(), &[]),
        ("gray16", "png", flat(16, GRAY, 0), &[]),
        ("palette1", "png", flat(1, PALETTE, 0xa5), &[]),
        ("palette2", "png", flat(2, PALETTE, 0x1b), &[]),
        ("palette4", "png", flat(4, PALETTE, 0xc3), &[]),
        ("palette8", "png", flat(8, PALETTE, 12), &[]),
        ("ending-in-capitals", "PNG", good.clone(), &[]),
        ("bytes-after-the-end", "png", [&good[..], b"more"].concat(), &[]),
        ("interlaced", "png", interlaced(), &[]),
        ("text-bomb", "png", with(chunk(b"zTXt", &text_bomb)), &[]),
        ("profile-bomb", "png", with(chunk(b"iCCP", &profile_bomb)), &[]),
        ("rgb", "png", flat(8, RGB, 1), &["RGB pixels", "gray PNG"]),
        ("rgb16", "png", flat(16, RGB, 0), &["RGB pixels"]),
        ("rgba", "png", flat(8, RGBA, 1), &["alpha 1", "opaque"]),
        ("gray-alpha", "png", flat(8, GRAY_ALPHA, 1), &["alpha 1", "opaque"]),
        ("empty", "png", Vec::new(), &["PNG"]),
        ("signature-only", "png", good[..8].to_vec(), &["PNG"]),
        ("cut-in-header", "png", good[..20].to_vec(), &["PNG"]),
        ("cut-in-pixels", "png", good[..good.len() / 2].to_vec(), &["PNG"]),
        ("cut-before-pixels", "png", good[..33].to_vec(), &["PNG"]),
        ("header-checksum", "png", damaged(30), &["PNG"]),
        ("pixels-checksum", "png", damaged(60), &["PNG"]),
        ("no-width", "png", sized(0, HEIGHT), &["0×32"]),
        ("three-bits", "png", Png { bits: 3, ..Png::flat(WIDTH, HEIGHT, 8, GRAY, 1) }.file(), &["PNG"]),
        ("sixteen-bit-palette", "png", flat(16, PALETTE, 0), &["PNG"]),
        ("too-few-rows", "png", sized(WIDTH, 2 * HEIGHT), &["PNG"]),
        ("garbage-for-zlib", "png", pixels(vec![0x5a; 100]), &["PNG"]),
        ("nothing-for-zlib", "png", pixels(Vec::new()), &["PNG"]),
        ("filter-that-is-none", "png", pixels(zlib(&[9; 17 * 32])), &["PNG"]),
        ("palette-of-none", "png", Png { before: Vec::new(), ..Png::flat(WIDTH, HEIGHT, 8, PALETTE, 1) }.file(), &[]),
        ("jpeg-named-png", "png", gray_jpeg(), &["PNG"]),
        ("text-named-png", "png", b"<html>404 not found</html>".to_vec(), &["PNG"]),
        ("label-13", "png", flat(8, GRAY, 13), &["pixel (0, 0)", "label 13", "0 to 12"]),
        ("label-255", "png", flat(8, PALETTE, 255), &["label 255"]),
        ("label-257", "png", flat(16, GRAY, 1), &["label 257"]),
        ("strip-30000-wide", "png", Png::flat(30000, 1, 8, GRAY, 1).file(), &["30000×1", "16384"]),
        ("strip-30000-high", "png", Png::flat(1, 30000, 8, GRAY, 1).file(), &["1×30000", "16384"]),
        ("claims-2-billion-wide", "png", sized(i32::MAX as u32, HEIGHT), &["2147483647", "16384"]),
        ("claims-16000-by-8000", "png", sized(16000, 8000), &["16000×8000", "truncated"]),
        ("bomb-16384-by-16384", "png", bomb(), &["16384×16384", "134217728"]),
    ]
}

/// Photos.
fn photos() -> Vec<Case> {
    let (width, height) = (WIDTH as u16, HEIGHT as u16);
    let flat = |bits, color, byte| Png::flat(WIDTH, HEIGHT, bits, color, byte).file();
    let color = |segments: &[u8]| jpeg(width, height, 3, segments, |_, _, _| 128);
    let good = color(&[]);
    let patched = |find: &[u8], place: usize, bytes: &[u8]| {
        let mut file = good.clone();
        let start = file.windows(find.len()).position(|window| window == find).expect("it is there") + place;
        file[start..start + bytes.len()].copy_from_slice(bytes);
        file
    };
    let mut cases: Vec<Case> = vec![
        ("jpeg", "jpg", good.clone(), &[]),
        ("jpeg-of-other-ending", "jpeg", good.clone(), &[]),
        ("jpeg-in-capitals", "JPG", good.clone(), &[]),
        ("jpeg-gray", "jpg", gray_jpeg(), &[]),
        ("jpeg-cmyk", "jpg", cmyk(), &[]),
        ("jpeg-named-png", "png", good.clone(), &[]),
        ("png-named-jpeg", "jpg", flat(8, RGB, 99), &[]),
        ("rgba", "png", flat(8, RGBA, 99), &[]),
        ("gray-alpha", "png", flat(8, GRAY_ALPHA, 99), &[]),
        ("rgb16", "png", flat(16, RGB, 99), &[]),
        ("gray1", "png", flat(1, GRAY, 0x5a), &[]),
        ("palette2", "png", flat(2, PALETTE, 0x5a), &[]),
        ("interlaced", "png", interlaced(), &[]),
        ("odd-comment", "jpg", color(&segment(0xfe, &[0xff; 300])), &[]),
        ("exif-that-is-none", "jpg", color(&segment(0xe1, b"Exif\0\0II*\0\xff\xff\xff\xff")), &[]),
        ("empty", "jpg", Vec::new(), &["PNG, JPEG"]),
        ("cut-in-tables", "jpg", good[..40].to_vec(), &["JPEG"]),
        ("cut-in-pixels", "jpg", good[..good.len() - 4].to_vec(), &["JPEG", "truncated"]),
        ("no-end", "jpg", good[..good.len() - 2].to_vec(), &["JPEG", "truncated"]),
        ("text", "jpg", b"<html>404 not found</html>".to_vec(), &["PNG, JPEG"]),
        ("gif", "png", b"GIF89a\x10\0\x20\0\x80\0\0\0\0\0\xff\xff\xff,".to_vec(), &["PNG, JPEG"]),
        ("webp", "png", b"RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0".to_vec(), &["PNG, JPEG"]),
        ("bmp", "jpg", [&b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"[..], &[0; 50]].concat(), &["PNG, JPEG"]),
        ("claims-65535-by-65535", "jpg", patched(b"\xff\xc0", 5, &[0xff; 4]), &["65535×65535", "16384"]),
        (
            "claims-11000-by-11000",
            "jpg",
            patched(b"\xff\xc0", 5, &[0x2a, 0xf8, 0x2a, 0xf8]),
            &["11000×11000", "truncated"],
        ),
        ("no-height", "jpg", patched(b"\xff\xc0", 5, &[0, 0]), &["JPEG"]),
        ("table-that-is-none", "jpg", patched(b"\xff\xda", 6, &[0x33]), &["JPEG"]),
        ("bomb-16384-by-16384", "png", bomb(), &["16384×16384"]),
        ("other-size", "png", Png::flat(WIDTH + 1, HEIGHT, 8, RGB, 9).file(), &["16×32", "17×32"]),
    ];
    for orientation in 1..=8 {
        let name = ["exif-1", "exif-2", "exif-3", "exif-4", "exif-5", "exif-6", "exif-7", "exif-8"];
        cases.push((name[usize::from(orientation) - 1], "jpg", rotated(orientation), &[]));
    }
    cases
}

/// Instance maps.
fn instance_maps() -> Vec<Case> {
    let flat = |bits, color, byte| Png::flat(WIDTH, HEIGHT, bits, color, byte).file();
    vec![
        ("ids-of-16-bits", "png", flat(16, GRAY, 0xf7), &[]),
        ("ids-of-a-palette", "png", flat(8, PALETTE, 200), &[]),
        ("ids-in-colors", "png", flat(8, RGB, 1), &["Rgb"]),
        ("ids-of-none", "png", Vec::new(), &["PNG"]),
        ("ids-of-another-size", "png", Png::flat(WIDTH, HEIGHT + 1, 8, GRAY, 1).file(), &["16×33", "16×32"]),
    ]
}

/// An Adam7-interlaced gray image: seven passes, each with rows of its own.
fn interlaced() -> Vec<u8> {
    let (width, height) = (WIDTH as usize, HEIGHT as usize);
    let mut rows = Vec::new();
    for (left, top, across, down) in
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    {
        for _ in (top..height).step_by(down) {
            rows.push(0);
            rows.extend((left..width).step_by(across).map(|x| (x % 13) as u8));
        }
    }
    Png { interlaced: 1, pixels: zlib(&rows), ..Png::flat(WIDTH, HEIGHT, 8, GRAY, 0) }.file()
}

/// 2²⁸ pixels in a file of two megabytes.
fn bomb() -> Vec<u8> {
    let (width, height) = (16384, 16384);
    let pixels = zlib_of_zeros((width + 1) * height);
    Png { width: width as u32, height: height as u32, pixels, ..Png::flat(1, 1, 8, GRAY, 0) }.file()
}

fn gray_jpeg() -> Vec<u8> {
    jpeg(WIDTH as u16, HEIGHT as u16, 1, &[], |_, x, _| 40 * x as u8)
}

/// Ink of 100% cyan on every block, as Adobe's programs store it: inverted.
fn cmyk() -> Vec<u8> {
    let adobe = segment(0xee, b"Adobe\0\x64\0\0\0\0\0");
    jpeg(WIDTH as u16, HEIGHT as u16, 4, &adobe, |component, _, _| if component == 0 { 0 } else { 255 })
}

/// A photo whose upper left block alone is bright after its EXIF rotation.
fn rotated(orientation: u8) -> Vec<u8> {
    let (width, height) = match orientation {
        1..=4 => (WIDTH as u16, HEIGHT as u16),
        _ => (HEIGHT as u16, WIDTH as u16),
    };
    let (right, bottom) = (width / 8 - 1, height / 8 - 1);
    // Where the upper left corner is stored (Exif 2.3, tag 274).
    let light = match orientation {
        1 | 5 => (0, 0),
        2 | 8 => (right, 0),
        3 | 7 => (right, bottom),
        _ => (0, bottom),
    };
    let segment = segment(0xe1, &[&b"Exif\0\0"[..], &exif(orientation)].concat());
    jpeg(width, height, 1, &segment, |_, x, y| if (x, y) == light { 250 } else { 5 })
}

#[test]
fn check_reads_or_reports_every_image() {
    let here = Workspace::new();
    let good = Png::flat(WIDTH, HEIGHT, 8, GRAY, 1).file();
    for folder in ["label", "img", "inst"] {
        for split in ["train", "val"] {
            std::fs::create_dir_all(here.path(&format!("set/{split}_{folder}"))).unwrap();
        }
        here.write(&format!("set/val_{folder}/whole.png"), &good);
    }
    let mut expected = Vec::new();
    for (kind, cases) in [("label", label_maps()), ("img", photos()), ("inst", instance_maps())] {
        for (name, ending, bytes, parts) in cases {
            for folder in ["label", "img", "inst"] {
                let (ending, bytes) = if folder == kind { (ending, &bytes) } else { ("png", &good) };
                here.write(&format!("set/train_{folder}/{kind}-{name}.{ending}"), bytes);
            }
            expected.push((format!("train_{kind}/{kind}-{name}.{ending}"), parts));
        }
    }
    let ran = bounded(&here, &["data", "check", "set", "--json", "--set", "data.instances=true"]);
    assert_eq!(ran.code, 3, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stderr, "");
    let mut found = ran.objects();
    let report = found.pop().expect("a report");
    assert_eq!(report["train"], expected.len());
    let mut failures = Vec::new();
    for (file, parts) in &expected {
        // A photo of another size is reported with the maps that differ from it.
        let about = |problem: &&Map<String, Value>| {
            problem.values().any(|value| value.as_str().is_some_and(|s| s.contains(file.as_str())))
        };
        let problems: Vec<&str> =
            found.iter().filter(about).filter_map(|problem| problem["problem"].as_str()).collect();
        let as_expected = problems.is_empty() == parts.is_empty()
            && parts.iter().all(|part| problems.iter().all(|problem| problem.contains(part)));
        if !as_expected {
            failures.push(format!("{file}: expected {parts:?}, got {problems:?}"));
        }
    }
    assert!(failures.is_empty(), "{} of {} images:\n{}", failures.len(), expected.len(), failures.join("\n"));
}

#[test]
fn infer_reads_or_reports_every_image() {
    let here = Workspace::new();
    here.done(&format!("train --steps 1 --out run {TINY}"));
    std::fs::create_dir(here.path("maps")).unwrap();
    let cases = label_maps();
    for (name, ending, bytes, _) in &cases {
        here.write(&format!("maps/{name}.{ending}"), bytes);
    }
    // Much smaller than a tile, and one tile in one direction alone.
    here.write("maps/pixel.png", Png::flat(1, 1, 8, GRAY, 1).file());
    here.write("maps/strip.png", Png::flat(300, 1, 8, GRAY, 1).file());
    let ran =
        bounded(&here, &["infer", "--checkpoint", "run", "--input", "maps", "--out", "generated", "--threads", "2"]);
    let bad: Vec<&Case> = cases.iter().filter(|case| !case.3.is_empty()).collect();
    let summary = format!("{} of {} inputs failed", bad.len(), cases.len() + 2);
    let wrong = differences(&ran, (3, &[&summary]));
    assert!(wrong.is_empty(), "{wrong:?}\n{}", ran.stderr);
    for (name, ending, _, parts) in bad {
        let named = format!("maps/{name}.{ending}: ");
        let line =
            ran.stderr.lines().find(|line| line.contains(&named)).unwrap_or_else(|| panic!("{named}\n{}", ran.stderr));
        assert!(parts.iter().all(|part| line.contains(part)), "{line} without {parts:?}");
    }
    let good = cases.iter().filter(|case| case.3.is_empty()).map(|case| case.0).chain(["pixel", "strip"]);
    let mut generated: Vec<String> = good.map(|name| format!("{name}.png")).collect();
    generated.sort();
    assert_eq!(here.names("generated"), generated);
    let strip = read_photo(&here.path("generated/strip.png")).unwrap();
    assert_eq!((strip.width, strip.height), (300, 1));
}

#[test]
fn photos_have_correct_colors_and_orientation() {
    let here = Workspace::new();
    here.write("cmyk.jpg", cmyk());
    let [red, green, blue] = read_photo(&here.path("cmyk.jpg")).unwrap().at(3, 3);
    assert!(red < 20 && green > 230 && blue > 230, "cyan, not {:?}", [red, green, blue]);
    for orientation in 1..=8 {
        here.write("turned.jpg", rotated(orientation));
        let photo = read_photo(&here.path("turned.jpg")).unwrap();
        assert_eq!((photo.width, photo.height), (WIDTH as usize, HEIGHT as usize), "orientation {orientation}");
        let light: Vec<usize> = (0..photo.data.len()).filter(|&i| photo.data[i][0] > 128).collect();
        let corner = |&i: &usize| i % photo.width < 8 && i / photo.width < 8;
        assert!(light.len() == 64 && light.iter().all(corner), "orientation {orientation}: {light:?}");
    }
}

#[test]
fn crc32_matches_the_png_specification() {
    assert_eq!(crc32(b"IEND"), 0xae42_6082);
}

//! Damaged image files are faults, and whole ones of every kind are not.

use std::ops::Range;
use std::path::Path;

use asap_model::data::{instances_of, labels_of, photo_of};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::support::names;

const EOI: [u8; 2] = [0xff, 0xd9];

/// A kind of JPEG.
#[derive(Clone, Copy)]
struct Kind {
    color: ColorType,
    sampling: SamplingFactor,
    progressive: bool,
    optimized: bool,
    /// The number of MCUs between restart markers; 0: there are none.
    restart: u16,
}

const BASELINE: Kind =
    Kind { color: ColorType::Rgb, sampling: SamplingFactor::F_1_1, progressive: false, optimized: false, restart: 0 };

const PROGRESSIVE: Kind = Kind { progressive: true, ..BASELINE };

/// A JPEG of a pattern with edges and noise.
fn jpeg(kind: Kind, [width, height]: [u16; 2]) -> Vec<u8> {
    let channels = match kind.color {
        ColorType::Luma => 1,
        ColorType::Rgb => 3,
        _ => 4,
    };
    let mut noise = 1u32;
    let mut pixels = Vec::new();
    for y in 0..u32::from(height) {
        for x in 0..u32::from(width) {
            for channel in 0..channels {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                pixels.push(
                    (x * 3 + y * (channel + 1) + if (x / 11 + y / 9) % 2 == 0 { 90 } else { 0 }) as u8 / 2
                        + (noise >> 27) as u8,
                );
            }
        }
    }
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 85);
    encoder.set_sampling_factor(kind.sampling);
    encoder.set_progressive(kind.progressive);
    encoder.set_optimized_huffman_tables(kind.optimized);
    encoder.set_restart_interval(kind.restart);
    encoder.encode(&pixels, width, height, kind.color).unwrap();
    bytes
}

/// Kinds that the decoder reads.
fn kinds() -> Vec<Kind> {
    use SamplingFactor as S;
    let mut kinds = vec![Kind { optimized: true, ..BASELINE }, Kind { optimized: true, ..PROGRESSIVE }];
    for base in [BASELINE, PROGRESSIVE] {
        for sampling in [S::F_1_1, S::F_2_1, S::F_1_2, S::F_2_2, S::F_4_1] {
            kinds.push(Kind { sampling, ..base });
            kinds.push(Kind { sampling, restart: 3, ..base });
        }
        for color in [ColorType::Luma, ColorType::Cmyk, ColorType::CmykAsYcck] {
            kinds.push(Kind { color, ..base });
            kinds.push(Kind { color, restart: 2, ..base });
        }
    }
    kinds
}

/// Where the segments with a marker are, marker included.
fn segments(bytes: &[u8], marker: u8) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 2;
    while at + 4 <= bytes.len() {
        if bytes[at] != 0xff || matches!(bytes[at + 1], 0 | 0xd0..=0xd9) {
            at += 1;
            continue;
        }
        let end = at + 2 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        if bytes[at + 1] == marker {
            found.push(at..end);
        }
        at = end;
    }
    found
}

/// Where the data of a scan are.
fn data(bytes: &[u8], scan: usize) -> Range<usize> {
    let start = segments(bytes, 0xda)[scan].end;
    let mut end = start;
    while bytes[end] != 0xff || matches!(bytes[end + 1], 0 | 0xd0..=0xd7) {
        end += 1;
    }
    start..end
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    [&[0xff, marker][..], &(content.len() as u16 + 2).to_be_bytes(), content].concat()
}

fn inserted(bytes: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    [&bytes[..at], new, &bytes[at..]].concat()
}

fn without(bytes: &[u8], range: Range<usize>) -> Vec<u8> {
    [&bytes[..range.start], &bytes[range.end..]].concat()
}

#[track_caller]
fn is_damaged(bytes: &[u8], parts: &[&str]) {
    let file = Path::new("photo.jpg");
    names(photo_of(bytes, file), file, &["is a damaged JPEG"]);
    names(photo_of(bytes, file), file, parts);
}

#[test]
fn whole_jpegs_are_read() {
    for kind in kinds() {
        for size in [[1, 1], [8, 8], [17, 33], [50, 37], [64, 40]] {
            let bytes = jpeg(kind, size);
            let photo = photo_of(&bytes, Path::new("photo.jpg")).unwrap();
            if !kind.progressive && segments(&bytes, 0xda).len() > 1 && kind.sampling != SamplingFactor::F_1_1 {
                continue;
            }
            let decoded = image::load_from_memory(&bytes).unwrap().into_rgb8();
            assert_eq!(photo.data.as_flattened(), decoded.as_raw().as_slice(), "the decoder's pixels");
        }
    }
}

/// The `image` crate would decode them to other pixels, without an error.
#[test]
fn jpegs_with_separate_scans_are_decoded() {
    use SamplingFactor as S;
    for (sampling, size) in
        [S::F_2_1, S::F_1_2, S::F_2_2, S::F_4_1].into_iter().zip([[90, 70], [64, 48], [50, 37], [17, 33]])
    {
        let separate = jpeg(Kind { sampling, optimized: true, ..BASELINE }, size);
        assert_eq!(segments(&separate, 0xda).len(), 3, "its channels are not interleaved");
        let separate = photo_of(&separate, Path::new("a.jpg")).unwrap();
        let progressive = photo_of(&jpeg(Kind { sampling, ..PROGRESSIVE }, size), Path::new("b.jpg")).unwrap();
        assert_eq!([separate.height, separate.width], [progressive.height, progressive.width]);
        let pairs = separate.data.as_flattened().iter().zip(progressive.data.as_flattened());
        let far = pairs.filter(|&(&a, &b)| a.abs_diff(b) > 32).count();
        // Decoders interpolate colors differently.
        assert!(far * 50 < separate.data.len(), "{sampling:?}: {far} values differ");
    }
}

/// The decoder would show other pixels, without an error.
#[test]
fn jpeg_with_a_reduced_first_channel_is_rejected() {
    let file = Path::new("photo.jpg");
    let mut bytes = jpeg(Kind { sampling: SamplingFactor::F_2_1, ..BASELINE }, [50, 37]);
    // Declares the luminance, with twice the columns, after another channel.
    let channels = segments(&bytes, 0xc0)[0].start + 10;
    bytes[channels..channels + 6].rotate_left(3);
    names(photo_of(&bytes, file), file, &["first color channel", "save it again"]);
}

/// What cameras and programs add, or write in another way, without changing a pixel.
#[test]
fn additions_to_jpegs_are_accepted() {
    let thumbnail = jpeg(BASELINE, [16, 16]);
    for kind in [BASELINE, PROGRESSIVE, Kind { restart: 2, ..BASELINE }] {
        let whole = jpeg(kind, [50, 37]);
        let pixels = photo_of(&whole, Path::new("photo.jpg")).unwrap();
        let end = whole.len() - 2;
        let exif = segment(0xe1, &[b"Exif\0\0", &thumbnail[..]].concat());
        for other in [
            [&whole[..], b"video\xff\xda\x01\x02\xff"].concat(),
            [&whole[..], &thumbnail].concat(),
            [&whole[..], &[0; 300]].concat(),
            inserted(&whole, 2, &segment(0xe5, b"0123456789")),
            inserted(&whole, 2, &[segment(0xed, &[7; 77]), segment(0xe2, b"")].concat()),
            inserted(&whole, 2, &exif),
            inserted(&whole, 2, &[exif, segment(0xe0, &[b"JFXX\0\x10", &thumbnail[..]].concat())].concat()),
            inserted(&whole, 2, &segment(0xfe, b"\xff\xd9 and \xff\xda")),
            inserted(&whole, 2, &[0xff; 3]),
            inserted(&whole, end, &[0xff; 3]),
            inserted(&whole, end, &[0xff, 0xd0]),
            inserted(&whole, end, &segment(0xfe, b"a comment")),
        ] {
            assert_eq!(photo_of(&other, Path::new("photo.jpg")).unwrap(), pixels);
        }
    }
}

#[test]
fn jpeg_cut_before_an_end_marker_is_rejected() {
    for kind in kinds() {
        let whole = jpeg(kind, [90, 70]);
        for scan in 0..segments(&whole, 0xda).len() {
            let data = data(&whole, scan);
            for kept in [0, data.len() / 4, data.len() / 2, data.len() * 9 / 10] {
                let cut = &whole[..data.start + kept];
                is_damaged(&[cut, &EOI].concat(), &["scan"]);
                is_damaged(cut, &["truncated"]);
            }
        }
        is_damaged(&whole[..whole.len() - 2], &["truncated after scan"]);
    }
}

#[test]
fn jpeg_with_zeros_is_rejected() {
    for kind in kinds() {
        let mut bytes = jpeg(kind, [90, 70]);
        let data = data(&bytes, 0);
        bytes[data.start + data.len() / 3..data.start + data.len() * 2 / 3].fill(0);
        is_damaged(&bytes, &["scan 1", "of 70"]);
    }
}

#[test]
fn jpeg_with_lost_or_added_bytes_is_rejected() {
    for kind in kinds() {
        let whole = jpeg(kind, [90, 70]);
        let data = data(&whole, 0);
        let middle = data.start + data.len() / 2;
        is_damaged(&without(&whole, middle..middle + data.len() / 5), &["scan 1"]);
        is_damaged(&inserted(&whole, middle, &whole[data.start..data.start + data.len() / 5]), &["scan 1"]);
        is_damaged(&inserted(&whole, data.end, &[0x55; 40]), &["scan 1"]);
        is_damaged(&inserted(&whole, segments(&whole, 0xda)[0].start, &[0x55; 9]), &["9 bytes too many in its header"]);
        // A marker within the data.
        let mut marked = whole.clone();
        marked[middle..middle + 2].copy_from_slice(&[0xff, 0xc4]);
        is_damaged(&marked, &[]);
    }
}

#[test]
fn restart_markers_must_be_in_order() {
    for kind in kinds().into_iter().filter(|kind| kind.restart > 0) {
        let whole = jpeg(kind, [90, 70]);
        let data = data(&whole, 0);
        let second = whole[data.clone()].windows(2).position(|pair| pair == [0xff, 0xd1]).unwrap() + data.start;
        is_damaged(&without(&whole, second..second + 2), &["scan 1"]);
        let mut flipped = whole.clone();
        flipped[second + 1] = 0xd5;
        is_damaged(&flipped, &["marker FFD5 instead of FFD1"]);
        flipped[second] = 0x7f;
        is_damaged(&flipped, &["scan 1"]);
        let interval = segments(&whole, 0xdd)[0].clone();
        is_damaged(&without(&whole, interval), &["scan 1 ends early"]);
    }
}

#[test]
fn progressive_jpeg_without_a_scan_is_rejected() {
    for kind in kinds().into_iter().filter(|kind| kind.progressive) {
        let whole = jpeg(kind, [90, 70]);
        let scans = segments(&whole, 0xda);
        for (index, scan) in scans.iter().enumerate() {
            is_damaged(&without(&whole, scan.start..data(&whole, index).end), &[]);
            is_damaged(&[&whole[..scan.start], &EOI].concat(), &[if index == 0 { "missing" } else { "channel" }]);
        }
    }
}

#[test]
fn jpeg_without_a_table_is_rejected() {
    // The encoder writes tables of chrominance for the others too.
    for kind in kinds().into_iter().filter(|kind| matches!(kind.color, ColorType::Rgb)) {
        let whole = jpeg(kind, [90, 70]);
        for marker in [0xc4, 0xdb] {
            for table in segments(&whole, marker) {
                is_damaged(&without(&whole, table.clone()), &[]);
                let mut zeros = whole.clone();
                zeros[table.start + 5..table.end].fill(0);
                is_damaged(&zeros, &[]);
            }
        }
    }
}

/// Any damage is reported or leaves an image; most of it is reported.
#[test]
fn random_damage_is_mostly_found() {
    let mut state = 1u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let (mut found, mut total) = (0, 0);
    for kind in kinds() {
        let whole = jpeg(kind, [90, 70]);
        for _ in 0..20 {
            let mut bytes = whole.clone();
            let start = random(bytes.len());
            let end = (start + 1 + random(60)).min(bytes.len());
            match random(4) {
                0 => bytes[start..end].fill(0),
                1 => bytes[start..end].iter_mut().for_each(|byte| *byte = random(256) as u8),
                2 => drop(bytes.drain(start..end)),
                _ => bytes[start] ^= 1 << random(8),
            }
            total += 1;
            found += usize::from(photo_of(&bytes, Path::new("photo.jpg")).is_err());
        }
    }
    assert!(found * 10 > total * 7, "found {found} of {total}");
}

/// A gray PNG with its data in several chunks.
fn png_file(height: u32, width: u32) -> Vec<u8> {
    let mut noise = 1u32;
    let mut pixels = vec![0; (height * width) as usize];
    for pixel in &mut pixels {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *pixel = (noise >> 28) as u8;
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    bytes
}

#[test]
fn damaged_pngs_are_rejected() {
    let file = Path::new("a.png");
    let whole = png_file(40, 50);
    assert!(photo_of(&whole, file).is_ok() && labels_of(&whole, file, 16).is_ok());
    let trailing = [&whole[..], b"more"].concat();
    assert!(photo_of(&trailing, file).is_ok() && labels_of(&trailing, file, 16).is_ok());
    for kept in (8..whole.len()).step_by(7).chain(whole.len() - 14..whole.len()) {
        names(photo_of(&whole[..kept], file), file, &["PNG", "truncated"]);
        names(labels_of(&whole[..kept], file, 16), file, &["PNG", "truncated"]);
    }
    for at in (8..whole.len()).step_by(5) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        names(photo_of(&bytes, file), file, &[]);
        names(labels_of(&bytes, file, 16), file, &[]);
    }
}

#[test]
fn compressed_ids_are_rejected() {
    let jpeg = jpeg(BASELINE, [16, 16]);
    let webp = b"RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0";
    for (bytes, name) in [(&jpeg[..], "is a JPEG"), (webp, "is a lossy WebP")] {
        let file = Path::new("a.png");
        names(labels_of(bytes, file, 13), file, &[name, "blurs ids", "palette PNG"]);
        names(instances_of(bytes, file), file, &[name, "blurs ids", "palette PNG"]);
    }
}

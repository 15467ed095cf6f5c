//! Reading pictures: photos as RGB, label and instance maps as the ids their files hold.
//!
//! A palette PNG's raw index is the id; nothing expands the palette. Every reader refuses more than [`MAX_SIDE`] pixels a side, and more
//! pixels than the file can hold, before it allocates anything.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageReader};

use super::fault::Fault;
use super::plane::{InstanceMap, LabelMap, Picture, Plane, RgbImage};
use crate::config::Output;
use crate::{Error, Result};

/// The largest width and height that is read.
pub const MAX_SIDE: usize = 16384;

/// The most pixels that a byte of a file can hold: deflate makes at most 1032 bytes of one, each at most 8 pixels; a JPEG
/// has at least one bit for each block of 64.
const PIXELS_A_BYTE: usize = 8 * 1032;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 29;

/// The most pixels that are read: 32 times those of the largest preset, and more than any camera's.
const MAX_PIXELS: usize = 1 << 27;

/// The most bytes that decoding one picture may take: RGB pixels of 16 bits.
const MAX_BYTES: usize = 2 * 3 * MAX_PIXELS;

/// The first bytes of every JPEG.
const JPEG: [u8; 2] = [0xff, 0xd8];

/// Reads a label map: a gray or palette PNG whose raw values are class ids.
///
/// # Errors
/// [`Error::Io`] if the file can't be read; [`Error::Data`] if it isn't such a PNG, or names the first pixel (x, y) with an id of `classes` or more.
pub fn read_labels(file: &Path, classes: usize) -> Result<LabelMap> {
    labels_of(&read_bytes(file)?, file, classes)
}

/// As [`read_labels`], from the bytes of a PNG; `file` names them in errors.
///
/// # Errors
/// As [`read_labels`].
pub fn labels_of(bytes: &[u8], file: &Path, classes: usize) -> Result<LabelMap> {
    let ids = ids_of(bytes, file)?;
    match label_faults(file, &ids, classes).into_iter().next() {
        Some(fault) => Err(fault.into()),
        None => Ok(narrow(&ids)),
    }
}

/// Reads an instance map: a gray or palette PNG of up to 16 bits whose raw values are instance ids.
///
/// # Errors
/// [`Error::Io`] if the file can't be read; [`Error::Data`] if it isn't such a PNG.
pub fn read_instances(file: &Path) -> Result<InstanceMap> {
    instances_of(&read_bytes(file)?, file)
}

/// As [`read_instances`], from the bytes of a PNG; `file` names them in errors.
///
/// # Errors
/// As [`read_instances`].
pub fn instances_of(bytes: &[u8], file: &Path) -> Result<InstanceMap> {
    let ids = ids_of(bytes, file)?;
    Ok(Plane { height: ids.height, width: ids.width, data: ids.data.into_iter().map(u32::from).collect() })
}

/// Reads a photo, JPEG or PNG, as RGB with 8 bits a channel, turned as its EXIF orientation says. Gray becomes RGB, transparency is dropped.
///
/// # Errors
/// [`Error::Io`] if the file can't be read; [`Error::Data`] if it isn't a whole picture of either format.
pub fn read_photo(file: &Path) -> Result<RgbImage> {
    photo_of(&read_bytes(file)?, file)
}

/// As [`read_photo`], from the bytes of a JPEG or PNG; `file` names them in errors.
///
/// # Errors
/// As [`read_photo`].
pub fn photo_of(bytes: &[u8], file: &Path) -> Result<RgbImage> {
    let rgb = decode(bytes, file)?.into_rgb8();
    let (width, height) = (rgb.width() as usize, rgb.height() as usize);
    let data = rgb.as_raw().as_chunks::<3>().0.to_vec();
    Ok(Plane { height, width, data })
}

/// Reads a depth map: a gray picture of 8 or 16 bits.
///
/// # Errors
/// [`Error::Io`] if the file can't be read; [`Error::Data`] if it isn't a gray picture.
pub fn read_depth(file: &Path) -> Result<Picture> {
    let image = decode(&read_bytes(file)?, file)?;
    let (width, height) = (image.width() as usize, image.height() as usize);
    match image {
        DynamicImage::ImageLuma8(gray) => Ok(Picture::Gray8(Plane { height, width, data: gray.into_raw() })),
        DynamicImage::ImageLuma16(gray) => Ok(Picture::Gray16(Plane { height, width, data: gray.into_raw() })),
        other => Err(Fault::new(
            file,
            format!(
                "holds {:?} pixels where a depth map is expected; save it as gray of 8 or 16 bits, or set data.output = \"rgb\"",
                other.color()
            ),
        )
        .into()),
    }
}

/// Reads a picture that the generator is to draw.
///
/// # Errors
/// As [`read_photo`] and [`read_depth`].
pub fn read_picture(file: &Path, output: Output) -> Result<Picture> {
    match output {
        Output::Rgb => read_photo(file).map(Picture::Rgb),
        Output::Depth => read_depth(file),
    }
}

/// The raw values of a gray or palette PNG, whatever they mean.
pub(crate) fn read_ids(file: &Path) -> Result<Plane<u16>> {
    ids_of(&read_bytes(file)?, file)
}

fn ids_of(bytes: &[u8], file: &Path) -> Result<Plane<u16>> {
    check_png_header(bytes, file)?;
    let bad = |e: png::DecodingError| Error::from(Fault::new(file, format!("is not a PNG that can be read: {e}")));
    let limits = png::Limits { bytes: MAX_BYTES };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::IDENTITY);
    let mut reader = decoder.read_info().map_err(bad)?;
    let info = reader.info();
    let (height, width) = (info.height as usize, info.width as usize);
    let (color, depth) = (info.color_type, info.bit_depth);
    if !matches!(color, png::ColorType::Grayscale | png::ColorType::Indexed) {
        return Err(Fault::new(
            file,
            format!("holds {color:?} pixels where ids are expected; save it as a gray or palette PNG whose raw value is the id"),
        )
        .into());
    }
    let Some(size) = reader.output_buffer_size() else {
        return Err(Fault::new(file, format!("{width}×{height} pixels do not fit in memory")).into());
    };
    let mut packed = vec![0; size];
    let row = reader.next_frame(&mut packed).map_err(bad)?.line_size;
    Ok(unpack(&packed, row, height, width, depth as usize))
}

/// Values of 1, 2, 4, 8 or 16 bits from rows of `row` bytes, the first value in the highest bits (PNG specification, section 7.2).
fn unpack(packed: &[u8], row: usize, height: usize, width: usize, bits: usize) -> Plane<u16> {
    let mut data = Vec::with_capacity(height * width);
    for line in packed.chunks_exact(row).take(height) {
        match bits {
            16 => data.extend(line.as_chunks::<2>().0.iter().map(|&v| u16::from_be_bytes(v))),
            8 => data.extend(line.iter().map(|&v| u16::from(v))),
            _ => data.extend((0..width).map(|x| {
                let first = x * bits;
                let shift = 8 - bits - first % 8;
                u16::from(line[first / 8] >> shift) & ((1 << bits) - 1)
            })),
        }
    }
    Plane { height, width, data }
}

/// Ids out of range that are named one by one; a depth map in a label map's place has thousands.
const NAMED: usize = 20;

/// A fault for each id that is out of range, with its first pixel and how often it occurs.
pub(crate) fn label_faults(file: &Path, ids: &Plane<u16>, classes: usize) -> Vec<Fault> {
    let mut wrong: BTreeMap<u16, (usize, usize)> = BTreeMap::new();
    for (i, &id) in ids.data.iter().enumerate() {
        if usize::from(id) >= classes {
            wrong.entry(id).or_insert((i, 0)).1 += 1;
        }
    }
    let mut faults: Vec<Fault> = Vec::new();
    for (id, (first, count)) in wrong {
        let [x, y] = [first % ids.width, first / ids.width];
        let others = if count > 1 { format!(" (and {} more pixels)", count - 1) } else { String::new() };
        let hint =
            if id == 255 { "; 255 often marks pixels without a class: give them a class of their own" } else { "" };
        faults.push(Fault {
            file: file.to_path_buf(),
            problem: format!(
                "pixel ({x}, {y}) has label {id}{others}, but data.classes = {classes} allows 0 to {}{hint}",
                classes - 1
            ),
            pixel: Some([x, y]),
            value: Some(u32::from(id)),
        });
    }
    faults.sort_by_key(|fault| fault.pixel.map(|[x, y]| (y, x)));
    if faults.len() > NAMED {
        let others = faults.len() - NAMED;
        faults.truncate(NAMED);
        faults.push(Fault::new(file, format!("has {others} more labels that data.classes = {classes} does not allow")));
    }
    faults
}

/// Ids that are known to be below 256 as bytes.
pub(crate) fn narrow(ids: &Plane<u16>) -> LabelMap {
    Plane { height: ids.height, width: ids.width, data: ids.data.iter().map(|&id| id as u8).collect() }
}

/// A JPEG or PNG, recognised by its content, with its EXIF orientation applied.
fn decode(bytes: &[u8], file: &Path) -> Result<DynamicImage> {
    let bad =
        |e: image::ImageError| Error::from(Fault::new(file, format!("is not a JPEG or PNG that can be read: {e}")));
    if is_cut_jpeg(bytes) {
        return Err(Fault::new(file, "is a JPEG without an end: the file was cut off; copy it again").into());
    }
    check_png_header(bytes, file)?;
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(MAX_BYTES as u64);
    let mut reader =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| bad(image::ImageError::IoError(e)))?;
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(bad)?;
    let (width, height) = decoder.dimensions();
    check_claim(bytes, file, height as usize, width as usize)?;
    let orientation = decoder.orientation().map_err(bad)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(bad)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// Whether the file is a JPEG, by its content.
pub(super) fn is_jpeg(file: &Path) -> Result<bool> {
    let failed = |source| Error::Io { file: file.to_path_buf(), action: "read it", source };
    let mut start = Vec::new();
    File::open(file).map_err(failed)?.take(JPEG.len() as u64).read_to_end(&mut start).map_err(failed)?;
    Ok(start == JPEG)
}

/// Whether a JPEG has no end marker after its first scan began. The decoder would fill the rest with gray. In scans an FF is
/// followed by 00 or a restart marker; what stands before them, as a thumbnail with an end of its own, tells its length; and
/// what some cameras append after the end is nothing to the picture.
fn is_cut_jpeg(bytes: &[u8]) -> bool {
    if !bytes.starts_with(&JPEG) {
        return false;
    }
    let mut rest = &bytes[JPEG.len()..];
    while let [0xff, marker, after @ ..] = rest {
        rest = match (marker, after) {
            (0xda, scans) => return !scans.windows(2).any(|pair| pair == [0xff, 0xd9]),
            // A marker may be preceded by any number of FF.
            (0xff, _) => &rest[1..],
            (_, [high, low, ..]) => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                after.get(length..).unwrap_or_default()
            }
            _ => return false,
        };
    }
    false
}

/// [`check_claim`] of a PNG by its first bytes, where the decoder would name no size; nothing of another file.
fn check_png_header(bytes: &[u8], file: &Path) -> Result<()> {
    let side = |place: usize| bytes.get(place..place + 4)?.try_into().ok().map(u32::from_be_bytes);
    match (bytes.starts_with(b"\x89PNG\r\n\x1a\n"), side(16), side(20)) {
        (true, Some(width), Some(height)) => check_claim(bytes, file, height as usize, width as usize),
        _ => Ok(()),
    }
}

/// Refuses a size that can't be read, or that so short a file can't hold, before memory is taken for it.
fn check_claim(bytes: &[u8], file: &Path, height: usize, width: usize) -> Result<()> {
    if height > MAX_SIDE || width > MAX_SIDE || height == 0 || width == 0 {
        return Err(
            Fault::new(file, format!("is {width}×{height} pixels; from 1 to {MAX_SIDE} a side can be read")).into()
        );
    }
    if height * width > MAX_PIXELS {
        let problem = format!("is {width}×{height} pixels; at most {MAX_PIXELS} in all can be read");
        return Err(Fault::new(file, problem).into());
    }
    if height * width > PIXELS_A_BYTE * bytes.len() {
        let problem =
            format!("claims {width}×{height} pixels, which its {} bytes cannot hold: it is cut off", bytes.len());
        return Err(Fault::new(file, problem).into());
    }
    Ok(())
}

fn read_bytes(file: &Path) -> Result<Vec<u8>> {
    let failed = |source| Error::Io { file: file.to_path_buf(), action: "read it", source };
    let mut bytes = Vec::new();
    File::open(file).map_err(failed)?.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Fault::new(file, format!("has more than {MAX_FILE} bytes, where no picture has")).into());
    }
    Ok(bytes)
}

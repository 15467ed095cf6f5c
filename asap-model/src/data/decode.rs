//! Decodes images, and label and instance maps as ids, from PNG, JPEG, TIFF, NPY, BMP and WebP files, told apart by their content.
//!
//! The id is the raw index of a palette PNG; the palette is not expanded. Every decoder rejects sides above [`MAX_SIDE`], and more
//! pixels than the file can encode, before it allocates memory.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageReader};

use super::array::{Array, ReadOptions, SAVE_IDS, Values};
use super::jpeg::{Decoder, decode_separate_scans};
use super::pixels::Image;
use super::plane::{InstanceMap, Plane, RgbImage};
use super::problem::Problem;
use super::whole::{check_lossless, check_whole};
use super::{npy, tiff};
use crate::{Error, Result};

/// Extensions of image files.
pub(super) const EXTENSIONS: [&str; 8] = ["png", "jpg", "jpeg", "tif", "tiff", "npy", "bmp", "webp"];

/// Maximum width and height.
pub const MAX_SIDE: usize = 16384;

/// Maximum number of pixels that one byte of a file can encode: deflate expands a byte to at most 1032, each of at most 8 pixels;
/// a JPEG takes at least one bit for each block of 64.
const PIXELS_A_BYTE: usize = 8 * 1032;

/// The formats, for errors.
const FORMATS: &str = "PNG, JPEG, TIFF, NPY, BMP or WebP";

/// Maximum number of bytes before the end of a photo's EXIF data.
const METADATA: u64 = 1 << 18;

/// Maximum file size in bytes.
const MAX_FILE: u64 = 1 << 29;

/// Maximum number of pixels: 32 times that of the largest preset, and more than any camera's.
const MAX_PIXELS: usize = 1 << 27;

/// Maximum memory for decoding one image: RGB pixels of 16 bits.
pub(super) const MAX_BYTES: usize = 2 * 3 * MAX_PIXELS;

/// The first bytes of every PNG.
pub(super) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The first bytes of every JPEG.
pub(super) const JPEG: [u8; 2] = [0xff, 0xd8];

/// Reads an instance map: a gray or palette image whose raw values are instance ids.
pub fn read_instances(file: &Path) -> Result<InstanceMap> {
    instances_of(&read_bytes(file)?, file)
}

/// As [`read_instances`], from the bytes of a file; `file` names them in errors.
pub fn instances_of(bytes: &[u8], file: &Path) -> Result<InstanceMap> {
    ids_of(bytes, file)
}

/// Reads an image with the channels, the bits and the values of its file.
///
/// # Errors
/// [`Error::Data`] if it has other channels than are wanted.
pub fn read_image(file: &Path, options: &ReadOptions) -> Result<Image> {
    image_of(&read_bytes(file)?, file, options)
}

/// As [`read_image`], from the bytes of a file; `file` names them in errors.
pub fn image_of(bytes: &[u8], file: &Path, options: &ReadOptions) -> Result<Image> {
    decode(bytes, file, options.channels)?.into_image(file, options)
}

/// Reads a photo as RGB with 8 bits per channel, and applies its EXIF orientation. Gray becomes RGB, alpha is dropped.
pub fn read_photo(file: &Path) -> Result<RgbImage> {
    photo_of(&read_bytes(file)?, file)
}

/// As [`read_photo`], from the bytes of a file; `file` names them in errors.
pub fn photo_of(bytes: &[u8], file: &Path) -> Result<RgbImage> {
    let image = image_of(bytes, file, &ReadOptions::PHOTO)?;
    if let Some(rgb) = image.as_rgb() {
        return Ok(rgb);
    }
    let [height, width] = image.size();
    let level = |place| (image.value(place) / image.max() * 255.0).round() as u8;
    Ok(Plane::from_fn(height, width, |x, y| [0, 1, 2].map(|c| level((y * width + x) * 3 + c))))
}

/// Whether viewers turn this photo, by its EXIF orientation.
pub(crate) fn is_turned(file: &Path) -> Result<bool> {
    let bytes = read_start(file, METADATA)?;
    if tiff::is_tiff(&bytes) {
        return Ok(tiff::orientation(&read_bytes(file)?) != 1);
    }
    let decoder =
        ImageReader::new(Cursor::new(&bytes)).with_guessed_format().ok().and_then(|reader| reader.into_decoder().ok());
    let orientation = decoder.and_then(|mut decoder| decoder.orientation().ok());
    Ok(orientation.is_some_and(|orientation| orientation.to_exif() != 1))
}

/// The raw values of a label map.
pub(super) fn label_ids_of(bytes: &[u8], file: &Path) -> Result<Plane<u16>> {
    let map = ids_of(bytes, file)?;
    let Plane { height, width, ref data } = map;
    match data.iter().map(|&id| u16::try_from(id).ok()).collect() {
        Some(data) => Ok(Plane { height, width, data }),
        None => {
            let largest = data.iter().max().unwrap_or(&0);
            Problem::err(file, format!("has ids up to {largest}; those of a label map must be at most 65535"))
        }
    }
}

fn ids_of(bytes: &[u8], file: &Path) -> Result<Plane<u32>> {
    check_lossless(bytes, file)?;
    if !bytes.starts_with(PNG) {
        return decode(bytes, file, None)?.into_ids(file);
    }
    check_png_header(bytes, file)?;
    check_whole(bytes, file)?;
    let bad = |e: png::DecodingError| Error::from(Problem::new(file, format!("cannot be decoded as PNG: {e}")));
    let limits = png::Limits { bytes: MAX_BYTES };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::IDENTITY);
    decoder.ignore_checksums(false);
    let mut reader = decoder.read_info().map_err(bad)?;
    let info = reader.info();
    let (height, width) = (info.height as usize, info.width as usize);
    let (color, depth) = (info.color_type, info.bit_depth);
    let has_alpha = color == png::ColorType::GrayscaleAlpha;
    if !matches!(color, png::ColorType::Grayscale | png::ColorType::Indexed) && !has_alpha {
        return Problem::err(file, format!("has {color:?} pixels where ids are expected; {SAVE_IDS}"));
    }
    let Some(size) = reader.output_buffer_size() else {
        return Problem::err(file, format!("{width}×{height} pixels do not fit in memory"));
    };
    let mut packed = vec![0; size];
    let row = reader.next_frame(&mut packed).map_err(bad)?.line_size;
    if !has_alpha {
        return Ok(unpack(&packed, row, height, width, depth as usize));
    }
    let samples = unpack(&packed, row, height, 2 * width, depth as usize);
    let (pixels, full) = (samples.data.as_chunks::<2>().0, u32::from(u16::MAX >> (16 - depth as u16)));
    match pixels.iter().position(|&[_, alpha]| alpha != full) {
        Some(pixel) => Err(transparent(file, [pixel % width, pixel / width], pixels[pixel][1]).into()),
        None => Ok(Plane { height, width, data: pixels.iter().map(|&[id, _]| id).collect() }),
    }
}

/// The problem of a pixel that is not opaque.
pub(super) fn transparent(file: &Path, [x, y]: [usize; 2], alpha: u32) -> Problem {
    let message =
        format!("pixel ({x}, {y}) has alpha {alpha}, but a map of ids must be opaque; save it without transparency");
    Problem { file: file.to_path_buf(), message, pixel: Some([x, y]), value: Some(alpha) }
}

/// Values of 1, 2, 4, 8 or 16 bits from rows of `row` bytes, the first value in the highest bits (PNG specification, section 7.2).
fn unpack(packed: &[u8], row: usize, height: usize, width: usize, bits: usize) -> Plane<u32> {
    let mut data = Vec::with_capacity(height * width);
    for line in packed.chunks_exact(row).take(height) {
        match bits {
            16 => data.extend(line.as_chunks::<2>().0.iter().map(|&v| u32::from(u16::from_be_bytes(v)))),
            8 => data.extend(line.iter().map(|&v| u32::from(v))),
            _ => data.extend((0..width).map(|x| {
                let first = x * bits;
                let shift = 8 - bits - first % 8;
                u32::from(line[first / 8] >> shift) & ((1 << bits) - 1)
            })),
        }
    }
    Plane { height, width, data }
}

/// Decodes a file of any format, detected by its content. `wanted` channels tell the axes of an array apart.
fn decode(bytes: &[u8], file: &Path, wanted: Option<usize>) -> Result<Array> {
    let check = |height, width| check_size(file, height, width);
    if tiff::is_tiff(bytes) {
        return tiff::decode(bytes, file, MAX_BYTES, check);
    }
    if npy::is_npy(bytes) {
        return npy::decode(bytes, file, wanted, check);
    }
    let bad = |e: image::ImageError| Error::from(Problem::new(file, format!("cannot be decoded as {FORMATS}: {e}")));
    check_png_header(bytes, file)?;
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(MAX_BYTES as u64);
    let mut reader =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| bad(image::ImageError::IoError(e)))?;
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|e| check_whole(bytes, file).err().unwrap_or_else(|| bad(e)))?;
    let (width, height) = decoder.dimensions();
    let (height, width) = (height as usize, width as usize);
    if bytes.starts_with(PNG) || bytes.starts_with(&JPEG) {
        check_claim(bytes, file, height, width)?;
    } else {
        check(height, width)?;
    }
    let by = check_whole(bytes, file)?;
    let orientation = decoder.orientation().map_err(bad)?.to_exif();
    let image = match by {
        Decoder::Usual => DynamicImage::from_decoder(decoder).map_err(bad)?,
        Decoder::SeparateScans => decode_separate_scans(bytes)
            .map_err(|e| Error::from(Problem::new(file, format!("cannot be decoded as JPEG: {e}"))))?
            .into(),
    };
    let (channels, alpha, values) = match image {
        DynamicImage::ImageLuma8(image) => (1, false, Values::U8(image.into_raw())),
        DynamicImage::ImageLumaA8(image) => (2, true, Values::U8(image.into_raw())),
        DynamicImage::ImageRgb8(image) => (3, false, Values::U8(image.into_raw())),
        DynamicImage::ImageRgba8(image) => (4, true, Values::U8(image.into_raw())),
        DynamicImage::ImageLuma16(image) => (1, false, Values::U16(image.into_raw())),
        DynamicImage::ImageLumaA16(image) => (2, true, Values::U16(image.into_raw())),
        DynamicImage::ImageRgb16(image) => (3, false, Values::U16(image.into_raw())),
        DynamicImage::ImageRgba16(image) => (4, true, Values::U16(image.into_raw())),
        other => (3, false, Values::F32(other.into_rgb32f().into_raw())),
    };
    Ok(Array { size: [height, width], channels, values, alpha, orientation })
}

/// Whether the file is a JPEG, by its content.
pub(super) fn is_jpeg(file: &Path) -> Result<bool> {
    Ok(read_start(file, JPEG.len() as u64)? == JPEG)
}

/// [`check_claim`] from a PNG's header, since the decoder's own error would not name the size; does nothing for other files.
pub(super) fn check_png_header(bytes: &[u8], file: &Path) -> Result<()> {
    let side = |place: usize| bytes.get(place..place + 4)?.try_into().ok().map(u32::from_be_bytes);
    match (bytes.starts_with(PNG), side(16), side(20)) {
        (true, Some(width), Some(height)) => check_claim(bytes, file, height as usize, width as usize),
        _ => Ok(()),
    }
}

/// Rejects a size that is not supported, or that a file this short cannot encode, before memory is allocated.
fn check_claim(bytes: &[u8], file: &Path, height: usize, width: usize) -> Result<()> {
    check_size(file, height, width)?;
    if height * width > PIXELS_A_BYTE * bytes.len() {
        let length = bytes.len();
        return Problem::err(
            file,
            format!("declares {width}×{height} pixels, too many for its {length} bytes: the file is truncated"),
        );
    }
    Ok(())
}

/// Rejects a size that is not supported.
fn check_size(file: &Path, height: usize, width: usize) -> Result<()> {
    if height > MAX_SIDE || width > MAX_SIDE || height == 0 || width == 0 {
        return Problem::err(file, format!("is {width}×{height} pixels; each side must be from 1 to {MAX_SIDE}"));
    }
    if height * width > MAX_PIXELS {
        return Problem::err(file, format!("is {width}×{height} pixels; the maximum is {MAX_PIXELS} in total"));
    }
    Ok(())
}

pub(super) fn read_bytes(file: &Path) -> Result<Vec<u8>> {
    let bytes = read_start(file, MAX_FILE + 1)?;
    if bytes.len() as u64 > MAX_FILE {
        return Problem::err(file, format!("is larger than {MAX_FILE} bytes, the maximum for an image"));
    }
    Ok(bytes)
}

/// At most the first `limit` bytes of a file.
fn read_start(file: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    read.map_err(|source| Error::Io { file: file.to_path_buf(), action: "read it", source })?;
    Ok(bytes)
}

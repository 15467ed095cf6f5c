//! TIFF: 8, 16 and 32 bits, any number of channels, in one page or one page each.

use std::io::{Cursor, Seek, Write};
use std::path::Path;

use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::encoder::colortype::{self, ColorType as Encoding};
use tiff::encoder::{Compression, DeflateLevel, Predictor, TiffEncoder, TiffValue};
use tiff::tags::{ExtraSamples, Tag};
use tiff::{ColorType, TiffError, TiffResult};

use super::array::{Array, Values, map_values};
use super::pixels::{Image, Samples};
use super::problem::Problem;
use crate::Result;

/// Whether a file starts like a TIFF or BigTIFF, of either byte order.
pub(super) fn is_tiff(bytes: &[u8]) -> bool {
    [b"II*\0", b"II+\0", b"MM\0*", b"MM\0+"].iter().any(|start| bytes.starts_with(*start))
}

/// The orientation of the first page, 1 to 8; 1, upright, if it has none.
pub(super) fn orientation(bytes: &[u8]) -> u8 {
    let decoder = Decoder::new(Cursor::new(bytes)).ok();
    decoder.and_then(|mut decoder| decoder.find_tag_unsigned(Tag::Orientation).ok()?).unwrap_or(1)
}

/// Decodes every page; the channels of several pages are side by side. `check` refuses a size before memory is allocated.
pub(super) fn decode(
    bytes: &[u8],
    file: &Path,
    max_bytes: usize,
    check: impl Fn(usize, usize) -> Result<()>,
) -> Result<Array> {
    let bad = |error: TiffError| Problem::new(file, format!("cannot be decoded as TIFF: {error}"));
    let mut limits = Limits::default();
    limits.decoding_buffer_size = max_bytes;
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(bad)?.with_limits(limits);
    let mut pages = Vec::new();
    let mut total = 0;
    loop {
        let (width, height) = decoder.dimensions().map_err(bad)?;
        check(height as usize, width as usize)?;
        let page = page(&mut decoder, file, [height as usize, width as usize])?;
        total += page.size[0] * page.size[1] * page.channels;
        if total * 4 > max_bytes {
            return Problem::err(file, format!("has more than {max_bytes} bytes of pixels in its pages"));
        }
        pages.push(page);
        if !decoder.more_images() {
            break;
        }
        decoder.next_image().map_err(bad)?;
    }
    let first = pages.remove(0);
    pages.into_iter().try_fold(first, |all, page| join(all, page, file))
}

fn page(decoder: &mut Decoder<Cursor<&[u8]>>, file: &Path, [height, width]: [usize; 2]) -> Result<Array> {
    let bad = |error: TiffError| Problem::new(file, format!("cannot be decoded as TIFF: {error}"));
    let color = decoder.colortype().map_err(bad)?;
    let orientation = decoder.find_tag_unsigned::<u8>(Tag::Orientation).map_err(bad)?.unwrap_or(1);
    let mut decoded = DecodingResult::U8(Vec::new());
    let layout = decoder.read_image_to_buffer(&mut decoded).map_err(bad)?;
    let values = match decoded {
        DecodingResult::U8(values) if color.bit_depth() < 8 => {
            return Problem::err(
                file,
                format!(
                    "has {} bits a value, packed in {} bytes; save it with 8 bits",
                    color.bit_depth(),
                    values.len()
                ),
            );
        }
        DecodingResult::U8(values) => Values::U8(values),
        DecodingResult::U16(values) => Values::U16(values),
        DecodingResult::U32(values) => Values::U32(values),
        DecodingResult::F32(values) => Values::F32(values),
        DecodingResult::F64(values) => Values::F32(values.into_iter().map(|value| value as f32).collect()),
        DecodingResult::F16(values) => Values::F32(values.into_iter().map(|value| value.to_f32()).collect()),
        DecodingResult::I8(values) => Values::integers(&values, f32::from),
        DecodingResult::I16(values) => Values::integers(&values, f32::from),
        DecodingResult::I32(values) => Values::integers(&values, |value| value as f32),
        DecodingResult::I64(values) => Values::integers(&values, |value| value as f32),
        DecodingResult::U64(values) => Values::integers(&values, |value| value as f32),
    };
    let pixels = height * width;
    let count = values.len();
    let channels = count / pixels.max(1);
    if matches!(color, ColorType::CMYK(_) | ColorType::CMYKA(_) | ColorType::YCbCr(_) | ColorType::Lab(_)) {
        return Problem::err(file, format!("has {color:?} pixels; save it as RGB"));
    }
    if channels == 0 || channels * pixels != count {
        return Problem::err(file, format!("has {count} values for {width}×{height} pixels: the file is damaged"));
    }
    let values = match layout.planes {
        0 | 1 => values,
        // Planes of channels.
        _ => map_values!(values, planes => {
            (0..pixels).flat_map(|pixel| planes.iter().skip(pixel).step_by(pixels).copied()).collect()
        }),
    };
    let alpha = matches!(color, ColorType::RGBA(_) | ColorType::GrayA(_));
    Ok(Array { size: [height, width], channels, values, alpha, orientation })
}

/// The channels of two pages, side by side.
fn join(all: Array, page: Array, file: &Path) -> Result<Array> {
    fn mix<T: Copy>(a: &[T], own: usize, b: &[T], more: usize) -> Vec<T> {
        a.chunks_exact(own).zip(b.chunks_exact(more)).flat_map(|(a, b)| a.iter().chain(b).copied()).collect()
    }
    let (own, more) = (all.channels, page.channels);
    let values = match (&all.values, &page.values) {
        _ if all.size != page.size => None,
        (Values::U8(a), Values::U8(b)) => Some(Values::U8(mix(a, own, b, more))),
        (Values::U16(a), Values::U16(b)) => Some(Values::U16(mix(a, own, b, more))),
        (Values::U32(a), Values::U32(b)) => Some(Values::U32(mix(a, own, b, more))),
        (Values::F32(a), Values::F32(b)) => Some(Values::F32(mix(a, own, b, more))),
        _ => None,
    };
    match values {
        Some(values) => Ok(Array { values, channels: own + more, alpha: false, ..all }),
        None => {
            Problem::err(file, "has pages of different sizes or types; its pages must be the channels of one image")
        }
    }
}

/// Writes an image as one page: gray, RGB, or gray with extra channels.
pub(super) fn write(to: impl Write + Seek, image: &Image) -> TiffResult<()> {
    match (image.samples(), image.channels()) {
        (Samples::U8(values), 3) => encode::<colortype::RGB8>(to, image, values),
        (Samples::U16(values), 3) => encode::<colortype::RGB16>(to, image, values),
        (Samples::F32(values), 3) => encode::<colortype::RGB32Float>(to, image, values),
        (Samples::U8(values), _) => encode::<colortype::Gray8>(to, image, values),
        (Samples::U16(values), _) => encode::<colortype::Gray16>(to, image, values),
        (Samples::F32(values), _) => encode::<colortype::Gray32Float>(to, image, values),
    }
}

fn encode<C: Encoding>(to: impl Write + Seek, image: &Image, values: &[C::Inner]) -> TiffResult<()>
where
    [C::Inner]: TiffValue,
{
    let [height, width] = image.size();
    let extra = image.channels() - C::BITS_PER_SAMPLE.len();
    // The encoder predicts a value from the one before it, which with extra channels is of another channel.
    let predictor = if extra > 0 || image.samples().bits() == 32 { Predictor::None } else { Predictor::Horizontal };
    let mut encoder =
        TiffEncoder::new(to)?.with_compression(Compression::Deflate(DeflateLevel::default())).with_predictor(predictor);
    let mut page = encoder.new_image::<C>(width as u32, height as u32)?;
    if extra > 0 {
        page.extra_samples(&vec![ExtraSamples::Unspecified; extra])?;
    }
    page.write_data(values)
}

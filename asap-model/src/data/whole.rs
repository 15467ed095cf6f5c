//! Checks that image files are whole. Decoders read on where a file is damaged, and show gray or shifted pixels.

use std::path::Path;

use image::ImageFormat;

use super::array::SAVE_IDS;
use super::jpeg::{self, Decoder, Defect};
use super::problem::Problem;
use crate::Result;

/// Rejects a JPEG or PNG that is damaged or truncated, or would be decoded wrongly; does nothing for other files. Data after the
/// end of the image, which cameras append, do not matter. Returns which decoder reads it.
pub(super) fn check_whole(bytes: &[u8], file: &Path) -> Result<Decoder> {
    let checked = match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => jpeg::check(bytes),
        Ok(ImageFormat::Png) => check_png(bytes).map(|()| Decoder::Usual).map_err(Defect::Damaged),
        _ => return Ok(Decoder::Usual),
    };
    let name = if bytes.starts_with(b"\x89PNG") { "PNG" } else { "JPEG" };
    match checked {
        Ok(decoder) => Ok(decoder),
        Err(Defect::Damaged(what)) => {
            Problem::err(file, format!("is a damaged {name}: {what}; copy it again from its source"))
        }
        Err(Defect::Unsupported(what)) => Problem::err(
            file,
            format!("is a {name} that stores {what}, which is not supported; save it again, for example with jpegtran"),
        ),
    }
}

/// Rejects ids in a format that changes them.
pub(super) fn check_lossless(bytes: &[u8], file: &Path) -> Result<()> {
    let name = match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => "JPEG",
        // Lossless WebP has a chunk "VP8L".
        Ok(ImageFormat::WebP) if bytes.windows(4).take(200).any(|name| name == b"VP8 ") => "lossy WebP",
        Ok(ImageFormat::Avif) => "AVIF",
        _ => return Ok(()),
    };
    Problem::err(file, format!("is a {name}, whose compression blurs ids; {SAVE_IDS}"))
}

/// Checks that the chunks of a PNG reach to its end; the decoder stops at the last pixel, and checks those before (PNG
/// specification, sections 5.3 and 11.2.5).
fn check_png(bytes: &[u8]) -> std::result::Result<(), String> {
    let mut rest = bytes.get(8..).unwrap_or_default();
    let mut previous = "its signature".to_string();
    loop {
        let Some((&[a, b, c, d, ref kind @ ..], _)) = rest.split_first_chunk::<8>() else {
            return Err(format!("it is truncated after {previous}"));
        };
        let name = format!("chunk {}", kind.escape_ascii());
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let Some(after) = rest.get(length + 12..) else { return Err(format!("it is truncated in {name}")) };
        if kind == b"IEND" {
            let end = b"\0\0\0\0IEND\xae\x42\x60\x82";
            return if rest.starts_with(end) { Ok(()) } else { Err("its end is invalid".into()) };
        }
        (rest, previous) = (after, name);
    }
}

//! Pictures of samples as small as a record of the run can bear.

use std::fs;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageReader};

use crate::data::{Plane, RgbImage, resize_image};
use crate::{Error, Result};

/// JPEG quality.
const QUALITY: u8 = 92;

/// An encoded picture.
#[derive(Clone, Debug)]
pub(super) struct Preview {
    /// `image/png` or `image/jpeg`.
    pub mime: &'static str,
    /// The encoded picture.
    pub bytes: Vec<u8>,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Preview {
    /// A PNG file as it is if it has at most `most` bytes, else its picture as a JPEG, shrunk until it has.
    ///
    /// # Errors
    /// [`Error::Io`] if the file can't be read, [`Error::Data`] if it is no picture.
    pub fn of_file(path: &Path, most: usize) -> Result<Self> {
        let bytes = fs::read(path).map_err(|source| Error::Io { file: path.into(), action: "read it", source })?;
        if bytes.len() > most {
            return Preview::of_image(&read(path)?, most);
        }
        let size = ImageReader::open(path).and_then(|reader| reader.with_guessed_format());
        let size = size.map_err(image::ImageError::IoError).and_then(ImageReader::into_dimensions);
        let (width, height) = size.map_err(|error| fault(path, &error))?;
        Ok(Preview { mime: "image/png", bytes, height: height as usize, width: width as usize })
    }

    /// A picture as a JPEG, shrunk until it has at most `most` bytes.
    ///
    /// # Errors
    /// [`Error::Data`] if it is empty.
    pub fn of_image(image: &RgbImage, most: usize) -> Result<Self> {
        // A JPEG of this quality takes about a byte a pixel at most.
        let mut scale = (2.0 * most as f64 / image.data.len().max(1) as f64).sqrt().min(1.0);
        loop {
            let side = |side: usize| ((side as f64 * scale) as usize).max(1);
            let (height, width) = (side(image.height), side(image.width));
            let small = resize_image(image, height, width);
            let mut bytes = Vec::new();
            JpegEncoder::new_with_quality(&mut bytes, QUALITY)
                .encode(small.data.as_flattened(), width as u32, height as u32, ExtendedColorType::Rgb8)
                .map_err(|error| fault(Path::new("samples"), &error))?;
            if bytes.len() <= most || height * width == 1 {
                return Ok(Preview { mime: "image/jpeg", bytes, height, width });
            }
            scale *= 0.7;
        }
    }
}

/// The picture of a file of our own.
///
/// # Errors
/// As [`Preview::of_file`].
pub(super) fn read(path: &Path) -> Result<RgbImage> {
    let picture = image::open(path).map_err(|error| fault(path, &error))?.into_rgb8();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    Ok(Plane { height, width, data: picture.pixels().map(|pixel| pixel.0).collect() })
}

fn fault(path: &Path, error: &image::ImageError) -> Error {
    Error::Data { file: path.into(), problem: format!("cannot show the picture: {error}") }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::data::write_rgb;

    #[test]
    fn a_small_file_stays_as_it_is_and_a_large_one_is_shrunk_to_fit() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let noise = Plane::from_fn(300, 200, |_, _| [random.random(), random.random(), random.random()]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sheet.png");
        write_rgb(&path, &noise).unwrap();
        let whole = Preview::of_file(&path, 1 << 20).unwrap();
        assert_eq!((whole.mime, whole.height, whole.width), ("image/png", 300, 200));
        assert_eq!(whole.bytes, fs::read(&path).unwrap());
        let small = Preview::of_file(&path, 8000).unwrap();
        assert!(small.bytes.len() <= 8000 && small.mime == "image/jpeg", "{}", small.bytes.len());
        assert!((small.height as f64 / small.width as f64 - 1.5).abs() < 0.05 && small.width > 40);
        fs::write(&path, b"no picture").unwrap();
        let error = Preview::of_file(&path, 1 << 20).unwrap_err().to_string();
        assert!(error.contains("sheet.png: cannot show the picture"), "{error}");
    }
}

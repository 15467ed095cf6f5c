//! Images compressed to a number of bytes.

use std::fs;
use std::path::Path;

use asap_model::data::{Plane, RgbImage, resize_image};
use asap_model::{Error, Result};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

const QUALITY: u8 = 92;

/// An encoded image.
#[derive(Clone, Debug)]
pub struct Preview {
    /// `image/png` or `image/jpeg`.
    pub mime: &'static str,
    pub bytes: Vec<u8>,
    pub height: usize,
    pub width: usize,
}

impl Preview {
    /// A PNG file as it is if it has at most `limit` bytes, else as [`Preview::of_image`].
    pub fn of_file(path: &Path, limit: usize) -> Result<Self> {
        let bytes = fs::read(path).map_err(Error::io(path, "read it"))?;
        let image = read(path)?;
        if bytes.len() > limit {
            return Preview::of_image(&image, limit);
        }
        Ok(Preview { mime: "image/png", bytes, height: image.height, width: image.width })
    }

    /// A PNG if it has at most `limit` bytes, else as [`Preview::of_image`].
    pub fn lossless(image: &RgbImage, limit: usize) -> Result<Self> {
        let (height, width) = (image.height, image.width);
        let mut bytes = Vec::new();
        PngEncoder::new(&mut bytes)
            .write_image(image.data.as_flattened(), width as u32, height as u32, ExtendedColorType::Rgb8)
            .map_err(|error| fault(Path::new("samples"), &error))?;
        if bytes.len() > limit {
            return Preview::of_image(image, limit);
        }
        Ok(Preview { mime: "image/png", bytes, height, width })
    }

    /// A JPEG, reduced until it has at most `limit` bytes.
    pub fn of_image(image: &RgbImage, limit: usize) -> Result<Self> {
        // A JPEG of this quality takes at most about a byte a pixel.
        let mut scale = (2.0 * limit as f64 / image.data.len().max(1) as f64).sqrt().min(1.0);
        loop {
            let side = |side: usize| ((side as f64 * scale) as usize).max(1);
            let (height, width) = (side(image.height), side(image.width));
            let small = resize_image(image, height, width);
            let mut bytes = Vec::new();
            JpegEncoder::new_with_quality(&mut bytes, QUALITY)
                .encode(small.data.as_flattened(), width as u32, height as u32, ExtendedColorType::Rgb8)
                .map_err(|error| fault(Path::new("samples"), &error))?;
            if bytes.len() <= limit || height * width == 1 {
                return Ok(Preview { mime: "image/jpeg", bytes, height, width });
            }
            scale *= 0.7;
        }
    }
}

/// An image of ours, which may be larger than `data::MAX_SIDE`.
pub fn read(path: &Path) -> Result<RgbImage> {
    let image = image::open(path).map_err(|error| fault(path, &error))?.into_rgb8();
    let (width, height) = (image.width() as usize, image.height() as usize);
    Ok(Plane { height, width, data: image.pixels().map(|pixel| pixel.0).collect() })
}

fn fault(path: &Path, error: &image::ImageError) -> Error {
    Error::Data { file: path.into(), problem: format!("cannot show the image: {error}") }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use asap_model::data::write_rgb;

    #[test]
    fn large_files_are_reduced() {
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
        fs::write(&path, b"no image").unwrap();
        let error = Preview::of_file(&path, 1 << 20).unwrap_err().to_string();
        assert!(error.contains("sheet.png: cannot show the image"), "{error}");
    }
}

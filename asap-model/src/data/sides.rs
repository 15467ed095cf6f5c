//! What the pixels of A and B say about which one is the label map.

use std::path::Path;

use image::ImageReader;

use super::array::ReadOptions;
use super::decode::{label_ids_of, read_bytes, read_image, read_photo};
use super::plane::RgbImage;

/// Minimum flatness of a label map.
const FLAT: f64 = 0.5;

/// How much flatter a label map is than its photo, at the least.
const MARGIN: f64 = 0.1;

/// The share of pixels that equal their right neighbor: near 1 in label maps, also those that JPEG has compressed.
pub(super) fn flatness(image: &RgbImage) -> f64 {
    let pairs = image.data.chunks_exact(image.width.max(1)).flat_map(|row| row.windows(2));
    let (equal, all) = pairs.fold((0, 0), |(equal, all), pair| (equal + usize::from(pair[0] == pair[1]), all + 1));
    equal as f64 / f64::from(all.max(1))
}

/// Whether B is a label map, and A is none, by the flatness of both.
pub(super) fn is_label_map(b: f64, a: f64) -> bool {
    b >= FLAT && b > a + MARGIN
}

/// The flatness of the left and right half of an image; `None` if it can't be read.
pub(super) fn flatness_of_halves(file: &Path) -> Option<[f64; 2]> {
    let image = read_photo(file).ok()?;
    let width = image.width / 2;
    Some([0, width].map(|left| flatness(&image.crop(left, 0, image.height, width))))
}

/// The flatness of an image; `None` if it can't be read.
pub(super) fn flatness_of(file: &Path) -> Option<f64> {
    read_photo(file).ok().map(|image| flatness(&image))
}

/// Whether a file has the raw values of a label map: one channel, and flat where it is used.
pub(super) fn has_ids(file: &Path, flatness: Option<f64>) -> bool {
    flatness.is_some_and(|flatness| flatness >= FLAT)
        && read_bytes(file).and_then(|bytes| label_ids_of(&bytes, file)).is_ok()
}

/// Whether an image is gray with more than 8 bits, as no photo or label map is.
pub(super) fn is_deep(file: &Path) -> bool {
    read_image(file, &ReadOptions::ANY).is_ok_and(|image| image.channels() == 1 && image.samples().bits() > 8)
}

/// Whether an image is twice as wide as high, as two square images side by side.
pub(super) fn is_twice_as_wide(file: &Path) -> bool {
    let reader = ImageReader::open(file).and_then(ImageReader::with_guessed_format);
    let size = reader.ok().and_then(|reader| reader.into_dimensions().ok());
    size.is_some_and(|(width, height)| width == 2 * height)
}

//! What the pixels of A and B say about which one is the label map.

use std::path::{Path, PathBuf};

use image::ImageReader;

use super::array::ReadOptions;
use super::decode::{label_ids_of, read_bytes, read_image, read_photo};
use super::plane::RgbImage;

/// Minimum share of equal neighbors in a label map that is not compressed.
const FLAT: f64 = 0.75;

/// Shares of pixels that equal their right neighbor, and that are close to it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flatness {
    equal: f64,
    close: f64,
}

impl Flatness {
    fn of(image: &RgbImage) -> Flatness {
        let mut counts = [0usize; 3];
        for pair in image.data.chunks_exact(image.width.max(1)).flat_map(|row| row.windows(2)) {
            let distance = pair[0].iter().zip(pair[1]).map(|(a, b)| a.abs_diff(b)).max().unwrap_or(0);
            counts = [counts[0] + usize::from(distance == 0), counts[1] + usize::from(distance <= 2), counts[2] + 1];
        }
        let share = |count: usize| count as f64 / counts[2].max(1) as f64;
        Flatness { equal: share(counts[0]), close: share(counts[1]) }
    }

    /// The mean of several images.
    pub fn mean(all: &[Flatness]) -> Flatness {
        let mean = |of: fn(&Flatness) -> f64| all.iter().map(of).sum::<f64>() / all.len().max(1) as f64;
        Flatness { equal: mean(|one| one.equal), close: mean(|one| one.close) }
    }

    /// Whether this is a label map and `other` is none. JPEG leaves few neighbors of a label map equal, but more of them, and
    /// more of them close, than in a photo.
    pub fn is_label_map_beside(self, other: Flatness) -> bool {
        let is_exact = self.equal > other.equal + 0.3;
        is_exact || (self.close > other.close + 0.1 && self.equal > 1.5 * other.equal)
    }
}

/// The flatness of the left and right half of an image; `None` if it can't be read.
pub(super) fn flatness_of_halves(file: &Path) -> Option<[Flatness; 2]> {
    let image = read_photo(file).ok()?;
    let width = image.width / 2;
    Some([0, width].map(|left| Flatness::of(&image.crop(left, 0, image.height, width))))
}

/// The flatness of an image; `None` if it can't be read.
pub(super) fn flatness_of(file: &Path) -> Option<Flatness> {
    read_photo(file).ok().map(|image| Flatness::of(&image))
}

/// Whether a file has the raw values of a label map: one channel, and flat where it is used.
pub(super) fn has_ids(file: &Path, flatness: Option<Flatness>) -> bool {
    flatness.is_some_and(|flatness| flatness.equal >= FLAT)
        && read_bytes(file).and_then(|bytes| label_ids_of(&bytes, file)).is_ok()
}

/// Whether an image is gray with more than 8 bits, as no photo or label map is.
pub(super) fn is_deep(file: &Path) -> bool {
    read_image(file, &ReadOptions::ANY).is_ok_and(|image| image.channels() == 1 && image.samples().bits() > 8)
}

/// Number of images that are looked at.
const LOOKED_AT: usize = 4;

/// Whether images are pairs side by side: twice as wide as high, as two square ones, or each with a label map in the same half.
pub(super) fn are_side_by_side(files: &[PathBuf]) -> bool {
    let files = &files[..files.len().min(LOOKED_AT)];
    let half_with_labels = |file: &PathBuf| {
        let [left, right] = flatness_of_halves(file)?;
        [(left, right), (right, left)].iter().position(|(one, other)| one.is_label_map_beside(*other))
    };
    files.first().is_some_and(|first| {
        let found = || half_with_labels(first);
        is_twice_as_wide(first)
            || found().is_some_and(|half| files.iter().all(|file| half_with_labels(file) == Some(half)))
    })
}

fn is_twice_as_wide(file: &Path) -> bool {
    let reader = ImageReader::open(file).and_then(ImageReader::with_guessed_format);
    let size = reader.ok().and_then(|reader| reader.into_dimensions().ok());
    size.is_some_and(|(width, height)| width == 2 * height)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shares measured on facades, side by side in JPEGs, and on pictures of nuclei with their masks.
    #[test]
    fn label_maps_are_flatter_than_photos() {
        let [photo, labels] = [(0.04, 0.25), (0.16, 0.51)].map(|(equal, close)| Flatness { equal, close });
        let [nuclei, mask] = [(0.45, 0.88), (0.98, 0.98)].map(|(equal, close)| Flatness { equal, close });
        let other = Flatness { equal: 0.05, close: 0.4 };
        assert!(labels.is_label_map_beside(photo) && mask.is_label_map_beside(nuclei));
        assert!(!photo.is_label_map_beside(labels) && !nuclei.is_label_map_beside(mask));
        assert!(!other.is_label_map_beside(photo) && !photo.is_label_map_beside(other));
    }
}

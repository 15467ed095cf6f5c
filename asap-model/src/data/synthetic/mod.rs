//! Synthetic images: facades as label maps with matching photos, and scenes with depth maps. With them, the program
//! trains and is tested without a download.
//!
//! | file | holds |
//! |---|---|
//! | `classes` | ids and colors of the CMP facade database |
//! | `street`, `house` | the layout of a facade |
//! | `shape` | a shape: outline, class, material, height above the wall |
//! | `material` | what each material looks like at a point |
//! | `render` | shapes to pixels, light and shadow |
//! | [`scene`](mod@scene) | color images with the depth of every pixel |
//! | `noise` | random choices and patterns in exact arithmetic |
//! | `write` | a dataset of either kind on disk |

mod classes;
mod house;
mod material;
mod noise;
mod render;
pub mod scene;
mod shape;
mod street;
mod write;

pub use classes::{CLASSES, PALETTE};
pub use scene::{Scene, scene};
pub use write::{Kind, Written, write};

use super::{LabelMap, Plane, RgbImage};
use noise::Dice;

/// A label map and its photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facade {
    /// Class ids, 1 to 12.
    pub labels: LabelMap,
    /// The photo.
    pub image: RgbImage,
}

/// Facade number `index` of `seed`.
///
/// A pure function of its arguments, with the same bytes on every machine. The layout depends on `seed`, `index` and
/// width / height alone: it is the same at any size.
pub fn facade(seed: u64, index: u64, height: usize, width: usize) -> Facade {
    if height == 0 || width == 0 {
        return Facade {
            labels: Plane::from_fn(height, width, |_, _| 0),
            image: Plane::from_fn(height, width, |_, _| [0; 3]),
        };
    }
    let mut dice = Dice::new(seed, index);
    let grain = dice.key();
    let shapes = street::street(&mut dice, width as f32 / height as f32);
    let (labels, image) = render::render(&shapes, grain, height, width);
    Facade { labels, image }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fnv1a64(bytes: impl Iterator<Item = u8>) -> u64 {
        bytes.fold(0xCBF2_9CE4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01B3))
    }

    // On every machine; six images contain every kind of house.
    #[test]
    fn bytes_are_fixed() {
        let facades: Vec<Facade> = (0..6).map(|index| facade(7, index, 96, 128)).collect();
        let labels = facades.iter().flat_map(|facade| facade.labels.data.iter().copied());
        assert_eq!(fnv1a64(labels), 0x682D_7769_853A_D8CE, "labels");
        let photos = facades.iter().flat_map(|facade| facade.image.data.as_flattened().iter().copied());
        assert_eq!(fnv1a64(photos), 0x6C44_E04D_F4D7_9990, "photos");

        let scenes: Vec<Scene> = (0..6).map(|index| scene(7, index, 72, 96)).collect();
        let images = scenes.iter().flat_map(|scene| scene.image.data.as_flattened().iter().copied());
        assert_eq!(fnv1a64(images), 489_468_359_670_875_738, "images");
        let depths = scenes.iter().flat_map(|scene| scene.depth.data.iter().flat_map(|level| level.to_le_bytes()));
        assert_eq!(fnv1a64(depths), 16_285_522_802_151_718_128, "depths");
    }

    #[test]
    fn images_depend_on_seed_and_index() {
        let at = |seed, index| (facade(seed, index, 32, 32).labels, scene(seed, index, 32, 32).depth);
        let (labels, depth) = at(1, 1);
        assert_eq!(at(1, 1), (labels.clone(), depth.clone()));
        for (seed, index) in [(1, 2), (2, 1)] {
            let other = at(seed, index);
            assert!(labels != other.0 && depth != other.1, "seed {seed}, index {index}");
        }
    }

    #[test]
    fn every_class_occurs_in_64_facades() {
        let mut pixels = [0usize; 256];
        for index in 0..64 {
            for id in facade(0, index, 128, 128).labels.data {
                pixels[id as usize] += 1;
            }
        }
        for (id, &count) in pixels.iter().enumerate() {
            assert_eq!(count > 0, (1..CLASSES).contains(&id), "id {id} occurs {count} times");
        }
    }

    #[test]
    fn layout_does_not_depend_on_size() {
        for index in 0..8 {
            let require = |what: &str, same: usize, pixels: usize| {
                assert!(same * 100 > 90 * pixels, "{what} {index}: {same} of {pixels} pixels agree");
            };
            let (small, large) = (facade(3, index, 128, 128).labels, facade(3, index, 512, 512).labels);
            let same = |p: &usize| small.data[*p] == large.at(4 * (p % 128) + 2, 4 * (p / 128) + 2);
            require("facade", (0..128 * 128).filter(same).count(), 128 * 128);

            let (small, large) = (scene(3, index, 64, 64).depth, scene(3, index, 192, 192).depth);
            let near = |a: u16, b: u16| a == b || a.abs_diff(b) < a.max(b) / 10;
            let same = |p: &usize| near(small.data[*p], large.at(3 * (p % 64) + 1, 3 * (p / 64) + 1));
            require("scene", (0..64 * 64).filter(same).count(), 64 * 64);
        }
    }

    #[test]
    fn photo_matches_labels() {
        // Brightness, mean over 16 images: glass is darker than the stone around it, the sky brighter than a shop.
        let mut sum = [0u64; CLASSES];
        let mut count = [0u64; CLASSES];
        for index in 0..16 {
            let facade = facade(0, index, 128, 128);
            for (&id, rgb) in facade.labels.data.iter().zip(&facade.image.data) {
                sum[id as usize] += rgb.iter().map(|&c| u64::from(c)).sum::<u64>();
                count[id as usize] += 3;
            }
        }
        let mean = |id: u8| sum[id as usize] / count[id as usize].max(1);
        use classes::*;
        assert!(mean(WINDOW) + 40 < mean(MOLDING), "window {}, molding {}", mean(WINDOW), mean(MOLDING));
        assert!(mean(SHOP) + 40 < mean(BACKGROUND), "shop {}, background {}", mean(SHOP), mean(BACKGROUND));
    }

    #[test]
    fn any_size_works() {
        for (height, width) in [(0, 5), (5, 0), (1, 1), (1, 300), (300, 1), (17, 2), (40, 90)] {
            let (facade, scene) = (facade(5, 5, height, width), scene(5, 5, height, width));
            assert_eq!((facade.labels.data.len(), facade.image.data.len()), (height * width, height * width));
            assert!(facade.labels.data.iter().all(|id| (1..CLASSES as u8).contains(id)));
            assert_eq!((scene.image.data.len(), scene.depth.data.len()), (height * width, height * width));
        }
    }
}

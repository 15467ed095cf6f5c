//! Synthetic pictures: facades of houses that never stood anywhere, as label maps and matching "photos", and scenes with
//! their depths, so that the program can train, test and be shown without a download.
//!
//! | file | holds |
//! |---|---|
//! | `classes` | ids, names and colours of the CMP facade database |
//! | `street`, `house` | the layout: which shapes stand where |
//! | `shape` | a shape: outline, class, material, height above the wall |
//! | `material` | what each material looks like at a point |
//! | `render` | shapes to pixels, light and shadow |
//! | [`scene`](mod@scene) | colour pictures with the depth of every pixel |
//! | `noise` | random choices and patterns in exact arithmetic |
//! | `write` | a data set of either on disk |

mod classes;
mod house;
mod material;
mod noise;
mod render;
pub mod scene;
mod shape;
mod street;
mod write;

pub use classes::{CLASS_NAMES, CLASSES, PALETTE};
pub use scene::{Scene, scene};
pub use write::{Kind, Written, write};

use noise::Dice;

/// A label map and its photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facade {
    /// Class ids, 1 to 12, row by row: (height, width).
    pub labels: Vec<u8>,
    /// The photo, RGB interleaved: (height, width, 3).
    pub image: Vec<u8>,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// Facade number `index` of the street named by `seed`.
///
/// A pure function of its arguments, with the same bytes on every machine. The layout depends on `seed`, `index` and
/// width / height alone: the same houses stand there at any size. An empty picture (height or width 0) is returned
/// for an empty size.
pub fn facade(seed: u64, index: u64, height: usize, width: usize) -> Facade {
    if height == 0 || width == 0 {
        return Facade { labels: Vec::new(), image: Vec::new(), height, width };
    }
    let mut dice = Dice::new(seed, index);
    let grain = dice.key();
    let shapes = street::street(&mut dice, width as f32 / height as f32);
    let (labels, image) = render::render(&shapes, grain, height, width);
    Facade { labels, image, height, width }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fnv1a64(bytes: &[u8]) -> u64 {
        bytes.iter().fold(0xCBF2_9CE4_8422_2325, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01B3))
    }

    #[test]
    fn a_facade_has_the_same_bytes_on_every_machine() {
        // Six pictures together hold all kinds of houses.
        let (mut labels, mut photos) = (Vec::new(), Vec::new());
        for index in 0..6 {
            let facade = facade(7, index, 96, 128);
            labels.extend(facade.labels);
            photos.extend(facade.image);
        }
        assert_eq!((labels.len(), photos.len()), (6 * 96 * 128, 6 * 96 * 128 * 3));
        assert_eq!(fnv1a64(&labels), 0x682D_7769_853A_D8CE, "labels");
        assert_eq!(fnv1a64(&photos), 0x6C44_E04D_F4D7_9990, "photos");
    }

    #[test]
    fn seed_and_index_each_change_the_picture() {
        let one = facade(1, 1, 32, 32);
        assert_eq!(one, facade(1, 1, 32, 32));
        assert_ne!(one.labels, facade(1, 2, 32, 32).labels);
        assert_ne!(one.labels, facade(2, 1, 32, 32).labels);
    }

    #[test]
    fn the_first_64_facades_show_every_class_and_no_id_but_1_to_12() {
        let mut pixels = [0usize; 256];
        for index in 0..64 {
            for id in facade(0, index, 128, 128).labels {
                pixels[id as usize] += 1;
            }
        }
        for (id, &count) in pixels.iter().enumerate() {
            assert_eq!(count > 0, (1..CLASSES).contains(&id), "id {id} occurs {count} times");
        }
    }

    #[test]
    fn the_same_houses_stand_there_at_any_size() {
        for index in 0..8 {
            let (small, large) = (facade(3, index, 128, 128), facade(3, index, 512, 512));
            let at = |y: usize, x: usize| large.labels[(4 * y + 2) * 512 + 4 * x + 2];
            let same = (0..128 * 128).filter(|&p| small.labels[p] == at(p / 128, p % 128)).count();
            assert!(same * 100 > 90 * 128 * 128, "facade {index}: {same} of {} pixels agree", 128 * 128);
        }
    }

    #[test]
    fn the_photo_shows_what_the_labels_say() {
        // Brightness, mean over 16 pictures: glass is darker than the stone around it, the sky brighter than a shop.
        let mut sum = [0u64; CLASSES];
        let mut count = [0u64; CLASSES];
        for index in 0..16 {
            let facade = facade(0, index, 128, 128);
            for (&id, rgb) in facade.labels.iter().zip(facade.image.chunks_exact(3)) {
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
    fn any_size_is_drawn() {
        for (height, width) in [(0, 5), (5, 0), (1, 1), (1, 300), (300, 1), (17, 2), (40, 90)] {
            let facade = facade(5, 5, height, width);
            assert_eq!(facade.labels.len(), height * width);
            assert_eq!(facade.image.len(), height * width * 3);
            assert!(facade.labels.iter().all(|id| (1..CLASSES as u8).contains(id)));
        }
    }
}

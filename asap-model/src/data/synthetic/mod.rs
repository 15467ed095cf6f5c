//! Synthetic facades: label maps and matching "photos" of houses that never stood anywhere, so that the program can train, test and be shown
//! without a download.
//!
//! | file | holds |
//! |---|---|
//! | `classes` | ids, names and colours of the CMP facade database |
//! | `street`, `house` | the layout: which shapes stand where |
//! | `shape` | a shape: outline, class, material, height above the wall |
//! | `material` | what each material looks like at a point |
//! | `render` | shapes to pixels, light and shadow |
//! | `noise` | random choices and patterns in exact arithmetic |
//! | `write` | a data set of them on disk |

mod classes;
mod house;
mod material;
mod noise;
mod render;
mod shape;
mod street;
mod write;

pub use classes::{CLASS_NAMES, CLASSES, PALETTE};
pub use write::{Written, write};

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
/// A pure function of its arguments, with the same bytes on every machine. The layout depends on `seed`, `index` and width / height alone: the
/// same houses stand there at any size. An empty picture (height or width 0) is returned for an empty size.
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

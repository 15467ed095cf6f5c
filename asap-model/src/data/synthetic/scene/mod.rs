//! Synthetic scenes: color images of courtyards, with the true depth of every pixel.
//!
//! | file | holds |
//! |---|---|
//! | `layout` | the objects of a scene, sun and camera |
//! | `object` | shapes, and where a ray hits them |
//! | `surface` | what a point looks like before light |
//! | `render` | camera, sun, shadows, haze; the pixels that a depth sensor misses |
//!
//! An image has the depth cues of a photo: slabs of one meter on the ground, the horizon, doors, windows, bricks and
//! balls of known size, shading, shadows, and haze that grows with distance.

mod layout;
mod object;
mod render;
mod surface;

pub use render::{FARTHEST_METERS, LEVELS_PER_METER, NOT_MEASURED};

use super::noise::Dice;
use crate::data::{Plane, RgbImage};

/// A color image and its depth map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    /// The image.
    pub image: RgbImage,
    /// Depth along the camera's axis in [`LEVELS_PER_METER`], or [`NOT_MEASURED`].
    pub depth: Plane<u16>,
}

/// Scene number `index` of `seed`.
///
/// A pure function of its arguments, with the same bytes on every machine. The layout depends on `seed`, `index` and
/// width / height alone: it is the same at any size.
pub fn scene(seed: u64, index: u64, height: usize, width: usize) -> Scene {
    let mut dice = Dice::new(seed, index);
    let keys = [dice.key(), dice.key()];
    let world = layout::World::new(&mut dice, width as f32 / height as f32);
    let (image, depth) = render::render(&world, keys, height, width);
    Scene { image, depth }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depths_fill_their_range_and_some_pixels_are_not_measured() {
        let mut measured = Vec::new();
        let mut all = 0;
        for index in 0..32 {
            let levels = scene(0, index, 64, 64).depth.data;
            let holes = levels.iter().filter(|&&level| level == NOT_MEASURED).count();
            assert!((1..64 * 64 * 3 / 4).contains(&holes), "scene {index} has {holes} holes");
            all += levels.len();
            measured.extend(levels.into_iter().filter(|&level| level != NOT_MEASURED));
        }
        measured.sort();
        let farthest = (FARTHEST_METERS * LEVELS_PER_METER) as u16;
        let share = measured.len() as f64 / all as f64;
        assert!((0.4..0.85).contains(&share), "{share} of all pixels are measured");
        let [near, middle, far] = [20, 2, 1].map(|part| measured[measured.len() / part - 1]);
        assert!(near < 4000 && (4000..12000).contains(&middle), "{near} {middle}");
        assert!(far <= farthest && far > farthest - 1000, "{far}");
    }
}

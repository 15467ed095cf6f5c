//! Synthetic scenes: colour pictures of courts that never were, with the true depth of every pixel.
//!
//! | file | holds |
//! |---|---|
//! | `layout` | what stands where |
//! | `solid` | forms, and where a ray meets them |
//! | `surface` | what a point looks like before light |
//! | `render` | camera, sun, shadows, haze; what a sensor of depth does not see |
//!
//! A picture tells depth in all the ways that photos do: slabs of one metre on the ground, the horizon, doors, windows,
//! bricks and balls of known size, shading, shadows, and haze that grows with distance.

mod layout;
mod render;
mod solid;
mod surface;

pub use render::{FARTHEST_METERS, LEVELS_PER_METER, NOT_MEASURED};

use super::noise::Dice;

/// A colour picture and its depth map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    /// The picture, RGB: (height, width).
    pub image: Vec<[u8; 3]>,
    /// Depth along the camera's axis in [`LEVELS_PER_METER`], or [`NOT_MEASURED`]: (height, width).
    pub depth: Vec<u16>,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// Scene number `index` of the place named by `seed`.
///
/// A pure function of its arguments, with the same bytes on every machine. What stands where depends on `seed`, `index`
/// and width / height alone: the same things stand there at any size. An empty picture is returned for an empty size.
pub fn scene(seed: u64, index: u64, height: usize, width: usize) -> Scene {
    if height == 0 || width == 0 {
        return Scene { image: Vec::new(), depth: Vec::new(), height, width };
    }
    let mut dice = Dice::new(seed, index);
    let keys = [dice.key(), dice.key()];
    let place = layout::Place::new(&mut dice, width as f32 / height as f32);
    let (image, depth) = render::render(&place, keys, height, width);
    Scene { image, depth, height, width }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fnv1a64(bytes: impl Iterator<Item = u8>) -> u64 {
        bytes.fold(0xCBF2_9CE4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01B3))
    }

    #[test]
    fn a_scene_has_the_same_bytes_on_every_machine() {
        let scenes: Vec<Scene> = (0..6).map(|index| scene(7, index, 72, 96)).collect();
        let image = scenes.iter().flat_map(|scene| scene.image.as_flattened().iter().copied());
        assert_eq!(fnv1a64(image), 489_468_359_670_875_738, "pictures");
        let depth = scenes.iter().flat_map(|scene| scene.depth.iter().flat_map(|level| level.to_le_bytes()));
        assert_eq!(fnv1a64(depth), 16_285_522_802_151_718_128, "depths");
    }

    #[test]
    fn seed_and_index_each_change_the_picture() {
        let one = scene(1, 1, 32, 32);
        assert_eq!(one, scene(1, 1, 32, 32));
        assert_ne!(one.depth, scene(1, 2, 32, 32).depth);
        assert_ne!(one.depth, scene(2, 1, 32, 32).depth);
    }

    #[test]
    fn depths_fill_their_range_and_some_pixels_are_not_measured() {
        let mut measured = Vec::new();
        let mut all = 0;
        for index in 0..32 {
            let scene = scene(0, index, 64, 64);
            let holes = scene.depth.iter().filter(|&&level| level == NOT_MEASURED).count();
            assert!((1..64 * 64 * 3 / 4).contains(&holes), "scene {index} has {holes} holes");
            all += scene.depth.len();
            measured.extend(scene.depth.into_iter().filter(|&level| level != NOT_MEASURED));
        }
        measured.sort();
        let farthest = (FARTHEST_METERS * LEVELS_PER_METER) as u16;
        let share = measured.len() as f64 / all as f64;
        assert!((0.4..0.85).contains(&share), "{share} of all pixels are measured");
        let [near, middle, far] = [20, 2, 1].map(|part| measured[measured.len() / part - 1]);
        assert!(near < 4000 && (4000..12000).contains(&middle), "{near} {middle}");
        assert!(far <= farthest && far > farthest - 1000, "{far}");
    }

    #[test]
    fn the_same_things_stand_there_at_any_size() {
        for index in 0..8 {
            let (small, large) = (scene(3, index, 64, 64), scene(3, index, 192, 192));
            let near = |a: u16, b: u16| a == b || a.abs_diff(b) < a.max(b) / 10;
            let at = |pixel: usize| large.depth[(3 * (pixel / 64) + 1) * 192 + 3 * (pixel % 64) + 1];
            let same = (0..64 * 64).filter(|&pixel| near(small.depth[pixel], at(pixel))).count();
            assert!(same * 100 > 90 * 64 * 64, "scene {index}: {same} of {} pixels agree", 64 * 64);
        }
    }

    #[test]
    fn any_size_is_drawn() {
        for (height, width) in [(0, 5), (5, 0), (1, 1), (1, 70), (70, 1), (17, 2), (40, 90)] {
            let scene = scene(5, 5, height, width);
            assert_eq!((scene.image.len(), scene.depth.len()), (height * width, height * width));
        }
    }
}

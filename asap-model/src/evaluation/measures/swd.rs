//! Sliced Wasserstein distance between the patches of two sets of pictures.

use asap_tensor::random::uniform_by_name;
use rayon::prelude::*;

use super::channel;
use super::pyramid::{Channel, laplacian, level_sizes};
use crate::data::RgbImage;
use crate::{Error, Result};

/// Height and width of a patch.
pub const PATCH_SIDE: usize = 7;

/// Patches that are cut from each level of a picture, unless there are very many pictures.
pub const PATCHES_A_PICTURE: usize = 128;

/// The most patches of a level: their memory is bounded whatever the number of pictures (77 MB a level).
const MOST_PATCHES: usize = 1 << 17;

/// Numbers of a patch: three channels.
const NUMBERS: usize = 3 * PATCH_SIDE * PATCH_SIDE;

/// Directions that patches are projected on.
const DIRECTIONS: usize = 512;

/// What distances are multiplied by, as they are published.
const SCALE: f64 = 1e3;

/// Patches of 7×7 pixels from every level of the Laplacian pyramids of a set of pictures (Karras, Aila, Laine, Lehtinen
/// 2018, section 5). Where they are cut depends on the seed, the level and a picture's place alone, so that a set is at
/// distance 0 from itself.
#[derive(Clone, Debug)]
pub struct Patches {
    seed: u64,
    size: [usize; 2],
    each: usize,
    pictures: usize,
    /// For each level, patches of [`NUMBERS`] numbers (C, 7, 7), one after the other.
    levels: Vec<Vec<f32>>,
}

/// The distance at one level of the pyramids.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LevelDistance {
    /// Height and width of the level.
    pub size: [usize; 2],
    /// The distance, times 1000.
    pub distance: f64,
}

impl Patches {
    /// No patches yet, of `pictures` pictures of `size` = [height, width]: 128 a picture and level, fewer where they
    /// would be more than 131072 a level.
    ///
    /// # Errors
    /// If a picture is smaller than a patch.
    pub fn new(seed: u64, size: [usize; 2], pictures: usize) -> Result<Self> {
        if size[0].min(size[1]) < PATCH_SIDE {
            let why = format!("a picture of {}×{} pixels has no patch of {PATCH_SIDE}×{PATCH_SIDE}", size[1], size[0]);
            return Err(Error::Tensor(asap_tensor::Error::Argument { op: "swd", why }));
        }
        let each = (MOST_PATCHES / pictures.max(1)).clamp(1, PATCHES_A_PICTURE);
        Ok(Patches { seed, size, each, pictures: 0, levels: vec![Vec::new(); level_sizes(size).len()] })
    }

    /// Cuts the patches of the next picture.
    ///
    /// # Errors
    /// If it has another size.
    pub fn add(&mut self, picture: &RgbImage) -> Result<()> {
        super::require_equal_sizes("swd", self.size, [picture.height, picture.width])?;
        let pyramids = [0, 1, 2].map(|c| {
            let data = channel(picture, c);
            laplacian(Channel { height: picture.height, width: picture.width, data })
        });
        for (level, patches) in self.levels.iter_mut().enumerate() {
            let name = format!("swd.{}.patch.{level}.{}", self.seed, self.pictures);
            let draws = uniform_by_name(&name, 2 * self.each);
            let Channel { height, width, .. } = pyramids[0][level];
            for draw in draws.as_chunks::<2>().0 {
                let (top, left) = (place(draw[0], height), place(draw[1], width));
                for pyramid in &pyramids {
                    for row in top..top + PATCH_SIDE {
                        let row = &pyramid[level].data[row * width + left..][..PATCH_SIDE];
                        patches.extend(row.iter().map(|&x| x as f32));
                    }
                }
            }
        }
        self.pictures += 1;
        Ok(())
    }

    /// The distance between two sets at each level, the finest first: their patches' channels are each brought to mean
    /// 0 and deviation 1 over the set, projected on 512 directions, and the Wasserstein distances of these projections
    /// averaged.
    ///
    /// # Errors
    /// If the sets' pictures have different sizes, or a set is empty.
    pub fn distances(&self, other: &Patches) -> Result<Vec<LevelDistance>> {
        super::require_equal_sizes("swd", self.size, other.size)?;
        if self.pictures == 0 || other.pictures == 0 {
            let why = "a set without pictures has no distance".into();
            return Err(Error::Tensor(asap_tensor::Error::Argument { op: "swd", why }));
        }
        let sizes = level_sizes(self.size).into_iter().enumerate();
        let of_level = |(level, size): (usize, [usize; 2])| {
            let distance = slices(&self.levels[level], &other.levels[level], &directions(self.seed, level));
            LevelDistance { size, distance: SCALE * distance }
        };
        Ok(sizes.map(of_level).collect())
    }
}

/// The mean over directions of the Wasserstein distances between two sets of patches, each normalised and projected.
fn slices(a: &[f32], b: &[f32], directions: &[[f64; NUMBERS]]) -> f64 {
    let (a, b) = (normalised(a), normalised(b));
    // Collected first, so that the sum is the same with any number of threads.
    let distance = |direction: &[f64; NUMBERS]| wasserstein(projected(&a, direction), projected(&b, direction));
    let slices: Vec<f64> = directions.par_iter().map(distance).collect();
    slices.iter().sum::<f64>() / slices.len() as f64
}

/// The first row or column of a patch, from a number in [−1, 1).
fn place(draw: f32, side: usize) -> usize {
    ((f64::from(draw) + 1.0) / 2.0 * (side - PATCH_SIDE + 1) as f64) as usize
}

/// Each channel with mean 0 and deviation 1 over all patches; one without deviation only with mean 0.
fn normalised(patches: &[f32]) -> Vec<f32> {
    let mut numbers = patches.to_vec();
    let plane = PATCH_SIDE * PATCH_SIDE;
    for c in 0..3 {
        let values =
            || patches.chunks_exact(NUMBERS).flat_map(|patch| &patch[c * plane..][..plane]).map(|&x| f64::from(x));
        let count = (patches.len() / 3) as f64;
        let mean = values().sum::<f64>() / count;
        let deviation = (values().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
        let deviation = if deviation > 0.0 { deviation } else { 1.0 };
        for patch in numbers.chunks_exact_mut(NUMBERS) {
            patch[c * plane..][..plane].iter_mut().for_each(|x| *x = ((f64::from(*x) - mean) / deviation) as f32);
        }
    }
    numbers
}

/// Directions of length 1, equally likely all around: normal numbers by Box and Muller's transform, divided by their
/// length.
fn directions(seed: u64, level: usize) -> Vec<[f64; NUMBERS]> {
    let draws = uniform_by_name(&format!("swd.{seed}.direction.{level}"), 2 * NUMBERS * DIRECTIONS);
    let draws = draws.as_chunks::<2>().0;
    let normal = |[u, v]: [f32; 2]| {
        let radius = (-2.0 * ((1.0 - f64::from(u)) / 2.0).ln()).sqrt();
        radius * (std::f64::consts::PI * f64::from(v)).cos()
    };
    draws
        .as_chunks::<NUMBERS>()
        .0
        .iter()
        .map(|draws| {
            let direction = draws.map(normal);
            let length = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
            direction.map(|x| x / length)
        })
        .collect()
}

fn projected(patches: &[f32], direction: &[f64; NUMBERS]) -> Vec<f64> {
    let patches = patches.as_chunks::<NUMBERS>().0.iter();
    patches.map(|patch| patch.iter().zip(direction).map(|(&x, d)| f64::from(x) * d).sum()).collect()
}

/// The Wasserstein distance of order 1 between two samples of numbers: the mean |aᵢ − bᵢ| of sorted numbers, and of
/// samples of different sizes the area between their quantiles.
fn wasserstein(mut a: Vec<f64>, mut b: Vec<f64>) -> f64 {
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    if a.len() == b.len() {
        return a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum::<f64>() / a.len() as f64;
    }
    // Of a quantile axis of a.len()·b.len() steps, the next border in either sample.
    let (mut i, mut j, mut at, mut area) = (0, 0, 0, 0.0);
    while i < a.len() && j < b.len() {
        let (end_a, end_b) = ((i + 1) * b.len(), (j + 1) * a.len());
        let end = end_a.min(end_b);
        area += (end - at) as f64 * (a[i] - b[j]).abs();
        at = end;
        i += usize::from(end == end_a);
        j += usize::from(end == end_b);
    }
    area / (a.len() * b.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_different_sizes_are_compared_by_their_quantiles() {
        assert_eq!(wasserstein(vec![3.0, 1.0], vec![1.0, 2.0]), 0.5);
        let doubled = wasserstein(vec![0.0, 1.0, 5.0], vec![5.0, 0.0, 1.0, 0.0, 1.0, 5.0]);
        assert_eq!(doubled, 0.0);
        // Quantiles up to 1/3: |0 − 4|; up to 1/2: |3 − 4|; up to 2/3: |3 − 6|; up to 1: |6 − 6|.
        let area = wasserstein(vec![0.0, 3.0, 6.0], vec![4.0, 6.0]);
        assert!((area - (4.0 / 3.0 + 1.0 / 6.0 + 3.0 / 6.0)).abs() < 1e-12, "{area}");
    }

    #[test]
    fn directions_have_length_one_and_differ_by_seed_and_level() {
        let all = directions(7, 0);
        assert_eq!(all.len(), DIRECTIONS);
        for direction in &all {
            assert!((direction.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-12);
        }
        assert_ne!(all, directions(8, 0));
        assert_ne!(all, directions(7, 1));
    }
}

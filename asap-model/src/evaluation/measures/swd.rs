//! Sliced Wasserstein distance between the patches of two sets of images.

use asap_tensor::random::uniform_by_name;
use rayon::prelude::*;

use super::pyramid::{Channel, laplacian, level_sizes};
use super::{fault, require_equal_sizes};
use crate::Result;
use crate::data::RgbImage;

/// Height and width of a patch.
pub const PATCH_SIDE: usize = 7;

/// Patches per level of an image, unless there are very many images.
pub const PATCHES_PER_IMAGE: usize = 128;

/// The maximum number of patches of a level, to bound memory (77 MB per level).
const MAX_PATCHES: usize = 1 << 17;

/// Values of a patch: three channels.
const VALUES: usize = 3 * PATCH_SIDE * PATCH_SIDE;

/// Number of random directions.
const DIRECTIONS: usize = 512;

/// Published distances are multiplied by this.
const SCALE: f64 = 1e3;

/// Patches of 7×7 pixels from every level of the Laplacian pyramids of a set of images (Karras, Aila, Laine, Lehtinen
/// 2018, section 5). Their positions depend on the seed, the level and the image's index alone, so that a set has
/// distance 0 to itself.
#[derive(Clone, Debug)]
pub struct Patches {
    seed: u64,
    size: [usize; 2],
    per_image: usize,
    images: usize,
    /// The patches (N, C, 7, 7) of each level.
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
    /// No patches yet, for `images` images of `size` = [height, width]: 128 per image and level, or fewer to stay below
    /// 131072 per level.
    pub fn new(seed: u64, size: [usize; 2], images: usize) -> Result<Self> {
        if size[0].min(size[1]) < PATCH_SIDE {
            let why = format!("an image of {}×{} pixels has no patch of {PATCH_SIDE}×{PATCH_SIDE}", size[1], size[0]);
            return Err(fault("swd", why));
        }
        let per_image = (MAX_PATCHES / images.max(1)).clamp(1, PATCHES_PER_IMAGE);
        Ok(Patches { seed, size, per_image, images: 0, levels: vec![Vec::new(); level_sizes(size).len()] })
    }

    /// Adds the patches of the next image.
    pub fn add(&mut self, image: &RgbImage) -> Result<()> {
        let RgbImage { height, width, .. } = *image;
        require_equal_sizes("swd", self.size, [height, width])?;
        let pyramids = [0, 1, 2].map(|c| {
            laplacian(Channel {
                height,
                width,
                data: image.data.iter().map(|rgb| f64::from(rgb[c])).collect::<Vec<_>>(),
            })
        });
        for (level, patches) in self.levels.iter_mut().enumerate() {
            let name = format!("swd.{}.patch.{level}.{}", self.seed, self.images);
            let samples = uniform_by_name(&name, 2 * self.per_image);
            let Channel { height, width, .. } = pyramids[0][level];
            for &[y, x] in samples.as_chunks::<2>().0 {
                let (top, left) = (place(y, height), place(x, width));
                for pyramid in &pyramids {
                    for row in top..top + PATCH_SIDE {
                        let row = &pyramid[level].data[row * width + left..][..PATCH_SIDE];
                        patches.extend(row.iter().map(|&x| x as f32));
                    }
                }
            }
        }
        self.images += 1;
        Ok(())
    }

    /// The distance between two sets at each level, the finest first: each channel of their patches is normalized to
    /// mean 0 and standard deviation 1 over the set, patches are projected on 512 directions, and the Wasserstein
    /// distances of these projections averaged.
    pub fn distances(&self, other: &Patches) -> Result<Vec<LevelDistance>> {
        require_equal_sizes("swd", self.size, other.size)?;
        if self.images == 0 || other.images == 0 {
            return Err(fault("swd", "a set without images has no distance".into()));
        }
        let sizes = level_sizes(self.size).into_iter().enumerate();
        let of_level = |(level, size): (usize, [usize; 2])| {
            let distance = slices(&self.levels[level], &other.levels[level], &directions(self.seed, level));
            LevelDistance { size, distance: SCALE * distance }
        };
        Ok(sizes.map(of_level).collect())
    }
}

/// The mean over directions of the Wasserstein distances between two sets of patches, each normalized and projected.
fn slices(a: &[f32], b: &[f32], directions: &[[f64; VALUES]]) -> f64 {
    let (a, b) = (normalized(a), normalized(b));
    // Collected first, so that the sum is the same with any number of threads.
    let distance = |direction: &[f64; VALUES]| wasserstein(projected(&a, direction), projected(&b, direction));
    let slices: Vec<f64> = directions.par_iter().map(distance).collect();
    slices.iter().sum::<f64>() / slices.len() as f64
}

/// The first row or column of a patch, from a sample in [−1, 1).
fn place(sample: f32, side: usize) -> usize {
    ((f64::from(sample) + 1.0) / 2.0 * (side - PATCH_SIDE + 1) as f64) as usize
}

/// Each channel with mean 0 and standard deviation 1 over all patches; a constant channel with mean 0 alone.
fn normalized(patches: &[f32]) -> Vec<f32> {
    let mut result = patches.to_vec();
    let plane = PATCH_SIDE * PATCH_SIDE;
    for c in 0..3 {
        let values =
            || patches.chunks_exact(VALUES).flat_map(|patch| &patch[c * plane..][..plane]).map(|&x| f64::from(x));
        let count = (patches.len() / 3) as f64;
        let mean = values().sum::<f64>() / count;
        let deviation = (values().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
        let deviation = if deviation > 0.0 { deviation } else { 1.0 };
        for patch in result.chunks_exact_mut(VALUES) {
            patch[c * plane..][..plane].iter_mut().for_each(|x| *x = ((f64::from(*x) - mean) / deviation) as f32);
        }
    }
    result
}

/// Directions of length 1, uniform on the sphere: normal samples by the Box-Muller transform, divided by their length.
fn directions(seed: u64, level: usize) -> Vec<[f64; VALUES]> {
    let samples = uniform_by_name(&format!("swd.{seed}.direction.{level}"), 2 * VALUES * DIRECTIONS);
    let normal = |[u, v]: [f32; 2]| {
        let radius = (-2.0 * ((1.0 - f64::from(u)) / 2.0).ln()).sqrt();
        radius * (std::f64::consts::PI * f64::from(v)).cos()
    };
    let direction = |samples: &[[f32; 2]; VALUES]| {
        let direction = samples.map(normal);
        let length = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
        direction.map(|x| x / length)
    };
    samples.as_chunks::<2>().0.as_chunks::<VALUES>().0.iter().map(direction).collect()
}

fn projected(patches: &[f32], direction: &[f64; VALUES]) -> Vec<f64> {
    let patches = patches.as_chunks::<VALUES>().0.iter();
    patches.map(|patch| patch.iter().zip(direction).map(|(&x, d)| f64::from(x) * d).sum()).collect()
}

/// The Wasserstein distance of order 1 between two samples: the mean |aᵢ − bᵢ| of sorted values; for samples of
/// different sizes, the area between their quantile functions.
fn wasserstein(mut a: Vec<f64>, mut b: Vec<f64>) -> f64 {
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    if a.len() == b.len() {
        return a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum::<f64>() / a.len() as f64;
    }
    // On a quantile axis of a.len()·b.len() steps, the next boundary of either sample.
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
    fn wasserstein_compares_quantiles() {
        assert_eq!(wasserstein(vec![3.0, 1.0], vec![1.0, 2.0]), 0.5);
        let doubled = wasserstein(vec![0.0, 1.0, 5.0], vec![5.0, 0.0, 1.0, 0.0, 1.0, 5.0]);
        assert_eq!(doubled, 0.0);
        // Quantiles up to 1/3: |0 − 4|; up to 1/2: |3 − 4|; up to 2/3: |3 − 6|; up to 1: |6 − 6|.
        let area = wasserstein(vec![0.0, 3.0, 6.0], vec![4.0, 6.0]);
        assert!((area - (4.0 / 3.0 + 1.0 / 6.0 + 3.0 / 6.0)).abs() < 1e-12, "{area}");
    }

    #[test]
    fn directions_are_normalized_and_depend_on_seed_and_level() {
        let all = directions(7, 0);
        assert_eq!(all.len(), DIRECTIONS);
        for direction in &all {
            assert!((direction.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-12);
        }
        assert_ne!(all, directions(8, 0));
        assert_ne!(all, directions(7, 1));
    }
}

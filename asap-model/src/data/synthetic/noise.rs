//! Random choices and patterns, in integer arithmetic, `+ − × /`, `sqrt` and `floor` alone: IEEE 754 defines their
//! results to the last bit, so that an image is the same on every machine. `sin`, `exp` and `powf` are not defined so.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The random choices of one image: stream `index` of the ChaCha8 generator with key `seed`.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    pub(super) fn new(seed: u64, index: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(index);
        Self(rng)
    }

    /// Uniform in [low, high).
    pub(super) fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * ((self.0.next_u32() >> 8) as f32 / (1 << 24) as f32)
    }

    /// True with the given probability.
    pub(super) fn chance(&mut self, probability: f32) -> bool {
        self.range(0.0, 1.0) < probability
    }

    /// An index below `n`.
    pub(super) fn pick(&mut self, n: usize) -> usize {
        ((u64::from(self.0.next_u32()) * n as u64) >> 32) as usize
    }

    /// A color near `color`: brightness and each channel vary a little.
    pub(super) fn near(&mut self, color: [f32; 3], brightness: f32, hue: f32) -> [f32; 3] {
        let gain = self.range(1.0 - brightness, 1.0 + brightness);
        color.map(|c| c * gain * self.range(1.0 - hue, 1.0 + hue))
    }

    pub(super) fn key(&mut self) -> u32 {
        self.0.next_u32()
    }
}

/// A pseudorandom value in [0, 1) that depends on (x, y, key) alone.
pub(super) fn hash(x: i32, y: i32, key: u32) -> f32 {
    let mut z =
        (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77) ^ key.wrapping_mul(0xC2B2_AE3D);
    z = (z ^ (z >> 15)).wrapping_mul(0x2C1B_3C6D);
    z = (z ^ (z >> 12)).wrapping_mul(0x297A_2D39);
    ((z ^ (z >> 15)) >> 8) as f32 / (1 << 24) as f32
}

/// Value noise in [−1, 1): random values at the integers, smooth in between.
pub(super) fn value_noise(x: f32, y: f32, key: u32) -> f32 {
    let (i, j) = (floor(x), floor(y));
    let (x0, y0) = (i as f32, j as f32);
    let (tx, ty) = (smooth(x - x0), smooth(y - y0));
    let row = |j| {
        let (a, b) = (hash(i, j, key), hash(i.wrapping_add(1), j, key));
        a + (b - a) * tx
    };
    let (a, b) = (row(j), row(j.wrapping_add(1)));
    2.0 * (a + (b - a) * ty) - 1.0
}

/// The largest integer ≤ `x`; much faster than `f32::floor` where the target has no instruction for it.
pub(super) fn floor(x: f32) -> i32 {
    let cut = x as i32;
    cut - i32::from(cut as f32 > x)
}

/// The cubic 3t² − 2t³, which rises from 0 to 1 over [0, 1]; `t` is clamped.
pub(super) fn smooth(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// How much of a pixel of width `pixel` around `x` the stripes [k·period, k·period + width) cover, for all integers
/// k: the exact box filter, so that a pattern finer than the pixels fades to its mean and never aliases.
pub(super) fn stripes(x: f32, period: f32, width: f32, pixel: f32) -> f32 {
    let covered_until = |x: f32| {
        let k = floor(x / period) as f32;
        k * width + (x - k * period).clamp(0.0, width)
    };
    ((covered_until(x + 0.5 * pixel) - covered_until(x - 0.5 * pixel)) / pixel).clamp(0.0, 1.0)
}

/// How much of a pixel of width `pixel` at signed distance `d` lies at distances below `limit`.
pub(super) fn below(d: f32, limit: f32, pixel: f32) -> f32 {
    ((limit - d) / pixel + 0.5).clamp(0.0, 1.0)
}

/// `a` for t = 0, `b` for t = 1.
pub(super) fn mix(a: [f32; 3], b: [f32; 3], t: f32) -> [f32; 3] {
    std::array::from_fn(|c| a[c] + (b[c] - a[c]) * t)
}

/// A brighter or darker color.
pub(super) fn scale(a: [f32; 3], gain: f32) -> [f32; 3] {
    a.map(|c| c * gain)
}

/// A pixel with film grain, ±2 levels.
pub(super) fn film(color: [f32; 3], x: usize, y: usize, key: u32) -> [u8; 3] {
    let grain = 4.0 * (hash(x as i32, y as i32, key) - 0.5);
    color.map(|c| (c + grain + 0.5).clamp(0.0, 255.0) as u8)
}

/// The color 0xRRGGBB.
pub(super) fn rgb(hex: u32) -> [f32; 3] {
    [16, 8, 0].map(|shift| (hex >> shift & 0xFF) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stripes_are_filtered_to_their_mean_by_wide_pixels() {
        assert_eq!(stripes(0.1, 1.0, 0.25, 0.01), 1.0);
        assert_eq!(stripes(0.5, 1.0, 0.25, 0.01), 0.0);
        assert!((stripes(0.25, 1.0, 0.25, 0.1) - 0.5).abs() < 1e-5);
        for x in [-3.7, 0.0, 0.2, 11.4] {
            assert!((stripes(x, 1.0, 0.25, 8.0) - 0.25).abs() < 1e-5, "at {x}");
        }
    }

    #[test]
    fn value_noise_is_continuous_and_bounded() {
        for k in -200..200 {
            let x = k as f32 * 0.05;
            let (a, b) = (value_noise(x, 0.3, 1), value_noise(x + 1e-3, 0.3, 1));
            assert!((-1.0..=1.0).contains(&a) && (a - b).abs() < 0.01, "at {x}: {a}, {b}");
        }
    }

    #[test]
    fn streams_of_a_seed_differ_and_repeat() {
        let key = |seed, index| Dice::new(seed, index).key();
        assert_eq!(key(1, 2), key(1, 2));
        assert_ne!(key(1, 2), key(1, 3));
        assert_ne!(key(1, 2), key(2, 2));
    }
}

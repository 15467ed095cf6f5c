//! The registers that this processor has, chosen at run time.

use super::simd::{Portable, Routine, Simd};
#[cfg(target_arch = "x86_64")]
use super::tiles::Tiles;
#[cfg(target_arch = "x86_64")]
use super::x86::{Avx2, Avx512};

/// Which registers a backend uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// What every processor has.
    Portable,
    /// AVX2 and FMA: 16 registers of 8.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// AVX-512: 32 registers of 16.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    /// AVX-512, and the tiles of AMX for matrix products.
    #[cfg(target_arch = "x86_64")]
    Tiles(Avx512, Tiles),
}

impl Level {
    /// The best one that this processor has.
    pub(crate) fn best() -> Level {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return match (is_x86_feature_detected!("avx512f"), Tiles::available()) {
                (true, Some(tiles)) => Level::Tiles(Avx512(()), tiles),
                (true, None) => Level::Avx512(Avx512(())),
                (false, _) => Level::Avx2(Avx2(())),
            };
        }
        Level::Portable
    }

    /// All that this processor has, the best one last.
    #[cfg(test)]
    pub(crate) fn available() -> Vec<Level> {
        let best = Level::best();
        let mut levels = vec![Level::Portable];
        #[cfg(target_arch = "x86_64")]
        levels.extend([Level::Avx2(Avx2(())), Level::Avx512(Avx512(()))]);
        #[cfg(target_arch = "x86_64")]
        levels.extend(Tiles::available().map(|tiles| Level::Tiles(Avx512(()), tiles)));
        let end = levels.iter().position(|&level| level == best).expect("the best level is one of them");
        levels[..=end].to_vec()
    }

    /// Values in a register.
    pub(crate) fn lanes(self) -> usize {
        match self {
            Level::Portable => Portable::LANES,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => Avx2::LANES,
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(_) | Level::Tiles(..) => Avx512::LANES,
        }
    }

    /// Runs a kernel compiled for these registers.
    #[inline]
    pub(crate) fn run<K: Routine>(self, kernel: K) -> K::Output {
        match self {
            Level::Portable => Portable.vectorize(kernel),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(simd) => simd.vectorize(kernel),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(simd) | Level::Tiles(simd, _) => simd.vectorize(kernel),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Everything([f32; 16], [f32; 16], [f32; 16]);

    impl Routine for Everything {
        type Output = Vec<f32>;

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> Vec<f32> {
            let mut out = vec![0.0; 6 * 16];
            for at in (0..16).step_by(S::LANES) {
                // SAFETY: a register's values from `at` on lie inside all arrays.
                unsafe {
                    let [a, b, c] = [&self.0, &self.1, &self.2].map(|x| simd.load(x.as_ptr().add(at)));
                    let results = [
                        simd.add(a, b),
                        simd.sub(a, b),
                        simd.mul(a, b),
                        simd.mul_add(a, b, c),
                        simd.where_positive(a, b, c),
                        simd.splat(7.0),
                    ];
                    for (row, v) in results.into_iter().enumerate() {
                        simd.store(out[row * 16 + at..].as_mut_ptr(), v);
                    }
                }
            }
            out
        }
    }

    #[test]
    fn operations_match_scalar_ones_at_every_level() {
        let [a, b, c] = [-7.0, 0.5, 3.0].map(|start| std::array::from_fn(|i| start + i as f32));
        for level in Level::available() {
            let out = level.run(Everything(a, b, c));
            for i in 0..16 {
                let (a, b, c) = (a[i], b[i], c[i]);
                let expected = [a + b, a - b, a * b, a * b + c, if a > 0.0 { b } else { c }, 7.0];
                for (row, expected) in expected.into_iter().enumerate() {
                    assert_eq!(out[row * 16 + i], expected, "{level:?}, result {row}, lane {i}");
                }
            }
        }
    }
}

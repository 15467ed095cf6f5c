//! Random numbers that are the same in every version and on every machine.
//!
//! A stream has a seed and a name, so what one part samples never depends on what another sampled before.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// The ChaCha8 stream of that name under a seed.
pub fn stream(seed: u64, name: &str) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(fnv1a64(name));
    rng
}

/// `count` samples from the normal distribution of mean 0 and the given standard deviation.
pub fn normal(seed: u64, name: &str, count: usize, deviation: f64) -> Vec<f32> {
    let mut rng = stream(seed, name);
    (0..count)
        .map(|_| {
            let z: f64 = StandardNormal.sample(&mut rng);
            (z * deviation) as f32
        })
        .collect()
}

/// `count` values in [−1, 1) that depend only on `name`: element i hashes the name's FNV-1a digest and i with the
/// finalizer of SplitMix64. Such weights need no file: anyone can make the same network.
///
/// ```
/// let u = asap_tensor::random::uniform_by_name("a", 4);
/// assert_eq!(u, [-0.25653815, 0.99624455, 0.984213, 0.37188172]);
/// ```
pub fn uniform_by_name(name: &str, count: usize) -> Vec<f32> {
    let base = fnv1a64(name);
    (1..=count as u64)
        .map(|i| {
            let mut z = base.wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^= z >> 31;
            ((z >> 40) as f64 / f64::from(1 << 24) * 2.0 - 1.0) as f32
        })
        .collect()
}

/// The 64-bit FNV-1a digest of a name.
pub fn fnv1a64(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

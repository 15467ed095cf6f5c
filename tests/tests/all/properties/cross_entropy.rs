use asap_tensor::{Backend, Result, Tensor, ops, random};
use asap_tests::bound::Output;
use asap_tests::property::{
    Double, Property, assert_large_matches_reference, assert_matches_reference, assert_thread_independent, summed,
};
use asap_tests::source::Source;
use proptest::prelude::*;

use super::{channels, side};

#[derive(Debug)]
struct Case {
    /// N, C, H, W.
    sizes: [usize; 4],
    /// Logits far apart: most probabilities are 0 or 1.
    sharp: bool,
    seed: u64,
}

fn case(side: impl Strategy<Value = usize> + Clone) -> impl Strategy<Value = Case> {
    (1usize..=3, channels(), side.clone(), side, any::<(bool, u64)>()).prop_map(|(n, c, h, w, (sharp, seed))| Case {
        sizes: [n, c, h, w],
        sharp,
        seed,
    })
}

impl Property for Case {
    fn seed(&self) -> u64 {
        self.seed
    }

    fn run<B: Backend>(&self, source: &Source<'_, B>) -> Result<Vec<Output>> {
        let [n, c, h, w] = self.sizes;
        let (x, ids) = (self.logits(source)?, source.ids("ids", [n, h, w], c)?);
        let y = ops::cross_entropy(&x, &ids)?;
        let grad = ops::cross_entropy_grad(&x, &y.log_sums, &ids, &source.normal("g", [n, 1, h, w])?)?;
        Ok(vec![summed("losses", &y.losses, c)?, summed("log_sums", &y.log_sums, c)?, summed("grad", &grad, c)?])
    }

    fn magnitudes(&self, source: &Source<'_, Double>, exact: &[Output]) -> Result<Vec<Vec<f64>>> {
        let [n, c, h, w] = self.sizes;
        let (x, g) = (self.logits(source)?.to_f64()?, source.normal("g", [n, 1, h, w])?.to_f64()?);
        let (ids, plane) = (source.ids("ids", [n, h, w], c)?.to_vec()?, h * w);
        let at = |pixel: usize, class: usize| (pixel / plane * c + class) * plane + pixel % plane;
        let mut magnitudes = vec![vec![0.0; ids.len()], vec![0.0; ids.len()], vec![0.0; x.len()]];
        for (pixel, &id) in ids.iter().enumerate() {
            let largest = (0..c).map(|class| x[at(pixel, class)]).fold(f64::NEG_INFINITY, f64::max);
            // The logarithm of a sum between 1 and C has errors relative to 1 too.
            magnitudes[1][pixel] = largest.abs() + (c as f64).ln() + 1.0;
            if usize::from(id) >= c {
                continue;
            }
            magnitudes[0][pixel] = largest.abs() + x[at(pixel, id.into())].abs() + (c as f64).ln() + 1.0;
            let log_sum = exact[1].values[pixel];
            for class in 0..c {
                // An exponent's rounding error is relative to its terms; below −80, `Cpu` returns 2·10⁻³⁵.
                let (logit, hit) = (x[at(pixel, class)], f64::from(u8::from(usize::from(id) == class)));
                let share = (logit - log_sum).exp() * (1.0 + logit.abs() + magnitudes[1][pixel]);
                magnitudes[2][at(pixel, class)] = g[pixel].abs() * (share + hit + 1e-28);
            }
        }
        Ok(magnitudes)
    }
}

impl Case {
    fn logits<B: Backend>(&self, source: &Source<'_, B>) -> Result<Tensor<B>> {
        let deviation = if self.sharp { 50.0 } else { 1.0 };
        source.tensor(self.sizes, random::normal(self.seed, "x", self.sizes.iter().product(), deviation))
    }
}

#[test]
fn cross_entropy_matches_reference() {
    assert_matches_reference(case(side().boxed()));
}

#[test]
fn cross_entropy_does_not_depend_on_threads() {
    assert_thread_independent(6, case(60usize..80));
}

#[test]
fn cross_entropy_of_large_images_matches_reference() {
    assert_large_matches_reference(4, case(60usize..80));
}

use asap_tensor::{Backend, Result, Shape, ops};
use asap_tests::bound::Output;
use asap_tests::property::{
    Property, assert_large_matches_reference, assert_matches_reference, assert_thread_independent, summed,
};
use asap_tests::source::Source;
use proptest::prelude::*;

use super::{channels, length};

#[derive(Debug)]
struct Case {
    shape: Shape,
    seed: u64,
}

fn case(length: impl Strategy<Value = usize>) -> impl Strategy<Value = Case> {
    (1usize..=5, channels(), length, any::<bool>(), any::<u64>()).prop_map(|(n, c, length, flat, seed)| {
        let shape = if flat { Shape::from([n * length, c]) } else { Shape::from([n, c, 3, length]) };
        Case { shape, seed }
    })
}

impl Property for Case {
    fn seed(&self) -> u64 {
        self.seed
    }

    fn run<B: Backend>(&self, source: &Source<'_, B>) -> Result<Vec<Output>> {
        let x = source.normal("x", self.shape)?;
        let per_channel = x.count() / self.shape.dims()[1];
        Ok(vec![
            summed("sum", &ops::sum(&x)?, x.count())?,
            summed("sum_channels", &ops::sum_channels(&x)?, per_channel)?,
        ])
    }
}

#[test]
fn reduce_matches_reference() {
    assert_matches_reference(case(length()));
}

#[test]
fn reduce_does_not_depend_on_threads() {
    assert_thread_independent(8, case(20_000usize..40_000));
}

#[test]
fn reduce_of_large_tensors_matches_reference() {
    assert_large_matches_reference(4, case(6_000usize..9_000));
}

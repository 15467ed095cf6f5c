use asap_tensor::{Backend, Result, Shape, ops};
use asap_tests::bound::Output;
use asap_tests::property::{Property, assert_matches_reference, assert_thread_independent, copied};
use asap_tests::source::Source;
use proptest::prelude::*;

use super::{channels, side};

#[derive(Debug)]
struct Case {
    x: Shape,
    /// Whole numbers, so that blocks have several maxima.
    ties: bool,
    seed: u64,
}

fn case(side: impl Strategy<Value = usize> + Clone) -> impl Strategy<Value = Case> {
    (1usize..=3, channels(), side.clone(), side, any::<(bool, u64)>()).prop_map(|(n, c, h, w, (ties, seed))| Case {
        x: Shape::from([n, c, h + 1, w + 1]),
        ties,
        seed,
    })
}

impl Property for Case {
    fn seed(&self) -> u64 {
        self.seed
    }

    fn run<B: Backend>(&self, source: &Source<'_, B>) -> Result<Vec<Output>> {
        let x = if self.ties { source.whole("x", self.x)? } else { source.normal("x", self.x)? };
        let largest = ops::max_pool2(&x)?;
        let to_largest = ops::max_pool2_grad(&x, &source.normal("g", largest.shape())?)?;
        Ok(vec![copied("max_pool2", &largest)?, copied("max_pool2_grad", &to_largest)?])
    }
}

#[test]
fn pool_matches_reference() {
    assert_matches_reference(case(side().boxed()));
}

#[test]
fn pool_does_not_depend_on_threads() {
    assert_thread_independent(6, case(120usize..160));
}

use asap_tensor::{Backend, Result, Shape, ops};
use asap_tests::bound::Output;
use asap_tests::property::{Property, any_thread_count_gives_the_same_bytes, holds, moved};
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
        Ok(vec![moved("max_pool2", &largest)?, moved("max_pool2_grad", &to_largest)?])
    }
}

#[test]
fn pool_matches_reference() {
    holds(case(side().boxed()));
}

#[test]
fn pool_does_not_depend_on_threads() {
    any_thread_count_gives_the_same_bytes(6, case(120usize..160));
}

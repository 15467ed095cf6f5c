use asap_tensor::ops::Transpose;
use asap_tensor::{Backend, Result, ops};
use asap_tests::bound::Output;
use asap_tests::property::{Property, assert_matches_reference, assert_thread_independent, summed};
use asap_tests::source::Source;
use proptest::prelude::*;

use super::length;

#[derive(Debug)]
struct Case {
    leading: Vec<usize>,
    m: usize,
    k: usize,
    n: usize,
    transpose: Transpose,
    seed: u64,
}

fn case(length: impl Strategy<Value = usize> + Clone) -> impl Strategy<Value = Case> {
    let leading = prop::collection::vec(1usize..=3, 0..=2);
    (leading, length.clone(), length.clone(), length, any::<(bool, bool, u64)>())
        .prop_map(|(leading, m, k, n, (a, b, seed))| Case { leading, m, k, n, transpose: Transpose { a, b }, seed })
}

impl Property for Case {
    fn seed(&self) -> u64 {
        self.seed
    }

    fn run<B: Backend>(&self, source: &Source<'_, B>) -> Result<Vec<Output>> {
        let &Case { m, k, n, transpose, .. } = self;
        let sizes = |transposed: bool, [rows, columns]: [usize; 2]| {
            let last = if transposed { [columns, rows] } else { [rows, columns] };
            [&self.leading[..], &last].concat()
        };
        let a = source.normal("a", &sizes(transpose.a, [m, k])[..])?;
        let b = source.normal("b", &sizes(transpose.b, [k, n])[..])?;
        Ok(vec![summed("matmul", &ops::matmul(&a, &b, transpose)?, k)?])
    }
}

#[test]
fn matmul_matches_reference() {
    assert_matches_reference(case(length().boxed()));
}

#[test]
fn matmul_does_not_depend_on_threads() {
    assert_thread_independent(12, case(60usize..200));
}

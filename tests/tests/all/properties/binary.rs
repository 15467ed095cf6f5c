use asap_tensor::{Backend, Result, Shape, ops, ops::Binary};
use asap_tests::bound::Output;
use asap_tests::property::{Property, assert_matches_reference, assert_thread_independent, summed};
use asap_tests::source::Source;
use proptest::prelude::*;

use super::{channels, side};

#[derive(Debug)]
struct Case {
    op: Binary,
    a: Shape,
    b: Shape,
    seed: u64,
}

#[derive(Clone, Copy, Debug)]
enum Spread {
    Same,
    Scalar,
    Channel,
    /// (N, C) with (C): a plane is one element.
    ChannelOfRows,
}

fn case(side: impl Strategy<Value = usize>) -> impl Strategy<Value = Case> {
    let op = prop::sample::select(vec![Binary::Add, Binary::Sub, Binary::Mul, Binary::Div]);
    let spread = prop::sample::select(vec![Spread::Same, Spread::Scalar, Spread::Channel, Spread::ChannelOfRows]);
    (op, spread, 1usize..=3, channels(), side, any::<u64>()).prop_map(|(op, spread, n, c, side, seed)| {
        let image = Shape::from([n, c, side, side + 1]);
        let (a, b) = match spread {
            Spread::Same => (image, image),
            Spread::Scalar => (image, Shape::from([])),
            Spread::Channel => (image, Shape::from([c])),
            Spread::ChannelOfRows => (Shape::from([n * side, c]), Shape::from([c])),
        };
        Case { op, a, b, seed }
    })
}

impl Property for Case {
    fn seed(&self) -> u64 {
        self.seed
    }

    fn run<B: Backend>(&self, source: &Source<'_, B>) -> Result<Vec<Output>> {
        // A difference adds the absolute values of its terms.
        let op = if source.absolute && self.op == Binary::Sub { Binary::Add } else { self.op };
        let y = ops::binary(op, &source.normal("a", self.a)?, &source.normal("b", self.b)?)?;
        Ok(vec![summed("y", &y, 1)?])
    }
}

#[test]
fn binary_matches_reference() {
    assert_matches_reference(case(side()));
}

#[test]
fn binary_does_not_depend_on_threads() {
    assert_thread_independent(12, case(100usize..150));
}

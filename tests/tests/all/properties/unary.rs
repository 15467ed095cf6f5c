use asap_tensor::{Backend, Result, ops, ops::Unary};
use asap_tests::bound::Output;
use asap_tests::property::{
    Double, Property, assert_large_matches_reference, assert_matches_reference, assert_thread_independent, summed,
};
use asap_tests::source::Source;
use proptest::prelude::*;

use super::length;

#[derive(Debug)]
struct Case {
    op: Unary,
    count: usize,
    seed: u64,
}

fn op() -> impl Strategy<Value = Unary> {
    prop_oneof![
        4 => prop::sample::select(Unary::examples()),
        1 => Just(Unary::RELU),
        1 => (0.0..1.5f64).prop_map(|slope| Unary::LeakyRelu { slope }),
        1 => (-2.0..2.0f64, -2.0..2.0f64).prop_map(|(scale, shift)| Unary::Affine { scale, shift }),
    ]
}

fn case(count: impl Strategy<Value = usize>) -> impl Strategy<Value = Case> {
    (op(), count, any::<u64>()).prop_map(|(op, count, seed)| Case { op, count, seed })
}

impl Property for Case {
    fn seed(&self) -> u64 {
        self.seed
    }

    fn run<B: Backend>(&self, source: &Source<'_, B>) -> Result<Vec<Output>> {
        let x = match self.op {
            _ if self.op.apply(-1.0f64).is_nan() => source.positive("x", [self.count])?,
            // These have a kink at 0: whole numbers hit it exactly, and no rounding moves an element across.
            Unary::Abs | Unary::LeakyRelu { .. } if self.seed.is_multiple_of(2) => source.whole("x", [self.count])?,
            _ => source.normal("x", [self.count])?,
        };
        let y = ops::unary(self.op, &x)?;
        let grad_x = ops::unary_grad(self.op, &x, &y, &source.normal("g", [self.count])?)?;
        Ok(vec![summed("y", &y, 1)?, summed("grad_x", &grad_x, 1)?])
    }

    fn magnitudes(&self, source: &Source<'_, Double>, exact: &[Output]) -> Result<Vec<Vec<f64>>> {
        let (y, grad_x) = (&exact[0].values, &exact[1].values);
        let (x, g) = (source.normal("x", [self.count])?.to_f64()?, source.normal("g", [self.count])?.to_f64()?);
        let absolute = |values: &[f64]| values.iter().map(|v| v.abs()).collect::<Vec<f64>>();
        Ok(match self.op {
            Unary::Affine { scale, shift } => {
                vec![x.iter().map(|x| (scale * x).abs() + shift.abs()).collect(), absolute(grad_x)]
            }
            // tanh′ = 1 − y².
            Unary::Tanh => vec![absolute(y), g.iter().zip(y).map(|(g, y)| g.abs() * (1.0 + y * y)).collect()],
            // σ′ = y − y².
            Unary::Sigmoid => vec![absolute(y), g.iter().zip(y).map(|(g, y)| g.abs() * (y + y * y)).collect()],
            _ => vec![absolute(y), absolute(grad_x)],
        })
    }
}

#[test]
fn unary_matches_reference() {
    assert_matches_reference(case(length()));
}

#[test]
fn unary_does_not_depend_on_threads() {
    assert_thread_independent(12, case(50_000usize..100_000));
}

#[test]
fn unary_of_large_tensors_matches_reference() {
    assert_large_matches_reference(8, case(50_000usize..100_000));
}

use asap_tensor::ops::AdamStep;
use asap_tensor::{Backend, Result, ops};
use asap_tests::bound::Output;
use asap_tests::property::{Double, Property, assert_matches_reference, assert_thread_independent, summed};
use asap_tests::source::Source;
use proptest::prelude::*;

use super::length;

#[derive(Debug)]
struct Case {
    count: usize,
    constants: AdamStep,
    steps: u64,
    seed: u64,
}

fn case(count: impl Strategy<Value = usize>) -> impl Strategy<Value = Case> {
    let constants = (1e-4..0.1f64, 0.0..0.95f64, 0.8..0.9995f64, 1u64..=1000)
        .prop_map(|(learning_rate, beta1, beta2, step)| AdamStep { learning_rate, beta1, beta2, epsilon: 1e-8, step });
    (count, constants, 1u64..=4, any::<u64>()).prop_map(|(count, constants, steps, seed)| Case {
        count,
        constants,
        steps,
        seed,
    })
}

impl Property for Case {
    fn seed(&self) -> u64 {
        self.seed
    }

    fn run<B: Backend>(&self, source: &Source<'_, B>) -> Result<Vec<Output>> {
        let count = [self.count];
        let (mut weight, mut first) = (source.normal("weight", count)?, source.normal("first moment", count)?);
        let mut second = source.positive("second moment", count)?;
        let before = weight.to_f64()?;
        for i in 0..self.steps {
            let g = source.normal(&format!("g {i}"), count)?;
            let step = AdamStep { step: self.constants.step + i, ..self.constants };
            ops::adam(&mut weight, &mut first, &mut second, &g, None, &step)?;
        }
        let terms = self.steps as usize + 1;
        let mut weight = summed("weight", &weight, terms)?;
        if source.absolute {
            // On absolute values every step subtracts its magnitude: what was taken away is added instead.
            weight.values.iter_mut().zip(before).for_each(|(w, before)| *w = 2.0 * before - *w);
        }
        Ok(vec![weight, summed("first moment", &first, terms)?, summed("second moment", &second, terms)?])
    }
}

#[test]
fn adam_matches_reference() {
    assert_matches_reference(case(length()));
}

#[test]
fn adam_does_not_depend_on_threads() {
    assert_thread_independent(6, case(50_000usize..100_000));
}

/// Clones share the weight's elements.
#[test]
fn adam_leaves_clones_unchanged() {
    let double = Double::new();
    let source = Source { backend: &double, seed: 1, absolute: false };
    let normal = |name| source.normal(name, [5]).unwrap();
    let (mut weight, mut first, mut second) =
        (normal("weight"), normal("first"), source.positive("second", [5]).unwrap());
    let clone = weight.clone();
    let constants = AdamStep { learning_rate: 0.1, beta1: 0.5, beta2: 0.9, epsilon: 1e-8, step: 1 };
    ops::adam(&mut weight, &mut first, &mut second, &normal("g"), None, &constants).unwrap();
    assert_eq!(clone.to_f64().unwrap(), normal("weight").to_f64().unwrap());
    assert_ne!(weight.to_f64().unwrap(), clone.to_f64().unwrap());
}

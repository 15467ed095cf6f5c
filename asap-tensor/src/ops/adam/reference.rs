//! Kernels of `Reference`.

use std::sync::Arc;

use super::{AdamInputs, AdamOp};
use crate::error::Result;
use crate::op::Kernel;
use crate::reference::Reference;
use crate::storage::Element;

impl<E: Element> Kernel<AdamOp> for Reference<E> {
    fn compute(&self, op: &AdamOp, inputs: AdamInputs<'_, Self::Buffer>) -> Result<()> {
        let AdamInputs { weight, first_moment, second_moment, grad, guard } = inputs;
        if guard.is_some_and(|guard| !guard[0].is_finite()) {
            return Ok(());
        }
        // A shared buffer is copied first: its other owners must not see the update.
        let w = Arc::make_mut(weight);
        let m = Arc::make_mut(first_moment);
        let v = Arc::make_mut(second_moment);
        let (a, b) = op.step.corrections();
        let (a, b, epsilon) = (E::from_f64(a), E::from_f64(b), E::from_f64(op.step.epsilon));
        let (beta1, rest1) = (E::from_f64(op.step.beta1), E::from_f64(1.0 - op.step.beta1));
        let (beta2, rest2) = (E::from_f64(op.step.beta2), E::from_f64(1.0 - op.step.beta2));
        for (i, &g) in grad.iter().enumerate() {
            m[i] = beta1 * m[i] + rest1 * g;
            v[i] = beta2 * v[i] + rest2 * g * g;
            w[i] = w[i] - a * m[i] / (b * v[i].sqrt() + epsilon);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::adam::{AdamStep, adam};
    use crate::{Reference, Tensor};

    #[test]
    fn two_steps_match_hand_computation() {
        let backend = Reference::<f64>::new();
        let tensor = |value: f64| Tensor::full(&backend, [1], value).unwrap();
        let (mut weight, mut first, mut second) = (tensor(1.0), tensor(0.0), tensor(0.0));
        let at = |step| AdamStep { learning_rate: 0.1, beta1: 0.5, beta2: 0.75, epsilon: 0.0, step };
        // m = 1, v = 1; m̂ = 2, v̂ = 4: a first step is α·sign g, whatever the size of g.
        adam(&mut weight, &mut first, &mut second, &tensor(2.0), None, &at(1)).unwrap();
        assert_eq!((first.item().unwrap(), second.item().unwrap()), (1.0, 1.0));
        assert!((weight.item().unwrap() - 0.9).abs() < 1e-15);
        // m = 0.5, v = 0.75; m̂ = 0.5/0.75, v̂ = 0.75/0.4375.
        adam(&mut weight, &mut first, &mut second, &tensor(0.0), None, &at(2)).unwrap();
        let by_hand = 0.9 - 0.1 * (0.5 / 0.75) / f64::sqrt(0.75 / 0.4375);
        assert!((weight.item().unwrap() - by_hand).abs() < 1e-15);
    }

    #[test]
    fn adam_changes_nothing_if_the_guard_is_not_finite() {
        let backend = Reference::<f64>::new();
        let tensor = |value: f64| Tensor::full(&backend, [1], value).unwrap();
        for (guard, moved) in [(0.0, true), (-3.0, true), (f64::INFINITY, false), (f64::NAN, false)] {
            let (mut weight, mut first, mut second) = (tensor(1.0), tensor(0.0), tensor(0.0));
            let step = AdamStep { learning_rate: 0.1, beta1: 0.5, beta2: 0.9, epsilon: 0.0, step: 1 };
            let guard = Tensor::full(&backend, [], guard).unwrap();
            adam(&mut weight, &mut first, &mut second, &tensor(1.0), Some(&guard), &step).unwrap();
            let unmoved = [&weight, &first, &second].map(|tensor| tensor.item().unwrap()) == [1.0, 0.0, 0.0];
            assert_eq!(unmoved, !moved, "{guard:?}");
        }
    }

    #[test]
    fn adam_leaves_a_shared_weight_unchanged() {
        let backend = Reference::<f32>::new();
        let tensor = |value: f64| Tensor::full(&backend, [2], value).unwrap();
        let (mut weight, mut first, mut second) = (tensor(1.0), tensor(0.0), tensor(0.0));
        let copy = weight.clone();
        let step = AdamStep { learning_rate: 0.1, beta1: 0.0, beta2: 0.999, epsilon: 1e-8, step: 1 };
        adam(&mut weight, &mut first, &mut second, &tensor(1.0), None, &step).unwrap();
        assert_eq!(copy.to_vec().unwrap(), [1.0, 1.0]);
        assert_ne!(weight.to_vec().unwrap(), copy.to_vec().unwrap());
    }
}

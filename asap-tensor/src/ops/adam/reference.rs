//! Kernels of `Reference`.

use std::sync::Arc;

use super::{AdamOps, AdamStep};
use crate::backend::Element;
use crate::error::Result;
use crate::reference::Reference;

impl<E: Element> AdamOps for Reference<E> {
    fn adam(
        &self,
        weight: &mut Self::Buffer,
        first_moment: &mut Self::Buffer,
        second_moment: &mut Self::Buffer,
        grad: &Self::Buffer,
        step: &AdamStep,
    ) -> Result<()> {
        // A buffer that something else still shares is copied first, so that nobody sees the update unasked.
        let w = Arc::make_mut(weight);
        let m = Arc::make_mut(first_moment);
        let v = Arc::make_mut(second_moment);
        let (a, b) = step.corrections();
        let (a, b, epsilon) = (E::from_f64(a), E::from_f64(b), E::from_f64(step.epsilon));
        let (beta1, rest1) = (E::from_f64(step.beta1), E::from_f64(1.0 - step.beta1));
        let (beta2, rest2) = (E::from_f64(step.beta2), E::from_f64(1.0 - step.beta2));
        for (i, &g) in grad.iter().enumerate() {
            m[i] = beta1 * m[i] + rest1 * g;
            v[i] = beta2 * v[i] + rest2 * g * g;
            w[i] = w[i] - a * m[i] / (b * v[i].sqrt() + epsilon);
        }
        Ok(())
    }
}

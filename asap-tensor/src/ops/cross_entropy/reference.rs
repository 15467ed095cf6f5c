//! Kernels of `Reference`.

use ndarray::{Array2, Array3};

use super::{CrossEntropy, CrossEntropyGrad, CrossEntropyGradInputs};
use crate::error::Result;
use crate::op::{Buffers, Inputs, Kernel};
use crate::reference::{Reference, buffer, sum, view};
use crate::storage::Element;

impl<E: Element> Kernel<CrossEntropy> for Reference<E> {
    fn compute(
        &self,
        op: &CrossEntropy,
        (logits, ids): Inputs<'_, CrossEntropy, Self>,
    ) -> Result<Buffers<CrossEntropy, Self>> {
        let [batch, classes, plane] = op.logits.around(1);
        let logits = view(logits, (batch, classes, plane));
        let ids = view(ids, (batch, plane));
        let mut losses = Array2::zeros((batch, plane));
        let mut log_sums = Array2::zeros((batch, plane));
        for ((n, i), &id) in ids.indexed_iter() {
            let score = |c: usize| logits[[n, c, i]];
            let largest = (0..classes).map(score).fold(E::neg_infinity(), E::max);
            let log = sum((0..classes).map(|c| (score(c) - largest).exp())).ln();
            log_sums[[n, i]] = largest + log;
            if usize::from(id) < classes {
                losses[[n, i]] = (largest - score(id.into())) + log;
            }
        }
        Ok((buffer(&losses), buffer(&log_sums)))
    }
}

impl<E: Element> Kernel<CrossEntropyGrad> for Reference<E> {
    fn compute(
        &self,
        op: &CrossEntropyGrad,
        CrossEntropyGradInputs { logits, log_sums, ids, grad_output }: Inputs<'_, CrossEntropyGrad, Self>,
    ) -> Result<Self::Buffer> {
        let [batch, classes, plane] = op.logits.around(1);
        let logits = view(logits, (batch, classes, plane));
        let (log_sums, ids) = (view(log_sums, (batch, plane)), view(ids, (batch, plane)));
        let grad_output = view(grad_output, (batch, plane));
        Ok(buffer(&Array3::from_shape_fn((batch, classes, plane), |(n, c, i)| {
            let id = usize::from(ids[[n, i]]);
            if id >= classes {
                return E::zero();
            }
            let hit = if id == c { E::one() } else { E::zero() };
            grad_output[[n, i]] * ((logits[[n, c, i]] - log_sums[[n, i]]).exp() - hit)
        })))
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::cross_entropy::{cross_entropy, cross_entropy_grad};
    use crate::{Ids, Reference, Tensor};

    fn tensor(shape: &[usize], data: &[f64]) -> Tensor<Reference<f64>> {
        Tensor::from_f64(&Reference::new(), shape, data).unwrap()
    }

    #[test]
    fn cross_entropy_matches_hand_computation() {
        // Pixels with the probabilities ¼, ¾ and ½, ½, and one that is ignored.
        let logits = tensor(&[1, 2, 1, 3], &[0.0, 7.0, 1.0, 3.0_f64.ln(), 7.0, 2.0]);
        let ids = Ids::from_vec(logits.backend(), [1, 1, 3], vec![0, 1, 2]).unwrap();
        let y = cross_entropy(&logits, &ids).unwrap();
        let losses = y.losses.to_vec().unwrap();
        assert!((losses[0] - 4.0_f64.ln()).abs() < 1e-15 && (losses[1] - 2.0_f64.ln()).abs() < 1e-15, "{losses:?}");
        assert_eq!(losses[2], 0.0);
        let grad_output = tensor(&[1, 1, 1, 3], &[1.0, 10.0, 100.0]);
        let grad = cross_entropy_grad(&logits, &y.log_sums, &ids, &grad_output).unwrap().to_vec().unwrap();
        for (grad, expected) in grad.into_iter().zip([-0.75, 5.0, 0.0, 0.75, -5.0, 0.0]) {
            assert!((grad - expected).abs() < 1e-12, "{grad} instead of {expected}");
        }
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let logits = Tensor::from_f32(&Reference::<f32>::new(), [1, 2, 1, 2], &[1e30, -1e4, 0.0, 1e4]).unwrap();
        let ids = Ids::from_vec(logits.backend(), [1, 1, 2], vec![0, 0]).unwrap();
        assert_eq!(cross_entropy(&logits, &ids).unwrap().losses.to_vec().unwrap(), [0.0, 2e4]);
    }

    #[test]
    fn ids_of_another_size_are_rejected() {
        let logits = tensor(&[1, 2, 1, 2], &[0.0; 4]);
        let ids = Ids::full(logits.backend(), [1, 2, 1], 0).unwrap();
        assert!(cross_entropy(&logits, &ids).unwrap_err().to_string().contains("channels only"));
    }
}

//! Kernels of `Reference`.

use std::sync::Arc;

use ndarray::{Array1, Array2, Array3};

use super::{InstanceNorm, InstanceNormGrad, InstanceNormGradInputs, ScaleShift};
use crate::error::Result;
use crate::op::{Buffers, Inputs, Kernel};
use crate::ops::unary::Unary;
use crate::reference::{Reference, buffer, sum, view};
use crate::storage::Element;

/// γ and β of channel c: 1 and 0 where there are none.
fn scale_and_shift<E: Element>(affine: ScaleShift<'_, Arc<Vec<E>>>, c: usize) -> (E, E) {
    affine.map_or((E::one(), E::zero()), |(scale, shift)| (scale[c], shift[c]))
}

impl<E: Element> Kernel<InstanceNorm> for Reference<E> {
    fn compute(
        &self,
        op: &InstanceNorm,
        (x, affine): Inputs<'_, InstanceNorm, Self>,
    ) -> Result<Buffers<InstanceNorm, Self>> {
        let &InstanceNorm { epsilon, slope, .. } = op;
        let [batch, channels, plane] = op.x.around(1);
        let phi = Unary::LeakyRelu { slope };
        let count = E::from_f64(plane as f64);
        let x = view(x, (batch, channels, plane));
        let mut y = Array3::zeros((batch, channels, plane));
        let mut mean = Array2::zeros((batch, channels));
        let mut rstd = Array2::zeros((batch, channels));
        for n in 0..batch {
            for c in 0..channels {
                let (scale, shift) = scale_and_shift(affine, c);
                let mu = sum((0..plane).map(|i| x[[n, c, i]])) / count;
                let variance = sum((0..plane).map(|i| (x[[n, c, i]] - mu).powi(2))) / count;
                let r = (variance + E::from_f64(epsilon)).sqrt().recip();
                for i in 0..plane {
                    y[[n, c, i]] = phi.apply(scale * (x[[n, c, i]] - mu) * r + shift);
                }
                mean[[n, c]] = mu;
                rstd[[n, c]] = r;
            }
        }
        Ok((buffer(&y), (buffer(&mean), buffer(&rstd))))
    }
}

impl<E: Element> Kernel<InstanceNormGrad> for Reference<E> {
    fn compute(
        &self,
        op: &InstanceNormGrad,
        InstanceNormGradInputs { x, mean, rstd, affine, grad_output }: Inputs<'_, InstanceNormGrad, Self>,
    ) -> Result<Buffers<InstanceNormGrad, Self>> {
        let [batch, channels, plane] = op.x.around(1);
        let phi = Unary::LeakyRelu { slope: op.slope };
        let count = E::from_f64(plane as f64);
        let x = view(x, (batch, channels, plane));
        let grad_output = view(grad_output, (batch, channels, plane));
        let mean = view(mean, (batch, channels));
        let rstd = view(rstd, (batch, channels));
        let mut grad_x = Array3::zeros((batch, channels, plane));
        // Sums over a plane, (N, C); those over n follow.
        let mut grad_scale = Array2::zeros((batch, channels));
        let mut grad_shift = Array2::zeros((batch, channels));
        for n in 0..batch {
            for c in 0..channels {
                let (scale, shift) = scale_and_shift(affine, c);
                let r = rstd[[n, c]];
                let normalized = |i: usize| (x[[n, c, i]] - mean[[n, c]]) * r;
                // The gradient in z = γ·x̂ + β, the activation's input.
                let grad_z = |i: usize| {
                    let z = scale * (x[[n, c, i]] - mean[[n, c]]) * r + shift;
                    grad_output[[n, c, i]] * phi.derivative(z, phi.apply(z))
                };
                let total = sum((0..plane).map(grad_z));
                let total_normalized = sum((0..plane).map(|i| grad_z(i) * normalized(i)));
                for i in 0..plane {
                    let centered = grad_z(i) - total / count - normalized(i) * total_normalized / count;
                    grad_x[[n, c, i]] = scale * r * centered;
                }
                grad_scale[[n, c]] = total_normalized;
                grad_shift[[n, c]] = total;
            }
        }
        let over_batch =
            |grad: &Array2<E>| buffer(&Array1::from_shape_fn(channels, |c| sum((0..batch).map(|n| grad[[n, c]]))));
        Ok((buffer(&grad_x), affine.map(|_| (over_batch(&grad_scale), over_batch(&grad_shift)))))
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::instance_norm::{instance_norm, instance_norm_grad};
    use crate::random::uniform_by_name;
    use crate::{Reference, Tensor};

    fn tensor(shape: &[usize], data: &[f64]) -> Tensor<Reference<f64>> {
        Tensor::from_f64(&Reference::new(), shape, data).unwrap()
    }

    #[test]
    fn two_pixels_match_hand_computation() {
        let x = tensor(&[1, 1, 1, 2], &[1.0, 3.0]);
        let plain = instance_norm(&x, None, 0.0, 1.0).unwrap();
        assert_eq!(plain.y.to_vec().unwrap(), [-1.0, 1.0]);
        assert_eq!((plain.mean.item().unwrap(), plain.rstd.item().unwrap()), (2.0, 1.0));
        let (scale, shift) = (tensor(&[1], &[3.0]), tensor(&[1], &[1.0]));
        let y = instance_norm(&x, Some((&scale, &shift)), 0.0, 0.25).unwrap().y;
        assert_eq!(y.to_vec().unwrap(), [-0.5, 4.0]);
        let y = instance_norm(&x, None, 3.0, 0.0).unwrap().y;
        assert_eq!(y.to_vec().unwrap(), [0.0, 0.5]);
    }

    #[test]
    fn a_large_mean_keeps_the_variance_in_single_precision() {
        let data: Vec<f32> = (0..512).map(|i| 4096.0 + (i % 2) as f32).collect();
        let x = Tensor::from_f32(&Reference::<f32>::new(), [1, 1, 16, 32], &data).unwrap();
        let rstd = instance_norm(&x, None, 0.0, 1.0).unwrap().rstd;
        assert_eq!(rstd.item().unwrap(), 2.0);
    }

    #[test]
    fn grad_x_is_orthogonal_to_shift_and_scale() {
        // y doesn't change when x is shifted or (ε = 0) scaled, so the gradient is orthogonal to 1 and to x − μ.
        let uniform =
            |name| Tensor::from_f32(&Reference::<f64>::new(), [2, 3, 4, 5], &uniform_by_name(name, 120)).unwrap();
        let (x, grad_output) = (uniform("x"), uniform("grad"));
        let (scale, shift) = (tensor(&[3], &[0.5, 1.0, -2.0]), tensor(&[3], &[0.1, 0.0, -0.3]));
        let affine = Some((&scale, &shift));
        let forward = instance_norm(&x, affine, 0.0, 0.2).unwrap();
        let grad = instance_norm_grad(&x, &forward.mean, &forward.rstd, affine, &grad_output, 0.2).unwrap().0;
        let (x, grad, mean) = (x.to_vec().unwrap(), grad.to_vec().unwrap(), forward.mean.to_vec().unwrap());
        for plane in 0..6 {
            let range = plane * 20..(plane + 1) * 20;
            let along_one: f64 = grad[range.clone()].iter().sum();
            let along_x: f64 = range.map(|i| grad[i] * (x[i] - mean[plane])).sum();
            assert!(along_one.abs() < 1e-12 && along_x.abs() < 1e-12, "plane {plane}: {along_one:e}, {along_x:e}");
        }
    }

    #[test]
    fn affine_gradients_sum_over_batch_and_plane() {
        // Both images normalize to (−1, 1); after γ = 1, β = 0 and ReLU only the second pixel passes a gradient.
        let x = tensor(&[2, 1, 1, 2], &[1.0, 3.0, 10.0, 20.0]);
        let (scale, shift) = (tensor(&[1], &[1.0]), tensor(&[1], &[0.0]));
        let affine = Some((&scale, &shift));
        let forward = instance_norm(&x, affine, 0.0, 0.0).unwrap();
        let grad_output = tensor(&[2, 1, 1, 2], &[1.0, 10.0, 100.0, 1000.0]);
        let grads = instance_norm_grad(&x, &forward.mean, &forward.rstd, affine, &grad_output, 0.0).unwrap();
        let (grad_scale, grad_shift) = grads.1.unwrap();
        assert_eq!((grad_scale.item().unwrap(), grad_shift.item().unwrap()), (1010.0, 1010.0));
    }
}

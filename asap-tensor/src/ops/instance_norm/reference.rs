//! Kernels of `Reference`.

use ndarray::{Array2, Array3};

use super::{InstanceNormOps, NormSize};
use crate::backend::Element;
use crate::error::Result;
use crate::ops::unary::Unary;
use crate::reference::{Reference, buffer, sum, view};

/// γ and β of channel c: 1 and 0 where there are none.
fn scale_and_shift<E: Element>(affine: Option<(&Vec<E>, &Vec<E>)>, c: usize) -> (E, E) {
    affine.map_or((E::one(), E::zero()), |(scale, shift)| (scale[c], shift[c]))
}

impl<E: Element> InstanceNormOps for Reference<E> {
    fn instance_norm(
        &self,
        x: &Self::Buffer,
        affine: Option<(&Self::Buffer, &Self::Buffer)>,
        size: &NormSize,
    ) -> Result<(Self::Buffer, Self::Buffer, Self::Buffer)> {
        let &NormSize { batch, channels, plane, epsilon, slope } = size;
        let affine = affine.map(|(scale, shift)| (&**scale, &**shift));
        let phi = Unary::LeakyRelu { slope };
        let count = E::from_f64(plane as f64);
        let x = view(x, (batch, channels, plane));
        let mut y = Array3::zeros((batch, channels, plane));
        let mut mean = Array2::zeros((batch, channels));
        let mut inverse_deviation = Array2::zeros((batch, channels));
        for n in 0..batch {
            for c in 0..channels {
                let (scale, shift) = scale_and_shift(affine, c);
                let mu = sum((0..plane).map(|i| x[[n, c, i]])) / count;
                let variance = sum((0..plane).map(|i| (x[[n, c, i]] - mu).powi(2))) / count;
                let inverse = (variance + E::from_f64(epsilon)).sqrt().recip();
                for i in 0..plane {
                    y[[n, c, i]] = phi.apply(scale * (x[[n, c, i]] - mu) * inverse + shift);
                }
                mean[[n, c]] = mu;
                inverse_deviation[[n, c]] = inverse;
            }
        }
        Ok((buffer(&y), buffer(&mean), buffer(&inverse_deviation)))
    }

    fn instance_norm_grad(
        &self,
        x: &Self::Buffer,
        mean: &Self::Buffer,
        inverse_deviation: &Self::Buffer,
        affine: Option<(&Self::Buffer, &Self::Buffer)>,
        grad_output: &Self::Buffer,
        size: &NormSize,
    ) -> Result<(Self::Buffer, Option<(Self::Buffer, Self::Buffer)>)> {
        let &NormSize { batch, channels, plane, slope, .. } = size;
        let affine = affine.map(|(scale, shift)| (&**scale, &**shift));
        let phi = Unary::LeakyRelu { slope };
        let count = E::from_f64(plane as f64);
        let x = view(x, (batch, channels, plane));
        let grad_output = view(grad_output, (batch, channels, plane));
        let mean = view(mean, (batch, channels));
        let inverse_deviation = view(inverse_deviation, (batch, channels));
        let mut grad_x = Array3::zeros((batch, channels, plane));
        // Sums over a plane, (N, C); those over n follow.
        let mut grad_scale = Array2::zeros((batch, channels));
        let mut grad_shift = Array2::zeros((batch, channels));
        for n in 0..batch {
            for c in 0..channels {
                let (scale, shift) = scale_and_shift(affine, c);
                let inverse = inverse_deviation[[n, c]];
                let normalised = |i: usize| (x[[n, c, i]] - mean[[n, c]]) * inverse;
                // The gradient in z = γ·x̂ + β, the activation's input.
                let grad_z = |i: usize| {
                    let z = scale * (x[[n, c, i]] - mean[[n, c]]) * inverse + shift;
                    grad_output[[n, c, i]] * phi.derivative(z, phi.apply(z))
                };
                let total = sum((0..plane).map(grad_z));
                let total_normalised = sum((0..plane).map(|i| grad_z(i) * normalised(i)));
                for i in 0..plane {
                    let centred = grad_z(i) - total / count - normalised(i) * total_normalised / count;
                    grad_x[[n, c, i]] = scale * inverse * centred;
                }
                grad_scale[[n, c]] = total_normalised;
                grad_shift[[n, c]] = total;
            }
        }
        let over_batch = |grad: &Array2<E>| {
            buffer(&ndarray::Array1::from_shape_fn(channels, |c| sum((0..batch).map(|n| grad[[n, c]]))))
        };
        Ok((buffer(&grad_x), affine.map(|_| (over_batch(&grad_scale), over_batch(&grad_shift)))))
    }
}

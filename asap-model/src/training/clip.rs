//! Gradient clipping by the norm over all parameters of a network (Pascanu, Mikolov, Bengio 2013).

use std::collections::BTreeMap;

use asap_tensor::ops::{Unary, cat, div, mul, sum, unary};
use asap_tensor::{Backend, Tensor};

use crate::Result;

/// Scales all gradients by min(1, limit / norm), and returns the norm from before, (), with norm = √(Σ g²) over all of them.
/// Nothing waits for the device.
///
/// Gradients of a smaller norm keep their bits: the factor limit / (limit + max(0, norm − limit)) is exactly 1 then.
pub(super) fn clip<B: Backend>(gradients: &mut BTreeMap<String, Tensor<B>>, limit: f64) -> Result<Option<Tensor<B>>> {
    let square = |gradient: &Tensor<B>| Ok(sum(&mul(gradient, gradient)?)?.reshape([1])?);
    let squares = gradients.values().map(square).collect::<Result<Vec<_>>>()?;
    if squares.is_empty() {
        return Ok(None);
    }
    let norm = unary(Unary::Sqrt, &sum(&cat(&squares.iter().collect::<Vec<_>>(), 0)?)?)?;
    let affine = |shift| Unary::Affine { scale: 1.0, shift };
    let excess = unary(Unary::LeakyRelu { slope: 0.0 }, &unary(affine(-limit), &norm)?)?;
    let factor = div(&Tensor::full(norm.backend(), [], limit)?, &unary(affine(limit), &excess)?)?;
    for gradient in gradients.values_mut() {
        *gradient = mul(gradient, &factor)?;
    }
    Ok(Some(norm))
}

#[cfg(test)]
mod tests {
    use asap_tensor::{Reference, random};

    use super::*;

    fn gradients(scale: f64) -> BTreeMap<String, Tensor<Reference<f64>>> {
        let tensor = |name: &str, count: usize| {
            let values: Vec<f32> = random::normal(3, name, count, scale);
            (name.to_owned(), Tensor::from_f32(&Reference::new(), [count], &values).unwrap())
        };
        [tensor("a", 5), tensor("b", 7)].into()
    }

    fn values(gradients: &BTreeMap<String, Tensor<Reference<f64>>>) -> Vec<f64> {
        gradients.values().flat_map(|gradient| gradient.to_vec().unwrap()).collect()
    }

    fn norm(values: &[f64]) -> f64 {
        values.iter().map(|g| g * g).sum::<f64>().sqrt()
    }

    #[test]
    fn larger_norms_become_the_limit() {
        let mut clipped = gradients(10.0);
        let before = values(&clipped);
        let measured = clip(&mut clipped, 0.5).unwrap().unwrap().item().unwrap();
        assert!((measured - norm(&before)).abs() < 1e-12 * measured);
        let after = values(&clipped);
        assert!((norm(&after) - 0.5).abs() < 1e-12, "the norm of all together");
        let factors = after.iter().zip(&before).map(|(a, b)| a / b);
        assert!(factors.into_iter().all(|factor| (factor - 0.5 / measured).abs() < 1e-12), "one factor for all");
    }

    #[test]
    fn smaller_norms_keep_their_bits() {
        let mut clipped = gradients(1e-3);
        let before = values(&clipped);
        clip(&mut clipped, 0.7).unwrap();
        assert_eq!(values(&clipped), before);
        let mut zeros = BTreeMap::from([("a".to_owned(), Tensor::zeros(&Reference::<f64>::new(), [3]).unwrap())]);
        clip(&mut zeros, 0.7).unwrap();
        assert_eq!(values(&zeros), [0.0; 3]);
    }
}

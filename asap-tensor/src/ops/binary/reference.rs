//! Kernels of `Reference`.

use std::sync::Arc;

use super::{BinaryOp, Broadcast};
use crate::error::Result;
use crate::op::Kernel;
use crate::reference::Reference;
use crate::storage::Element;

impl<E: Element> Kernel<BinaryOp> for Reference<E> {
    fn compute(&self, op: &BinaryOp, [a, b]: [&Self::Buffer; 2]) -> Result<Self::Buffer> {
        let of = |i: usize| match op.b {
            Broadcast::Same => i,
            Broadcast::Scalar => 0,
            Broadcast::Channel { channels, plane } => i / plane % channels,
        };
        Ok(Arc::new((0..a.len()).map(|i| op.f.apply(a[i], b[of(i)])).collect()))
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::binary::{add, div, mul, sub};
    use crate::{Reference, Tensor};

    #[test]
    fn b_is_broadcast_over_a() {
        let backend = Reference::<f64>::new();
        let tensor = |shape: &[usize], data: &[f64]| Tensor::from_f64(&backend, shape, data).unwrap();
        let a = tensor(&[2, 2, 1, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        let channel = tensor(&[2], &[10.0, 100.0]);
        let sums = add(&a, &channel).unwrap().to_vec().unwrap();
        assert_eq!(sums, [11.0, 12.0, 103.0, 104.0, 15.0, 16.0, 107.0, 108.0]);
        let scalar = tensor(&[], &[2.0]);
        assert_eq!(div(&a, &scalar).unwrap().to_vec().unwrap(), [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0]);
        assert_eq!(sub(&a, &a).unwrap().to_vec().unwrap(), [0.0; 8]);
        assert_eq!(mul(&scalar, &scalar).unwrap().to_vec().unwrap(), [4.0]);
    }
}

//! Kernels of `Reference`.

use std::sync::Arc;

use super::{Binary, BinaryOps, Broadcast};
use crate::error::Result;
use crate::reference::Reference;
use crate::storage::Element;

impl<E: Element> BinaryOps for Reference<E> {
    fn binary(&self, op: Binary, a: &Self::Buffer, b: &Self::Buffer, broadcast: Broadcast) -> Result<Self::Buffer> {
        Ok(Arc::new((0..a.len()).map(|i| op.apply(a[i], b[broadcast.index(i)])).collect()))
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::binary::{add, div, mul, sub};
    use crate::{Reference, Tensor};

    #[test]
    fn the_second_is_spread_over_the_first() {
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

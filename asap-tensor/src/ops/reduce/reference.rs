//! Kernels of `Reference`.

use std::sync::Arc;

use ndarray::s;

use super::ReduceOps;
use crate::error::Result;
use crate::reference::{self, Reference, view};
use crate::storage::Element;

impl<E: Element> ReduceOps for Reference<E> {
    fn sum(&self, x: &Self::Buffer) -> Result<Self::Buffer> {
        Ok(Arc::new(vec![reference::sum(x.iter().copied())]))
    }

    fn sum_channels(&self, x: &Self::Buffer, batch: usize, channels: usize, plane: usize) -> Result<Self::Buffer> {
        let x = view(x, (batch, channels, plane));
        Ok(Arc::new((0..channels).map(|c| reference::sum(x.slice(s![.., c, ..]).iter().copied())).collect()))
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::reduce::{sum, sum_channels};
    use crate::{Reference, Tensor};

    #[test]
    fn a_long_sum_in_single_precision_is_right_to_the_last_place() {
        let x = Tensor::full(&Reference::<f32>::new(), [1_000_000], 0.1).unwrap();
        let exact = 1e6 * f64::from(0.1_f32);
        assert!((sum(&x).unwrap().item().unwrap() / exact - 1.0).abs() < 6e-8);
    }

    #[test]
    fn channels_are_summed_over_batch_and_plane() {
        let backend = Reference::<f64>::new();
        let x = Tensor::from_f64(&backend, [2, 2, 2], &[1.0, 2.0, 3.0, 4.0, 10.0, 20.0, 30.0, 40.0]).unwrap();
        assert_eq!(sum_channels(&x).unwrap().to_vec().unwrap(), [33.0, 77.0]);
    }
}

//! Kernels of `Reference`.

use std::sync::Arc;

use ndarray::s;

use super::{Sum, SumChannels};
use crate::error::Result;
use crate::op::Kernel;
use crate::reference::{self, Reference, view};
use crate::storage::Element;

impl<E: Element> Kernel<Sum> for Reference<E> {
    fn compute(&self, _: &Sum, x: &Self::Buffer) -> Result<Self::Buffer> {
        Ok(Arc::new(vec![reference::sum(x.iter().copied())]))
    }
}

impl<E: Element> Kernel<SumChannels> for Reference<E> {
    fn compute(&self, op: &SumChannels, x: &Self::Buffer) -> Result<Self::Buffer> {
        let [batch, channels, plane] = op.x.around(1);
        let x = view(x, [batch, channels, plane]);
        Ok(Arc::new((0..channels).map(|c| reference::sum(x.slice(s![.., c, ..]).iter().copied())).collect()))
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::reduce::sum_channels;
    use crate::{Reference, Tensor};

    #[test]
    fn sum_channels_sums_over_batch_and_plane() {
        let backend = Reference::<f64>::new();
        let x = Tensor::from_f64(&backend, [2, 2, 2], &[1.0, 2.0, 3.0, 4.0, 10.0, 20.0, 30.0, 40.0]).unwrap();
        assert_eq!(sum_channels(&x).unwrap().to_vec().unwrap(), [33.0, 77.0]);
    }
}

//! Kernels of `Reference`.

use std::sync::Arc;

use super::{UnaryGrad, UnaryOp};
use crate::error::Result;
use crate::op::Kernel;
use crate::reference::Reference;
use crate::storage::Element;

impl<E: Element> Kernel<UnaryOp> for Reference<E> {
    fn compute(&self, op: &UnaryOp, x: &Self::Buffer) -> Result<Self::Buffer> {
        Ok(Arc::new(x.iter().map(|&x| op.f.apply(x)).collect()))
    }
}

impl<E: Element> Kernel<UnaryGrad> for Reference<E> {
    fn compute(&self, op: &UnaryGrad, [x, y, grad_output]: [&Self::Buffer; 3]) -> Result<Self::Buffer> {
        Ok(Arc::new((0..x.len()).map(|i| grad_output[i] * op.f.derivative(x[i], y[i])).collect()))
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::unary::{Unary, unary, unary_grad};
    use crate::{Reference, Tensor};

    fn apply(op: Unary, x: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let x = Tensor::from_f64(&Reference::<f64>::new(), [x.len()], x).unwrap();
        let ones = Tensor::full(x.backend(), x.shape(), 1.0).unwrap();
        let y = unary(op, &x).unwrap();
        (y.to_vec().unwrap(), unary_grad(op, &x, &y, &ones).unwrap().to_vec().unwrap())
    }

    #[test]
    fn values_and_derivatives_match_hand_computation() {
        assert_eq!(apply(Unary::Abs, &[-2.0, 0.0, 3.0]), (vec![2.0, 0.0, 3.0], vec![-1.0, 0.0, 1.0]));
        assert_eq!(apply(Unary::Sqrt, &[4.0]), (vec![2.0], vec![0.25]));
        assert_eq!(apply(Unary::Tanh, &[0.0]), (vec![0.0], vec![1.0]));
        let (y, slopes) = apply(Unary::Sigmoid, &[0.0, 3f64.ln(), -1000.0, 1000.0]);
        assert!((y[1] - 0.75).abs() < 1e-15 && (slopes[1] - 0.1875).abs() < 1e-15, "{y:?} {slopes:?}");
        assert_eq!(([y[0], y[2], y[3]], [slopes[0], slopes[2], slopes[3]]), ([0.5, 0.0, 1.0], [0.25, 0.0, 0.0]));
        let leaky = Unary::LeakyRelu { slope: 0.25 };
        assert_eq!(apply(leaky, &[-4.0, 0.0, 3.0]), (vec![-1.0, 0.0, 3.0], vec![0.25, 0.25, 1.0]));
        assert_eq!(apply(Unary::RELU, &[-4.0, 0.0, 3.0]), (vec![0.0, 0.0, 3.0], vec![0.0, 0.0, 1.0]));
        assert_eq!(apply(Unary::Affine { scale: 2.0, shift: 1.0 }, &[3.0]), (vec![7.0], vec![2.0]));
    }
}

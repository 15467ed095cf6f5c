//! Kernels of `Reference`.

use ndarray::{Array3, Array4};

use super::{PixelConv, PixelConvGradInput, PixelConvGradKernels, PixelConvSize, TAPS};
use crate::error::Result;
use crate::op::Kernel;
use crate::reference::{Reference, buffer, sum, view};
use crate::storage::Element;

fn image(size: &PixelConvSize) -> (usize, usize, usize) {
    (size.planes, size.height, size.width)
}

fn kernels(size: &PixelConvSize) -> (usize, usize, usize, usize) {
    (size.planes, TAPS, size.height, size.width)
}

impl<E: Element> Kernel<PixelConv> for Reference<E> {
    fn compute(&self, PixelConv { size }: &PixelConv, [x, k]: [&Self::Buffer; 2]) -> Result<Self::Buffer> {
        let (x, k) = (view(x, image(size)), view(k, kernels(size)));
        Ok(buffer(&Array3::from_shape_fn(image(size), |(plane, p, q)| {
            let term = |t| size.source(t, p, q).map(|[row, column]| k[[plane, t, p, q]] * x[[plane, row, column]]);
            sum((0..TAPS).filter_map(term))
        })))
    }
}

impl<E: Element> Kernel<PixelConvGradInput> for Reference<E> {
    fn compute(&self, op: &PixelConvGradInput, [grad_output, k]: [&Self::Buffer; 2]) -> Result<Self::Buffer> {
        let size = &op.size;
        let mut grad = Array3::zeros(image(size));
        for ((plane, t, p, q), &k) in view(k, kernels(size)).indexed_iter() {
            if let Some([row, column]) = size.source(t, p, q) {
                grad[[plane, row, column]] += k * view(grad_output, image(size))[[plane, p, q]];
            }
        }
        Ok(buffer(&grad))
    }
}

impl<E: Element> Kernel<PixelConvGradKernels> for Reference<E> {
    fn compute(&self, op: &PixelConvGradKernels, [x, grad_output]: [&Self::Buffer; 2]) -> Result<Self::Buffer> {
        let size = &op.size;
        let (x, g) = (view(x, image(size)), view(grad_output, image(size)));
        Ok(buffer(&Array4::from_shape_fn(kernels(size), |(plane, t, p, q)| {
            size.source(t, p, q).map_or(E::zero(), |[row, column]| g[[plane, p, q]] * x[[plane, row, column]])
        })))
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::pixel_conv::{TAPS, pixel_conv, pixel_conv_grad_input, pixel_conv_grad_kernels};
    use crate::{Reference, Tensor};

    fn tensor(shape: [usize; 4], data: &[f64]) -> Tensor<Reference<f64>> {
        Tensor::from_f64(&Reference::new(), shape, data).unwrap()
    }

    #[test]
    fn taps_are_row_major_from_the_upper_left_neighbor() {
        let pixels: Vec<f64> = (1..=9).map(f64::from).collect();
        let x = tensor([1, 1, 3, 3], &pixels);
        // Tap t alone, of every pixel: the middle one reads pixel t.
        for t in 0..TAPS {
            let kernels: Vec<f64> = (0..TAPS * 9).map(|i| f64::from(i / 9 == t)).collect();
            let y = pixel_conv(&x, &tensor([1, 9, 3, 3], &kernels)).unwrap().to_vec().unwrap();
            assert_eq!(y[4], pixels[t], "tap {t}");
            // The upper left pixel has neighbors to its right and below only.
            let upper_left = [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 4.0, 5.0];
            assert_eq!(y[0], upper_left[t], "tap {t}");
        }
    }

    #[test]
    fn each_channel_of_each_image_has_its_own_kernels() {
        let x = tensor([2, 2, 1, 1], &[1.0, 2.0, 3.0, 4.0]);
        let middle: Vec<f64> =
            (0..2 * 2 * TAPS).map(|i| if i % TAPS == 4 { 10f64.powi((i / TAPS) as i32) } else { 99.0 }).collect();
        let y = pixel_conv(&x, &tensor([2, 18, 1, 1], &middle)).unwrap();
        assert_eq!(y.to_vec().unwrap(), [1.0, 20.0, 300.0, 4000.0]);
    }

    #[test]
    fn mismatched_shapes_are_rejected() {
        let (x, eight) = (tensor([1, 1, 1, 2], &[0.0; 2]), tensor([1, 8, 1, 2], &[0.0; 16]));
        let message = pixel_conv(&x, &eight).unwrap_err().to_string();
        assert!(message.contains("(1, 9, 1, 2)") && message.contains("(1, 8, 1, 2)"), "{message}");
        assert!(pixel_conv_grad_input(&x, &eight).is_err());
        assert!(pixel_conv_grad_kernels(&x, &eight).is_err());
        let flat = Tensor::from_f64(&Reference::<f64>::new(), [2], &[0.0; 2]).unwrap();
        assert!(pixel_conv(&flat, &flat).is_err());
    }
}

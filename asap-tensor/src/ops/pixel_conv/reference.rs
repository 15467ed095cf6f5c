//! Kernels of `Reference`.

use ndarray::{Array3, Array4};

use super::{PixelConvOps, PixelConvSize, TAPS};
use crate::error::Result;
use crate::reference::{Reference, buffer, sum, view};
use crate::storage::Element;

impl PixelConvSize {
    fn image(&self) -> (usize, usize, usize) {
        (self.planes, self.height, self.width)
    }

    fn kernels(&self) -> (usize, usize, usize, usize) {
        (self.planes, TAPS, self.height, self.width)
    }
}

impl<E: Element> PixelConvOps for Reference<E> {
    fn pixel_conv(&self, x: &Self::Buffer, kernels: &Self::Buffer, size: &PixelConvSize) -> Result<Self::Buffer> {
        let (x, kernels) = (view(x, size.image()), view(kernels, size.kernels()));
        Ok(buffer(&Array3::from_shape_fn(size.image(), |(plane, p, q)| {
            let term = |t| size.met(t, p, q).map(|[row, column]| kernels[[plane, t, p, q]] * x[[plane, row, column]]);
            sum((0..TAPS).filter_map(term))
        })))
    }

    fn pixel_conv_grad_input(
        &self,
        grad_output: &Self::Buffer,
        kernels: &Self::Buffer,
        size: &PixelConvSize,
    ) -> Result<Self::Buffer> {
        let mut grad = Array3::zeros(size.image());
        for ((plane, t, p, q), &k) in view(kernels, size.kernels()).indexed_iter() {
            if let Some([row, column]) = size.met(t, p, q) {
                grad[[plane, row, column]] += k * view(grad_output, size.image())[[plane, p, q]];
            }
        }
        Ok(buffer(&grad))
    }

    fn pixel_conv_grad_kernels(
        &self,
        x: &Self::Buffer,
        grad_output: &Self::Buffer,
        size: &PixelConvSize,
    ) -> Result<Self::Buffer> {
        let (x, g) = (view(x, size.image()), view(grad_output, size.image()));
        Ok(buffer(&Array4::from_shape_fn(size.kernels(), |(plane, t, p, q)| {
            size.met(t, p, q).map_or(E::zero(), |[row, column]| g[[plane, p, q]] * x[[plane, row, column]])
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
    fn taps_go_row_by_row_from_the_upper_left_neighbor() {
        let pixels: Vec<f64> = (1..=9).map(f64::from).collect();
        let x = tensor([1, 1, 3, 3], &pixels);
        // Tap t alone, of every pixel: the middle one sees pixel t.
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
    fn images_and_kernels_that_do_not_fit_are_refused() {
        let (x, eight) = (tensor([1, 1, 1, 2], &[0.0; 2]), tensor([1, 8, 1, 2], &[0.0; 16]));
        let message = pixel_conv(&x, &eight).unwrap_err().to_string();
        assert!(message.contains("(1, 9, 1, 2)") && message.contains("(1, 8, 1, 2)"), "{message}");
        assert!(pixel_conv_grad_input(&x, &eight).is_err());
        assert!(pixel_conv_grad_kernels(&x, &eight).is_err());
        let flat = Tensor::from_f64(&Reference::<f64>::new(), [2], &[0.0; 2]).unwrap();
        assert!(pixel_conv(&flat, &flat).is_err());
    }
}

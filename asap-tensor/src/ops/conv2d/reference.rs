//! Kernels of `Reference`: a convolution is a matrix product with the patches of the image.

use ndarray::{Array2, Array3, Array4, ArrayView2, ArrayView3, Axis};

use super::ops::{Conv2dForward, Conv2dGradInput, Conv2dGradWeight, Conv2dIds, Conv2dIdsGradWeight, Conv2dStack};
use super::size::Conv2dSize;
use crate::error::Result;
use crate::op::{Inputs, Kernel};
use crate::ops::layout::OneHot;
use crate::reference::{Reference, buffer, view};
use crate::storage::Element;

/// Rows and columns of the matrix of patches: I·R·S values of a patch, and a patch for each of the P·Q outputs.
fn patches_size(size: &Conv2dSize) -> (usize, usize) {
    (size.patch(), size.out_height * size.out_width)
}

/// Index of the element of x, (I, H, W), in row (i, r, s) and column (p, q) of the patches, or `None` for padding.
fn source(row: usize, column: usize, size: &Conv2dSize) -> Option<[usize; 3]> {
    let (tap, s) = (row / size.kernel_width, row % size.kernel_width);
    let (i, r) = (tap / size.kernel_height, tap % size.kernel_height);
    let (p, q) = (column / size.out_width, column % size.out_width);
    Some([i, size.source_row(p, r)?, size.source_column(q, s)?])
}

/// The patches of one image, x (I, H, W), as columns: (I·R·S, P·Q).
fn unfold<E: Element>(x: ArrayView3<'_, E>, size: &Conv2dSize) -> Array2<E> {
    Array2::from_shape_fn(patches_size(size), |(row, column)| source(row, column, size).map_or(E::zero(), |at| x[at]))
}

/// The transpose of [`unfold`]: the sum of each pixel over the patches that contain it.
fn fold<E: Element>(patches: ArrayView2<'_, E>, size: &Conv2dSize) -> Array3<E> {
    let mut x = Array3::zeros((size.in_channels, size.in_height, size.in_width));
    for ((row, column), &value) in patches.indexed_iter() {
        if let Some(at) = source(row, column, size) {
            x[at] += value;
        }
    }
    x
}

impl<E: Element> Kernel<Conv2dForward> for Reference<E> {
    fn compute(
        &self,
        Conv2dForward { size }: &Conv2dForward,
        (x, weight, bias): Inputs<'_, Conv2dForward, Self>,
    ) -> Result<Self::Buffer> {
        let x = view(x, (size.batch, size.in_channels, size.in_height, size.in_width));
        let weight = view(weight, (size.out_channels, size.patch()));
        let mut y = Array3::zeros((size.batch, size.out_channels, size.out_height * size.out_width));
        for n in 0..size.batch {
            y.index_axis_mut(Axis(0), n).assign(&weight.dot(&unfold(x.index_axis(Axis(0), n), size)));
        }
        if let Some(bias) = bias {
            y += &view(bias, (1, size.out_channels, 1));
        }
        Ok(buffer(&y))
    }
}

impl<E: Element> Kernel<Conv2dGradInput> for Reference<E> {
    fn compute(&self, op: &Conv2dGradInput, [grad_output, weight]: [&Self::Buffer; 2]) -> Result<Self::Buffer> {
        let size = &op.size;
        let grad_output = view(grad_output, (size.batch, size.out_channels, size.out_height * size.out_width));
        let weight = view(weight, (size.out_channels, size.patch()));
        let mut grad = Array4::zeros((size.batch, size.in_channels, size.in_height, size.in_width));
        for n in 0..size.batch {
            let patches = weight.t().dot(&grad_output.index_axis(Axis(0), n));
            grad.index_axis_mut(Axis(0), n).assign(&fold(patches.view(), size));
        }
        Ok(buffer(&grad))
    }
}

impl<E: Element> Kernel<Conv2dGradWeight> for Reference<E> {
    fn compute(&self, op: &Conv2dGradWeight, [x, grad_output]: [&Self::Buffer; 2]) -> Result<Self::Buffer> {
        let size = &op.size;
        let x = view(x, (size.batch, size.in_channels, size.in_height, size.in_width));
        let grad_output = view(grad_output, (size.batch, size.out_channels, size.out_height * size.out_width));
        let mut grad = Array2::zeros((size.out_channels, size.patch()));
        for n in 0..size.batch {
            grad += &grad_output.index_axis(Axis(0), n).dot(&unfold(x.index_axis(Axis(0), n), size).t());
        }
        Ok(buffer(&grad))
    }
}

fn one_hot(size: &Conv2dSize) -> OneHot {
    OneHot { ids: [size.batch, size.in_height, size.in_width], classes: size.in_channels }
}

/// By definition: the one-hot form is convolved.
impl<E: Element> Kernel<Conv2dIds> for Reference<E> {
    fn compute(
        &self,
        Conv2dIds { size }: &Conv2dIds,
        (ids, weight, bias): Inputs<'_, Conv2dIds, Self>,
    ) -> Result<Self::Buffer> {
        let x = self.compute(&one_hot(size), ids)?;
        self.compute(&Conv2dForward { size: *size }, (&x, weight, bias))
    }
}

/// By definition: the one-hot form is the input.
impl<E: Element> Kernel<Conv2dIdsGradWeight> for Reference<E> {
    fn compute(
        &self,
        Conv2dIdsGradWeight { size }: &Conv2dIdsGradWeight,
        (ids, grad_output): Inputs<'_, Conv2dIdsGradWeight, Self>,
    ) -> Result<Self::Buffer> {
        let x = self.compute(&one_hot(size), ids)?;
        self.compute(&Conv2dGradWeight { size: *size }, [&x, grad_output])
    }
}

impl<E: Element> Kernel<Conv2dStack> for Reference<E> {
    fn compute(&self, op: &Conv2dStack, inputs: Inputs<'_, Conv2dStack, Self>) -> Result<Self::Buffer> {
        op.apart(self, inputs)
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::conv2d::{
        Conv2d, conv2d, conv2d_grad_input, conv2d_grad_weight, conv2d_ids, conv2d_ids_grad_weight,
    };
    use crate::ops::layout::one_hot;
    use crate::random::uniform_by_name;
    use crate::{Ids, Reference, Tensor};

    fn tensor(shape: &[usize], data: &[f64]) -> Tensor<Reference<f64>> {
        Tensor::from_f64(&Reference::new(), shape, data).unwrap()
    }

    fn uniform(name: &str, shape: &[usize]) -> Tensor<Reference<f64>> {
        Tensor::from_f32(&Reference::new(), shape, &uniform_by_name(name, shape.iter().product())).unwrap()
    }

    #[test]
    fn three_by_three_kernel_matches_hand_computation() {
        let x = tensor(&[1, 1, 3, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        // The pixel itself, 10 times the one to its right, 100 times the one below: the kernel is not flipped.
        let weight = tensor(&[1, 1, 3, 3], &[0.0, 0.0, 0.0, 0.0, 1.0, 10.0, 0.0, 100.0, 0.0]);
        let bias = tensor(&[1], &[1000.0]);
        let y = conv2d(&x, &weight, Some(&bias), Conv2d::padded(1)).unwrap();
        let by_hand = [1421.0, 1532.0, 1603.0, 1754.0, 1865.0, 1906.0, 1087.0, 1098.0, 1009.0];
        assert_eq!((y.dims(), y.to_vec().unwrap()), (&[1, 1, 3, 3][..], by_hand.to_vec()));
        let strided = conv2d(&x, &weight, None, Conv2d { stride: 2, padding: 1 }).unwrap();
        assert_eq!(strided.to_vec().unwrap(), [421.0, 603.0, 87.0, 9.0]);
    }

    #[test]
    fn channels_are_summed_and_images_are_independent() {
        let x = tensor(&[2, 2, 1, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        let weight = tensor(&[3, 2, 1, 1], &[1.0, 0.0, 0.0, 1.0, 1.0, 10.0]);
        let y = conv2d(&x, &weight, None, Conv2d::default()).unwrap();
        let by_hand = [1.0, 2.0, 3.0, 4.0, 31.0, 42.0, 5.0, 6.0, 7.0, 8.0, 75.0, 86.0];
        assert_eq!((y.dims(), y.to_vec().unwrap()), (&[2, 3, 1, 2][..], by_hand.to_vec()));
    }

    #[test]
    fn gradients_match_hand_computation() {
        // y = (w0·x0 + w1·x1, w0·x1 + w1·x2)
        let x = tensor(&[1, 1, 1, 3], &[2.0, 3.0, 5.0]);
        let weight = tensor(&[1, 1, 1, 2], &[7.0, 11.0]);
        let grad = tensor(&[1, 1, 1, 2], &[1.0, 10.0]);
        let grad_x = conv2d_grad_input(&grad, &weight, x.shape(), Conv2d::default()).unwrap();
        assert_eq!(grad_x.to_vec().unwrap(), [7.0, 11.0 + 70.0, 110.0]);
        let grad_weight = conv2d_grad_weight(&x, &grad, weight.shape(), Conv2d::default()).unwrap();
        assert_eq!(grad_weight.to_vec().unwrap(), [2.0 + 30.0, 3.0 + 50.0]);
    }

    #[test]
    fn ids_match_their_one_hot_form() {
        let backend = Reference::<f64>::new();
        // 7 lies outside the five classes: its pixels are zeros.
        let labels = (0..2 * 5 * 6).map(|i| [0, 3, 1, 7, 4, 2][(i * i + i / 7) % 6]).collect();
        let ids = Ids::from_vec(&backend, [2, 5, 6], labels).unwrap();
        let x = one_hot(&ids, 5).unwrap();
        let (weight, bias) = (uniform("weight", &[4, 5, 3, 3]), uniform("bias", &[4]));
        let dense = conv2d(&x, &weight, Some(&bias), Conv2d { stride: 2, padding: 1 }).unwrap();
        let looked_up = conv2d_ids(&ids, &weight, Some(&bias), Conv2d { stride: 2, padding: 1 }).unwrap();
        assert_eq!(looked_up.to_vec().unwrap(), dense.to_vec().unwrap());
        let grad = uniform("grad", dense.dims());
        let dense = conv2d_grad_weight(&x, &grad, weight.shape(), Conv2d { stride: 2, padding: 1 }).unwrap();
        let looked_up = conv2d_ids_grad_weight(&ids, &grad, weight.shape(), Conv2d { stride: 2, padding: 1 }).unwrap();
        assert_eq!(looked_up.to_vec().unwrap(), dense.to_vec().unwrap());
    }

    #[test]
    fn one_by_one_kernel_looks_up_ids() {
        let ids = Ids::from_vec(&Reference::<f64>::new(), [1, 1, 4], vec![2, 0, 1, 9]).unwrap();
        let y = conv2d_ids(&ids, &tensor(&[1, 3, 1, 1], &[10.0, 20.0, 30.0]), None, Conv2d::default()).unwrap();
        assert_eq!(y.to_vec().unwrap(), [30.0, 10.0, 20.0, 0.0]);
    }
}

//! Kernels of `Reference`.

use std::sync::Arc;

use ndarray::{Array3, Axis, IxDyn, concatenate, s};
use num_traits::Zero;

use super::{Cat, Narrow, OneHot, Pad2d, Pad2dGrad, PadIds, PadSize, Permute, Place};
use crate::error::Result;
use crate::op::Kernel;
use crate::reference::{Reference, buffer, view};
use crate::storage::Element;

impl<E: Element> Kernel<Permute> for Reference<E> {
    fn compute(&self, op: &Permute, x: &Self::Buffer) -> Result<Self::Buffer> {
        let axes = &op.axes[..op.x.rank()];
        Ok(buffer(&view(x, op.x.dims()).permuted_axes(IxDyn(axes))))
    }
}

impl<E: Element> Kernel<Narrow> for Reference<E> {
    fn compute(&self, op: &Narrow, x: &Self::Buffer) -> Result<Self::Buffer> {
        let (&Narrow { start, length, .. }, [outer, size, inner]) = (op, op.x.around(op.axis));
        Ok(buffer(&view(x, (outer, size, inner)).slice(s![.., start..start + length, ..])))
    }
}

impl<E: Element> Kernel<Place> for Reference<E> {
    fn compute(&self, op: &Place, x: &Self::Buffer) -> Result<Self::Buffer> {
        let (&Place { start, size, .. }, [outer, length, inner]) = (op, op.x.around(op.axis));
        let mut y = Array3::zeros((outer, size, inner));
        y.slice_mut(s![.., start..start + length, ..]).assign(&view(x, (outer, length, inner)));
        Ok(buffer(&y))
    }
}

impl<E: Element> Kernel<Cat> for Reference<E> {
    fn compute(&self, op: &Cat, pieces: &[(&Self::Buffer, usize)]) -> Result<Self::Buffer> {
        let [outer, _, inner] = op.y.around(op.axis);
        let pieces: Vec<_> = pieces.iter().map(|&(piece, size)| view(piece, (outer, size, inner))).collect();
        Ok(buffer(&concatenate(Axis(1), &pieces).expect("the pieces agree in the outer and inner size")))
    }
}

impl<E: Element> Kernel<Pad2d> for Reference<E> {
    fn compute(&self, op: &Pad2d, x: &Self::Buffer) -> Result<Self::Buffer> {
        Ok(pad(x, &op.size))
    }
}

impl<E: Element> Kernel<Pad2dGrad> for Reference<E> {
    fn compute(&self, op: &Pad2dGrad, grad_output: &Self::Buffer) -> Result<Self::Buffer> {
        let size = &op.size;
        let grad_output = view(grad_output, (size.planes(), size.out_height(), size.out_width()));
        let mut grad = Array3::zeros((size.planes(), size.height, size.width));
        for ((plane, y, x), &g) in grad_output.indexed_iter() {
            if let (Some(y), Some(x)) = (size.source_row(y), size.source_column(x)) {
                grad[[plane, y, x]] += g;
            }
        }
        Ok(buffer(&grad))
    }
}

impl<E: Element> Kernel<PadIds> for Reference<E> {
    fn compute(&self, op: &PadIds, ids: &Self::IdBuffer) -> Result<Self::IdBuffer> {
        Ok(pad(ids, &op.size))
    }
}

impl<E: Element> Kernel<OneHot> for Reference<E> {
    fn compute(&self, op: &OneHot, ids: &Self::IdBuffer) -> Result<Self::Buffer> {
        let OneHot { ids: [batch, h, w], classes } = *op;
        let plane = h * w;
        let ids = view(ids, (batch, plane));
        Ok(buffer(&Array3::from_shape_fn((batch, classes, plane), |(n, c, i)| {
            if usize::from(ids[[n, i]]) == c { E::one() } else { E::zero() }
        })))
    }
}

fn pad<T: Copy + Zero>(images: &[T], size: &PadSize) -> Arc<Vec<T>> {
    let images = view(images, (size.planes(), size.height, size.width));
    let padded = (size.planes(), size.out_height(), size.out_width());
    buffer(&Array3::from_shape_fn(padded, |(plane, y, x)| match (size.source_row(y), size.source_column(x)) {
        (Some(y), Some(x)) => images[[plane, y, x]],
        _ => T::zero(),
    }))
}

#[cfg(test)]
mod tests {
    use crate::ops::layout::{Pad, PadMode, cat, narrow, one_hot, pad_ids, pad2d, pad2d_grad, permute, place};
    use crate::{Ids, Reference, Tensor};

    fn tensor(shape: &[usize], data: &[f64]) -> Tensor<Reference<f64>> {
        Tensor::from_f64(&Reference::new(), shape, data).unwrap()
    }

    fn counting(shape: &[usize]) -> Tensor<Reference<f64>> {
        tensor(shape, &(0..shape.iter().product()).map(|i: usize| i as f64).collect::<Vec<_>>())
    }

    #[test]
    fn permute_reorders_axes() {
        let y = permute(&counting(&[2, 1, 3]), &[2, 0, 1]).unwrap();
        assert_eq!((y.dims(), y.to_vec().unwrap()), (&[3, 2, 1][..], vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0]));
    }

    #[test]
    fn cat_undoes_narrow() {
        let x = counting(&[2, 3, 2]);
        let (first, rest) = (narrow(&x, 1, 0, 1).unwrap(), narrow(&x, 1, 1, 2).unwrap());
        assert_eq!(first.to_vec().unwrap(), [0.0, 1.0, 6.0, 7.0]);
        assert_eq!(cat(&[&first, &rest], 1).unwrap().to_vec().unwrap(), x.to_vec().unwrap());
        let placed = place(&first, 1, 2, 3).unwrap().to_vec().unwrap();
        assert_eq!(placed, [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 6.0, 7.0]);
    }

    #[test]
    fn reflection_does_not_repeat_the_edge() {
        let x = tensor(&[1, 1, 2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let pad = Pad { top: 1, bottom: 0, left: 2, right: 1 };
        let y = pad2d(&x, pad, PadMode::Reflect).unwrap();
        #[rustfmt::skip]
        let reflected = [
            6.0, 5.0, 4.0, 5.0, 6.0, 5.0,
            3.0, 2.0, 1.0, 2.0, 3.0, 2.0,
            6.0, 5.0, 4.0, 5.0, 6.0, 5.0,
        ];
        assert_eq!((y.dims(), y.to_vec().unwrap()), (&[1, 1, 3, 6][..], reflected.to_vec()));
        // Rows show once and twice, columns once, thrice and twice.
        let ones = Tensor::full(x.backend(), y.shape(), 1.0).unwrap();
        let shown = pad2d_grad(&ones, pad, PadMode::Reflect).unwrap().to_vec().unwrap();
        assert_eq!(shown, [1.0, 3.0, 2.0, 2.0, 6.0, 4.0]);
    }

    #[test]
    fn zero_padding_takes_no_gradient() {
        let x = tensor(&[1, 1, 1, 2], &[1.0, 2.0]);
        let pad = Pad { top: 0, bottom: 1, left: 1, right: 0 };
        let y = pad2d(&x, pad, PadMode::Zero).unwrap();
        assert_eq!(y.to_vec().unwrap(), [0.0, 1.0, 2.0, 0.0, 0.0, 0.0]);
        let grad = pad2d_grad(&counting(y.dims()), pad, PadMode::Zero).unwrap();
        assert_eq!(grad.to_vec().unwrap(), [1.0, 2.0]);
    }

    #[test]
    fn one_hot_and_pad_ids_match_hand_computation() {
        let ids = Ids::from_vec(&Reference::<f64>::new(), [1, 1, 3], vec![0, 2, 9]).unwrap();
        let y = one_hot(&ids, 3).unwrap();
        assert_eq!(y.to_vec().unwrap(), [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        let padded = pad_ids(&ids, Pad { top: 0, bottom: 0, left: 1, right: 2 }).unwrap();
        assert_eq!(padded.to_vec().unwrap(), [2, 0, 2, 9, 2, 0]);
    }
}

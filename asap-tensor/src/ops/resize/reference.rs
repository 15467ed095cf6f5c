//! Kernels of `Reference`.

use ndarray::Array3;

use super::{PickIds, Resize, ResizeIds};
use crate::error::Result;
use crate::op::{Inputs, Kernel, Op};
use crate::ops::layout::OneHot;
use crate::reference::{Reference, buffer, view};
use crate::storage::Element;

impl<E: Element> Kernel<Resize> for Reference<E> {
    fn compute(&self, op: &Resize, (x, rows, columns): Inputs<'_, Resize, Self>) -> Result<Self::Buffer> {
        let [planes, ..] = op.x.planes();
        let image = view(x, (planes, rows.inputs(), columns.inputs()));
        // R·x
        let tall = Array3::from_shape_fn((planes, rows.outputs(), columns.inputs()), |(plane, y, x)| {
            rows.of(y).map(|(i, weight)| E::from_f64(weight) * image[[plane, i, x]]).sum::<E>()
        });
        // (R·x)·Cᵀ
        Ok(buffer(&Array3::from_shape_fn((planes, rows.outputs(), columns.outputs()), |(plane, y, x)| {
            columns.of(x).map(|(j, weight)| E::from_f64(weight) * tall[[plane, y, j]]).sum::<E>()
        })))
    }
}

/// By definition: makes the one-hot form and resamples it.
impl<E: Element> Kernel<ResizeIds> for Reference<E> {
    fn compute(&self, op: &ResizeIds, (ids, rows, columns): Inputs<'_, ResizeIds, Self>) -> Result<Self::Buffer> {
        let one_hot = OneHot { ids: [op.y.dims()[0], rows.inputs(), columns.inputs()], classes: op.y.dims()[1] };
        let x = self.compute(&one_hot, ids)?;
        self.compute(&Resize { x: one_hot.output(), y: op.y }, (&x, rows, columns))
    }
}

impl<E: Element> Kernel<PickIds> for Reference<E> {
    fn compute(&self, op: &PickIds, (ids, rows, columns): Inputs<'_, PickIds, Self>) -> Result<Self::IdBuffer> {
        let ids = view(ids, op.ids);
        let [first_row, first_column] = [rows, columns].map(|taps| |o| taps.index()[o * taps.per_output()] as usize);
        Ok(buffer(&Array3::from_shape_fn(op.y, |(n, y, x)| ids[[n, first_row(y), first_column(x)]])))
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::layout::one_hot;
    use crate::ops::resize::{Taps, pick_ids, resize, resize_grad, resize_ids};
    use crate::random::uniform_by_name;
    use crate::{Ids, Reference, Tensor};

    fn uniform(name: &str, shape: &[usize]) -> Tensor<Reference<f64>> {
        Tensor::from_f32(&Reference::new(), shape, &uniform_by_name(name, shape.iter().product())).unwrap()
    }

    #[test]
    fn bilinear_doubling_matches_hand_computation() {
        let x = Tensor::from_f64(&Reference::<f64>::new(), [1, 1, 2, 2], &[0.0, 4.0, 8.0, 12.0]).unwrap();
        let y = resize(&x, &Taps::bilinear(2, 2).unwrap(), &Taps::bilinear(2, 4).unwrap()).unwrap();
        assert_eq!(y.to_vec().unwrap(), [0.0, 1.0, 3.0, 4.0, 8.0, 9.0, 11.0, 12.0]);
        let y = resize(&x, &Taps::bilinear(2, 4).unwrap(), &Taps::mean(2, 1)).unwrap();
        assert_eq!(y.to_vec().unwrap(), [2.0, 4.0, 8.0, 10.0]);
    }

    #[test]
    fn average_pool_matches_hand_computation() {
        let tensor = |shape: &[usize], data: &[f64]| Tensor::from_f64(&Reference::<f64>::new(), shape, data).unwrap();
        let (rows, columns) = (Taps::average_pool(2), Taps::average_pool(3));
        let y = resize(&tensor(&[1, 1, 2, 3], &[1.0, 2.0, 3.0, 5.0, 6.0, 7.0]), &rows, &columns).unwrap();
        assert_eq!((y.dims(), y.to_vec().unwrap()), (&[1, 1, 1, 2][..], vec![3.5, 4.5]));
        let grad = resize_grad(&tensor(&[1, 1, 1, 2], &[4.0, 8.0]), &rows, &columns).unwrap();
        assert_eq!(grad.to_vec().unwrap(), [1.0, 3.0, 2.0, 1.0, 3.0, 2.0]);
    }

    #[test]
    fn resize_grad_is_the_transpose() {
        let (rows, columns) = (Taps::tent(8, 4).unwrap(), Taps::bilinear(5, 7).unwrap());
        let (x, grad) = (uniform("x", &[2, 3, 8, 5]), uniform("grad", &[2, 3, 2, 7]));
        let dot = |a: &Tensor<Reference<f64>>, b: &Tensor<Reference<f64>>| -> f64 {
            a.to_vec().unwrap().iter().zip(b.to_vec().unwrap()).map(|(a, b)| a * b).sum()
        };
        let forward = dot(&grad, &resize(&x, &rows, &columns).unwrap());
        let backward = dot(&resize_grad(&grad, &rows, &columns).unwrap(), &x);
        assert!((forward - backward).abs() < 1e-12, "{forward} and {backward}");
    }

    #[test]
    fn resize_ids_equals_resize_of_one_hot() {
        let ids = Ids::from_vec(&Reference::<f64>::new(), [2, 4, 6], (0..48u32).map(|i| (i * i % 5) as u8).collect())
            .unwrap();
        let (rows, columns) = (Taps::tent(4, 2).unwrap(), Taps::tent(6, 2).unwrap());
        let dense = resize(&one_hot(&ids, 4).unwrap(), &rows, &columns).unwrap();
        let looked_up = resize_ids(&ids, 4, &rows, &columns).unwrap();
        assert_eq!(looked_up.dims(), dense.dims());
        assert_eq!(looked_up.to_vec().unwrap(), dense.to_vec().unwrap());
    }

    #[test]
    fn pick_ids_repeats_and_skips_labels() {
        let ids = Ids::from_vec(&Reference::<f64>::new(), [1, 2, 3], vec![0, 1, 2, 3, 4, 255]).unwrap();
        let picked = pick_ids(&ids, &Taps::nearest(2, 1).unwrap(), &Taps::nearest(3, 6).unwrap()).unwrap();
        assert_eq!((picked.sizes(), picked.to_vec().unwrap()), ([1, 1, 6], vec![0, 0, 1, 1, 2, 2]));
    }
}

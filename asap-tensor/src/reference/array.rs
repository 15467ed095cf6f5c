//! Buffers seen as arrays with named axes, and back.

use std::sync::Arc;

use ndarray::{ArrayBase, ArrayView, Data, Dimension, IntoDimension, StrideShape};

use crate::storage::Element;

/// A view of a row-major buffer with these sizes, which fit: the public functions have checked them.
pub(crate) fn view<T, D>(buffer: &[T], sizes: impl IntoDimension<Dim = D>) -> ArrayView<'_, T, D>
where
    D: Dimension,
{
    let sizes: StrideShape<D> = sizes.into_dimension().into();
    ArrayView::from_shape(sizes, buffer).expect("the sizes must multiply to the buffer's length")
}

/// The values of an array, in any layout, as a row-major buffer.
pub(crate) fn buffer<T, S, D>(array: &ArrayBase<S, D>) -> Arc<Vec<T>>
where
    T: Copy,
    S: Data<Elem = T>,
    D: Dimension,
{
    Arc::new(array.iter().copied().collect())
}

/// Σ terms in double precision. Single precision would lose four digits in the mean of 10⁵ values.
pub(crate) fn sum<E: Element>(terms: impl IntoIterator<Item = E>) -> E {
    E::from_f64(terms.into_iter().map(E::as_f64).sum())
}

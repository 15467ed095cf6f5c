//! Buffers seen as arrays with named axes, and back.

use std::sync::Arc;

use ndarray::{ArrayBase, ArrayView, Data, Dimension, IntoDimension, StrideShape};

use crate::storage::Element;

/// A row-major buffer under the given sizes. Kernels get sizes that fit: the public functions have checked them.
pub(crate) fn view<T, D>(buffer: &[T], sizes: impl IntoDimension<Dim = D>) -> ArrayView<'_, T, D>
where
    D: Dimension,
{
    let sizes: StrideShape<D> = sizes.into_dimension().into();
    ArrayView::from_shape(sizes, buffer).expect("the sizes must multiply to the buffer's length")
}

/// An array's values as a row-major buffer, however the array itself lies in memory.
pub(crate) fn buffer<T, S, D>(array: &ArrayBase<S, D>) -> Arc<Vec<T>>
where
    T: Copy,
    S: Data<Elem = T>,
    D: Dimension,
{
    Arc::new(array.iter().copied().collect())
}

/// Σ terms, added up in double precision. A mean over 10⁵ single-precision values, added up one after the other in
/// single precision, is off by 10⁻⁴ and more; this way it is right to the last place.
pub(crate) fn sum<E: Element>(terms: impl IntoIterator<Item = E>) -> E {
    E::from_f64(terms.into_iter().map(E::as_f64).sum())
}

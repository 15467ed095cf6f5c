//! Features of a set of pictures.

use nalgebra::DMatrix;

use crate::{Error, Result};

/// Features of pictures, as many numbers for each.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    width: usize,
    rows: Vec<f64>,
}

impl Features {
    /// Features (N, `width`), row-major.
    ///
    /// # Errors
    /// If `rows` is no multiple of `width`, or a number is not finite.
    pub fn new(width: usize, rows: Vec<f64>) -> Result<Self> {
        if width == 0 || !rows.len().is_multiple_of(width) {
            return Err(fault("Features", format!("{} numbers are no rows of {width}", rows.len())));
        }
        if let Some(place) = rows.iter().position(|x| !x.is_finite()) {
            let why = format!("feature {} of picture {} is {}", place % width, place / width, rows[place]);
            return Err(fault("Features", why));
        }
        Ok(Features { width, rows })
    }

    /// How many pictures.
    pub fn len(&self) -> usize {
        self.rows.len() / self.width
    }

    /// Whether there are no pictures.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Numbers of each picture.
    pub fn width(&self) -> usize {
        self.width
    }

    /// All numbers, picture by picture.
    pub fn rows(&self) -> &[f64] {
        &self.rows
    }

    /// (`width`, M): a column for each of M pictures.
    pub(super) fn columns(&self, pictures: impl ExactSizeIterator<Item = usize>) -> DMatrix<f64> {
        let mut numbers = Vec::with_capacity(pictures.len() * self.width);
        let count = pictures.len();
        pictures.for_each(|picture| numbers.extend_from_slice(&self.rows[picture * self.width..][..self.width]));
        DMatrix::from_vec(self.width, count, numbers)
    }
}

/// Refuses sets that `op` can't compare.
pub(super) fn require_comparable(op: &'static str, a: &Features, b: &Features) -> Result<()> {
    if a.width != b.width {
        return Err(fault(op, format!("features of {} and {} numbers can't be compared", a.width, b.width)));
    }
    match a.len().min(b.len()) {
        0 | 1 => Err(fault(op, format!("sets of {} and {} pictures are too few: each needs 2", a.len(), b.len()))),
        _ => Ok(()),
    }
}

fn fault(op: &'static str, why: String) -> Error {
    Error::Tensor(asap_tensor::Error::Argument { op, why })
}

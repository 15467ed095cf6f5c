//! Features of a set of images.

use nalgebra::DMatrix;

use super::fault;
use crate::Result;

/// Features of images, `width` values each.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    width: usize,
    rows: Vec<f64>,
}

impl Features {
    /// Features (N, `width`), row-major.
    pub fn new(width: usize, rows: Vec<f64>) -> Result<Self> {
        if width == 0 || !rows.len().is_multiple_of(width) {
            return Err(fault("Features", format!("{} values can't be split into rows of {width}", rows.len())));
        }
        if let Some(place) = rows.iter().position(|x| !x.is_finite()) {
            let why = format!("feature {} of image {} is {}", place % width, place / width, rows[place]);
            return Err(fault("Features", why));
        }
        Ok(Features { width, rows })
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.rows.len() / self.width
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Values per image.
    pub fn width(&self) -> usize {
        self.width
    }

    /// All values, image by image.
    pub fn rows(&self) -> &[f64] {
        &self.rows
    }

    /// (`width`, M): a column for each of M images.
    pub(super) fn columns(&self, images: &[usize]) -> DMatrix<f64> {
        let values = images.iter().flat_map(|image| &self.rows[image * self.width..][..self.width]);
        DMatrix::from_iterator(self.width, images.len(), values.copied())
    }
}

/// Refuses sets that `op` can't compare.
pub(super) fn require_comparable(op: &'static str, a: &Features, b: &Features) -> Result<()> {
    if a.width != b.width {
        return Err(fault(op, format!("features of {} and {} values can't be compared", a.width, b.width)));
    }
    match a.len().min(b.len()) {
        0 | 1 => Err(fault(op, format!("sets of {} and {} images are too few: each needs 2", a.len(), b.len()))),
        _ => Ok(()),
    }
}

//! What the kinds of generators have in common.

use std::ops::RangeInclusive;

use super::data::DataConfig;
use super::schema::{KeyError, Section};

/// The keys of one kind of generator.
pub trait GeneratorKind: Section {
    /// Height and width of an image must be multiples of this; and the formula of it.
    fn multiple(&self) -> (usize, &'static str);

    /// Minimum height and width of an image. Reflection padding needs two pixels where the network is smallest, and batch
    /// norm of a single pixel is constant.
    fn min_side(&self) -> usize {
        2 * self.multiple().0
    }

    /// Checks that values agree.
    fn check_values(&self, _data: &DataConfig) -> Result<(), KeyError> {
        Ok(())
    }
}

/// Factors on published widths, which are up to 1024.
pub(super) const WIDTH_FACTORS: RangeInclusive<f64> = 1.0 / 64.0..=8.0;

/// A published width times `width_factor`.
pub fn scaled(width: usize, factor: f64) -> usize {
    ((width as f64 * factor).round() as usize).max(1)
}

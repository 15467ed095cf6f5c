//! What every kind of generator says of itself.

use std::ops::RangeInclusive;

use super::data::DataConfig;
use super::schema::{Fault, Section};

/// The keys of one kind of generator.
pub trait Kind: Section {
    /// Height and width of an image must be multiples of this.
    fn multiple(&self) -> usize;

    /// What [`multiple`](Self::multiple) follows from, in words.
    fn multiple_name(&self) -> &'static str;

    /// Minimum height and width of an image. Reflection padding needs two pixels where the network is smallest, and batch
    /// norm of a single pixel would leave nothing.
    fn min_side(&self) -> usize {
        2 * self.multiple()
    }

    /// The paper's figures at the default sizes and 256×512 (table 1): millions of parameters, 10⁹ multiply-accumulates.
    fn paper_figures(&self) -> Option<[f64; 2]> {
        None
    }

    /// Checks that values agree.
    fn check_values(&self, _data: &DataConfig) -> Result<(), Fault> {
        Ok(())
    }
}

/// Factors on published widths, which are up to 1024.
pub(super) const WIDTH_FACTORS: RangeInclusive<f64> = 1.0 / 64.0..=8.0;

/// A published width times `width_factor`.
pub(super) fn scaled(width: usize, factor: f64) -> usize {
    ((width as f64 * factor).round() as usize).max(1)
}

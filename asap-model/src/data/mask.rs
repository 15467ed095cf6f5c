//! Which pixels of a pair count.

use super::example::{Channels, Example};
use crate::config::DataConfig;

impl Example {
    /// 1 where a pixel counts, else 0, (1, height, width); `None` if all count. Depths that were not measured do not, and
    /// neither do ignored labels that are masked.
    pub fn mask(&self, data: &DataConfig) -> Option<Vec<f32>> {
        let measured = self.target.mask(&data.output_scale());
        let (Channels::Labels(map), Some(masked)) = (&self.input.channels, data.masked_class()) else {
            return measured;
        };
        let labeled = map.data.iter().map(|&class| if class == masked { 0.0 } else { 1.0 });
        Some(match measured {
            Some(measured) => measured.into_iter().zip(labeled).map(|(a, b): (f32, f32)| a * b).collect(),
            None => labeled.collect(),
        })
    }
}

//! Counts over the pixels of label and depth maps.

use serde::{Deserialize, Serialize};

use super::pixels::Image;
use crate::config::DepthScale;

/// How often a class occurs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassCount {
    /// Pixels of this class.
    pub pixels: u64,
    /// Label maps in which it occurs.
    pub pictures: u64,
}

impl ClassCount {
    pub(super) fn add(&mut self, other: ClassCount) {
        self.pixels += other.pixels;
        self.pictures += other.pictures;
    }
}

/// Statistics of depth maps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DepthCount {
    /// Minimum and maximum depth, in the unit of `data.depth_max`; minimum > maximum if there is no depth.
    pub range: [f64; 2],
    /// Pixels with a depth.
    pub measured: u64,
    /// Pixels of the level that means "not measured".
    pub invalid: u64,
    /// Pixels beyond `data.depth_max`, which are clamped to it.
    pub beyond: u64,
}

impl DepthCount {
    /// Of no map.
    pub(super) const NONE: DepthCount = DepthCount { range: [f64::INFINITY, 0.0], measured: 0, invalid: 0, beyond: 0 };

    /// Of one map, with depths beyond `max` unclamped.
    pub(super) fn of(map: &Image, scale: &DepthScale) -> Self {
        let mut count = Self::NONE;
        let full = scale.full_level(map.max());
        for level in map.channel(0) {
            if scale.is_invalid(level) {
                count.invalid += 1;
                continue;
            }
            let depth = level / full * scale.max;
            count.measured += 1;
            count.beyond += u64::from(level > full);
            count.range = [count.range[0].min(depth), count.range[1].max(depth)];
        }
        count
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.range = [self.range[0].min(other.range[0]), self.range[1].max(other.range[1])];
        self.measured += other.measured;
        self.invalid += other.invalid;
        self.beyond += other.beyond;
    }

    /// A count of pixels as a fraction of all of them.
    pub fn share(&self, pixels: u64) -> f64 {
        pixels as f64 / (self.measured + self.invalid).max(1) as f64
    }
}

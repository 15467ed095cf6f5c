//! Pixels in host memory, and operations that move but do not blend them.

use crate::config::DepthScale;

/// Pixels of type `T`, row-major: `u8` for class ids and gray, `u16` for 16-bit gray, `u32` for instance ids, `[u8; 3]` for RGB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plane<T> {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// The pixels, `height * width` of them; pixel (x, y) is at `y * width + x`.
    pub data: Vec<T>,
}

/// A map of class ids.
pub type LabelMap = Plane<u8>;

/// A map of instance ids.
pub type InstanceMap = Plane<u32>;

/// An RGB image.
pub type RgbImage = Plane<[u8; 3]>;

impl<T: Copy> Plane<T> {
    /// [height, width].
    pub fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// The pixel in column `x` of row `y`.
    pub fn at(&self, x: usize, y: usize) -> T {
        self.data[y * self.width + x]
    }

    /// A plane made pixel by pixel from `f(x, y)`, row by row.
    pub fn from_fn(height: usize, width: usize, mut f: impl FnMut(usize, usize) -> T) -> Plane<T> {
        let mut data = Vec::with_capacity(height * width);
        for y in 0..height {
            data.extend((0..width).map(|x| f(x, y)));
        }
        Plane { height, width, data }
    }

    /// The `height`×`width` rectangle whose upper left pixel is (`left`, `top`). It must lie inside.
    pub fn crop(&self, left: usize, top: usize, height: usize, width: usize) -> Plane<T> {
        let mut data = Vec::with_capacity(height * width);
        for y in top..top + height {
            data.extend_from_slice(&self.data[y * self.width + left..][..width]);
        }
        Plane { height, width, data }
    }

    /// Mirrors left to right, in place.
    pub fn flip(&mut self) {
        for row in self.data.chunks_exact_mut(self.width) {
            row.reverse();
        }
    }

    /// Pads right and below to [height, width] by repeating the last column and row. An empty plane is returned unchanged.
    pub fn pad_to(&self, [height, width]: [usize; 2]) -> Plane<T> {
        if self.data.is_empty() {
            return self.clone();
        }
        Plane::from_fn(height, width, |x, y| self.at(x.min(self.width - 1), y.min(self.height - 1)))
    }
}

/// A target with the bit depth of its file: a photo, or a depth map in gray.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picture {
    /// RGB, 8 bits a channel.
    Rgb(RgbImage),
    /// Gray, 8 bits.
    Gray8(Plane<u8>),
    /// Gray, 16 bits.
    Gray16(Plane<u16>),
}

impl Picture {
    /// [height, width].
    pub fn size(&self) -> [usize; 2] {
        match self {
            Picture::Rgb(p) => p.size(),
            Picture::Gray8(p) => p.size(),
            Picture::Gray16(p) => p.size(),
        }
    }

    /// 3 for RGB, 1 for gray.
    pub fn channels(&self) -> usize {
        if matches!(self, Picture::Rgb(_)) { 3 } else { 1 }
    }

    /// The values that networks are compared with: (channels, height, width) in [−1, 1], `(v / max − 0.5) / 0.5`. The maximum is
    /// that of the format, or of a depth map with a `scale` the level of `scale.max`, at which larger depths are clamped.
    pub fn values(&self, scale: Option<DepthScale>) -> Vec<f32> {
        match (self, self.levels()) {
            (Picture::Rgb(p), _) => p.values(),
            (_, levels) => {
                let (levels, largest) = levels.unwrap_or_default();
                let full = scale.map_or(largest.into(), |scale| scale.full_level(largest.into())) as f32;
                levels.into_iter().map(|level| signed_unit(f32::from(level).min(full), full)).collect()
            }
        }
    }

    /// 1 where a depth was measured, else 0, (1, height, width); `None` if no level means "not measured".
    pub fn mask(&self, scale: Option<DepthScale>) -> Option<Vec<f32>> {
        let (invalid, (levels, _)) = (scale?.invalid?, self.levels()?);
        Some(levels.into_iter().map(|level| if level == invalid { 0.0 } else { 1.0 }).collect())
    }

    /// The levels of a gray picture, row-major, and the maximum of its format; `None` for RGB.
    pub fn levels(&self) -> Option<(Vec<u16>, u16)> {
        match self {
            Picture::Rgb(_) => None,
            Picture::Gray8(p) => Some((p.data.iter().map(|&level| level.into()).collect(), u8::MAX.into())),
            Picture::Gray16(p) => Some((p.data.clone(), u16::MAX)),
        }
    }
}

impl RgbImage {
    /// The values that networks are given: (3, height, width) in [−1, 1].
    pub fn values(&self) -> Vec<f32> {
        let of_level: [f32; 256] = std::array::from_fn(|level| signed_unit(level as f32, 255.0));
        let mut values = Vec::with_capacity(3 * self.data.len());
        for channel in 0..3 {
            values.extend(self.data.iter().map(|pixel| of_level[usize::from(pixel[channel])]));
        }
        values
    }
}

/// A level in [0, `max`], mapped to [−1, 1].
fn signed_unit(level: f32, max: f32) -> f32 {
    (level / max - 0.5) / 0.5
}

/// The edge channel of an instance map: 1 where a pixel's id differs from its left, right, upper or lower neighbor's, else 0
/// (published code). Row-major, `height * width` values. Resize and crop the map first, so that edges have the same width at every size.
pub fn instance_edges(instances: &InstanceMap) -> Vec<f32> {
    let Plane { height, width, ref data } = *instances;
    let mut edges = vec![0.0; data.len()];
    let mut mark = |a: usize, b: usize| {
        if data[a] != data[b] {
            (edges[a], edges[b]) = (1.0, 1.0);
        }
    };
    for y in 0..height {
        for x in 0..width {
            let pixel = y * width + x;
            if x + 1 < width {
                mark(pixel, pixel + 1);
            }
            if y + 1 < height {
                mark(pixel, pixel + width);
            }
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instance_edges_mark_both_sides_of_a_border() {
        let map = Plane { height: 3, width: 4, data: vec![7, 7, 9, 9, 7, 7, 9, 9, 7, 7, 7, 300] };
        #[rustfmt::skip]
        let expected = [
            0.0, 1.0, 1.0, 0.0,
            0.0, 1.0, 1.0, 1.0,
            0.0, 0.0, 1.0, 1.0,
        ];
        assert_eq!(instance_edges(&map), expected);
    }

    #[test]
    fn pad_to_repeats_last_row_and_column() {
        let map = Plane { height: 2, width: 3, data: vec![1, 2, 3, 4, 5, 6] };
        let padded = map.pad_to([4, 4]);
        assert_eq!((padded.height, padded.width), (4, 4));
        assert_eq!(padded.data, [1, 2, 3, 3, 4, 5, 6, 6, 4, 5, 6, 6, 4, 5, 6, 6]);
        assert_eq!(map.crop(0, 0, 2, 3), map);
        assert_eq!(padded.crop(0, 0, 2, 3), map);
    }

    #[test]
    fn values_are_signed_units_by_channel() {
        let picture = Picture::Rgb(Plane { height: 1, width: 2, data: vec![[0, 255, 51], [255, 0, 204]] });
        let expected = [-1.0, 1.0, 1.0, -1.0, -0.6, 0.6];
        for (value, expected) in picture.values(None).iter().zip(expected) {
            assert!((value - expected).abs() < 1e-6, "{value} should be {expected}");
        }
        let depth = Picture::Gray16(Plane { height: 1, width: 3, data: vec![0, 65535, 13107] }).values(None);
        assert_eq!(depth[..2], [-1.0, 1.0]);
        assert!((depth[2] + 0.6).abs() < 1e-6);
    }

    #[test]
    fn depth_values_are_clamped_at_max() {
        let scale = |per_unit, max| Some(DepthScale { per_unit, max, invalid: None });
        let map = Picture::Gray16(Plane { height: 1, width: 4, data: vec![0, 5000, 10000, 60000] });
        assert_eq!(map.values(scale(Some(1000.0), 10.0)), [-1.0, 0.0, 1.0, 1.0]);
        let eight = Picture::Gray8(Plane { height: 1, width: 2, data: vec![0, 255] });
        for picture in [map, eight] {
            assert_eq!(picture.values(scale(None, 7.0)), picture.values(None), "bit by bit");
        }
    }

    #[test]
    fn flip_mirrors_each_row() {
        let mut map = Plane { height: 2, width: 3, data: vec![1, 2, 3, 4, 5, 6] };
        map.flip();
        assert_eq!(map.data, [3, 2, 1, 6, 5, 4]);
    }
}

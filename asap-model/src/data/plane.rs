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

/// An RGB picture.
pub type RgbImage = Plane<[u8; 3]>;

impl<T: Copy> Plane<T> {
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

/// A target image or an RGB input, with the bit depth of its file.
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
            Picture::Rgb(p) => [p.height, p.width],
            Picture::Gray8(p) => [p.height, p.width],
            Picture::Gray16(p) => [p.height, p.width],
        }
    }

    /// 3 for RGB, 1 for gray.
    pub fn channels(&self) -> usize {
        if matches!(self, Picture::Rgb(_)) { 3 } else { 1 }
    }

    /// The values that networks see: (channels, height, width) values in [−1, 1], `(v / max − 0.5) / 0.5` with max 255 or 65535.
    pub fn to_signed_unit(&self) -> Vec<f32> {
        match self {
            Picture::Rgb(p) => {
                (0..3).flat_map(|c| p.data.iter().map(move |rgb| signed_unit(f32::from(rgb[c]), 255.0))).collect()
            }
            Picture::Gray8(p) => p.data.iter().map(|&v| signed_unit(f32::from(v), 255.0)).collect(),
            Picture::Gray16(p) => p.data.iter().map(|&v| signed_unit(f32::from(v), 65535.0)).collect(),
        }
    }

    /// Like [`to_signed_unit`](Self::to_signed_unit) for a depth map: the maximum is the level of `scale.max`, and depths beyond it
    /// are clamped. RGB is converted as usual.
    pub fn depth_to_signed_unit(&self, scale: &DepthScale) -> Vec<f32> {
        let Some((levels, most)) = self.levels() else { return self.to_signed_unit() };
        let full = scale.full_level(most.into()) as f32;
        levels.into_iter().map(|level| signed_unit(f32::from(level).min(full), full)).collect()
    }

    /// The levels of a gray picture, row-major, and the maximum of its format; `None` for RGB.
    pub fn levels(&self) -> Option<(Vec<u16>, u16)> {
        match self {
            Picture::Rgb(_) => None,
            Picture::Gray8(p) => Some((p.data.iter().map(|&level| level.into()).collect(), u8::MAX.into())),
            Picture::Gray16(p) => Some((p.data.clone(), u16::MAX)),
        }
    }

    /// See [`Plane::pad_to`].
    pub fn pad_to(&self, size: [usize; 2]) -> Picture {
        match self {
            Picture::Rgb(p) => Picture::Rgb(p.pad_to(size)),
            Picture::Gray8(p) => Picture::Gray8(p.pad_to(size)),
            Picture::Gray16(p) => Picture::Gray16(p.pad_to(size)),
        }
    }

    /// See [`Plane::crop`].
    pub(crate) fn crop(&self, left: usize, top: usize, height: usize, width: usize) -> Picture {
        match self {
            Picture::Rgb(p) => Picture::Rgb(p.crop(left, top, height, width)),
            Picture::Gray8(p) => Picture::Gray8(p.crop(left, top, height, width)),
            Picture::Gray16(p) => Picture::Gray16(p.crop(left, top, height, width)),
        }
    }

    /// Mirrors left to right, in place.
    pub fn flip(&mut self) {
        match self {
            Picture::Rgb(p) => p.flip(),
            Picture::Gray8(p) => p.flip(),
            Picture::Gray16(p) => p.flip(),
        }
    }
}

/// A level in [0, `max`], mapped to [−1, 1].
fn signed_unit(level: f32, max: f32) -> f32 {
    (level / max - 0.5) / 0.5
}

/// The edge channel of an instance map: 1 where a pixel's id differs from its left, right, upper or lower neighbour's, else 0
/// (published code). Row-major, `height * width` values. Resize and crop the map first, so that edges have the same width at every size.
pub fn instance_edges(instances: &InstanceMap) -> Vec<f32> {
    let Plane { height, width, .. } = *instances;
    let edge = |x: usize, y: usize| {
        let id = instances.at(x, y);
        (x > 0 && instances.at(x - 1, y) != id)
            || (x + 1 < width && instances.at(x + 1, y) != id)
            || (y > 0 && instances.at(x, y - 1) != id)
            || (y + 1 < height && instances.at(x, y + 1) != id)
    };
    Plane::from_fn(height, width, |x, y| if edge(x, y) { 1.0 } else { 0.0 }).data
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
    fn to_signed_unit_maps_levels_by_channel() {
        let picture = Picture::Rgb(Plane { height: 1, width: 2, data: vec![[0, 255, 51], [255, 0, 204]] });
        let expected = [-1.0, 1.0, 1.0, -1.0, -0.6, 0.6];
        for (value, expected) in picture.to_signed_unit().iter().zip(expected) {
            assert!((value - expected).abs() < 1e-6, "{value} should be {expected}");
        }
        let depth = Picture::Gray16(Plane { height: 1, width: 3, data: vec![0, 65535, 13107] }).to_signed_unit();
        assert_eq!(depth[..2], [-1.0, 1.0]);
        assert!((depth[2] + 0.6).abs() < 1e-6);
    }

    #[test]
    fn depth_to_signed_unit_clamps_at_max() {
        let scale = |per_unit, max| DepthScale { per_unit, max, invalid: None };
        let map = Picture::Gray16(Plane { height: 1, width: 4, data: vec![0, 5000, 10000, 60000] });
        assert_eq!(map.depth_to_signed_unit(&scale(Some(1000.0), 10.0)), [-1.0, 0.0, 1.0, 1.0]);
        let eight = Picture::Gray8(Plane { height: 1, width: 2, data: vec![0, 255] });
        for picture in [map, eight] {
            assert_eq!(picture.depth_to_signed_unit(&scale(None, 7.0)), picture.to_signed_unit(), "bit by bit");
        }
    }

    #[test]
    fn flip_mirrors_each_row() {
        let mut map = Plane { height: 2, width: 3, data: vec![1, 2, 3, 4, 5, 6] };
        map.flip();
        assert_eq!(map.data, [3, 2, 1, 6, 5, 4]);
    }
}

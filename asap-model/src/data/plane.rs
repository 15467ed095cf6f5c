//! Pixels in host memory, and operations that move but do not blend them.

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
    fn flip_mirrors_each_row() {
        let mut map = Plane { height: 2, width: 3, data: vec![1, 2, 3, 4, 5, 6] };
        map.flip();
        assert_eq!(map.data, [3, 2, 1, 6, 5, 4]);
    }
}

//! Images of any number of channels, with the values of their files.

use super::plane::{Plane, RgbImage};
use crate::config::ValueScale;

/// An image in host memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    height: usize,
    width: usize,
    channels: usize,
    samples: Samples,
}

/// The values of an image: row-major, the channels of a pixel side by side.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// 8 bits.
    U8(Vec<u8>),
    /// 16 bits.
    U16(Vec<u16>),
    /// 32-bit floating point.
    F32(Vec<f32>),
}

/// `$body` for the values of either type.
macro_rules! each_type {
    ($samples:expr, $values:ident => $body:expr) => {
        match $samples {
            Samples::U8($values) => $body,
            Samples::U16($values) => $body,
            Samples::F32($values) => $body,
        }
    };
}

/// The same, as samples of that type.
macro_rules! map_samples {
    ($samples:expr, $values:ident => $body:expr) => {
        match $samples {
            Samples::U8($values) => Samples::U8($body),
            Samples::U16($values) => Samples::U16($body),
            Samples::F32($values) => Samples::F32($body),
        }
    };
}

impl Samples {
    /// Number of values.
    pub fn len(&self) -> usize {
        each_type!(self, values => values.len())
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bits of each value.
    pub fn bits(&self) -> u32 {
        match self {
            Samples::U8(_) => 8,
            Samples::U16(_) => 16,
            Samples::F32(_) => 32,
        }
    }
}

impl Image {
    /// An image of [height, width] pixels.
    ///
    /// # Panics
    /// If there are not `height * width * channels` values.
    pub fn new([height, width]: [usize; 2], channels: usize, samples: Samples) -> Image {
        assert_eq!(
            samples.len(),
            height * width * channels,
            "values of {channels} channels of {height}×{width} pixels"
        );
        Image { height, width, channels, samples }
    }

    /// A gray image of 8 bits.
    pub fn gray8(plane: Plane<u8>) -> Image {
        Image::new(plane.size(), 1, Samples::U8(plane.data))
    }

    /// A gray image or depth map of 16 bits.
    pub fn gray16(plane: Plane<u16>) -> Image {
        Image::new(plane.size(), 1, Samples::U16(plane.data))
    }

    /// [height, width].
    pub fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The values.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// The maximum of the type: 255 or 65535; 1 for floating point, which has none.
    pub fn max(&self) -> f64 {
        match self.samples {
            Samples::U8(_) => u8::MAX.into(),
            Samples::U16(_) => u16::MAX.into(),
            Samples::F32(_) => 1.0,
        }
    }

    /// The stored value at a place in [`samples`](Self::samples).
    pub fn value(&self, place: usize) -> f64 {
        each_type!(&self.samples, values => values[place].into())
    }

    /// The stored values of a channel, row by row.
    pub fn channel(&self, channel: usize) -> impl Iterator<Item = f64> {
        (channel..self.samples.len()).step_by(self.channels).map(|place| self.value(place))
    }

    /// The first pixel, [x, y], with a value that is not finite.
    pub fn not_finite(&self) -> Option<[usize; 2]> {
        let Samples::F32(values) = &self.samples else { return None };
        let pixel = values.iter().position(|value| !value.is_finite())? / self.channels;
        Some([pixel % self.width, pixel / self.width])
    }

    /// An RGB image of 8 bits, if it is one.
    pub fn as_rgb(&self) -> Option<RgbImage> {
        match &self.samples {
            Samples::U8(values) if self.channels == 3 => {
                Some(Plane { height: self.height, width: self.width, data: values.as_chunks().0.to_vec() })
            }
            _ => None,
        }
    }

    /// The image with those of its channels.
    pub fn select(&self, channels: &[usize]) -> Image {
        let samples = map_samples!(&self.samples, values => {
            let pixels = values.chunks_exact(self.channels);
            pixels.flat_map(|pixel| channels.iter().map(|&channel| pixel[channel])).collect()
        });
        Image { samples, channels: channels.len(), ..*self }
    }

    /// Those of its pixels for which `keep` holds, by their place, in one row.
    pub fn pixels(&self, keep: impl Fn(usize) -> bool) -> Image {
        let samples = map_samples!(&self.samples, values => {
            let pixels = values.chunks_exact(self.channels).enumerate().filter(|(place, _)| keep(*place));
            pixels.flat_map(|(_, pixel)| pixel).copied().collect()
        });
        Image { height: 1, width: samples.len() / self.channels, channels: self.channels, samples }
    }

    /// With the middle of each channel's range where `fill` holds, by the pixel's place.
    pub fn filled(mut self, scale: &ValueScale, fill: impl Fn(usize) -> bool) -> Image {
        let middle = |channel| {
            let [low, high] = scale.range(channel, self.max());
            (low + high) / 2.0
        };
        let middle: Vec<f64> = (0..self.channels).map(middle).collect();
        fn set<T: Copy>(values: &mut [T], middle: &[T], fill: impl Fn(usize) -> bool) {
            let pixels = values.chunks_exact_mut(middle.len()).enumerate();
            pixels.filter(|(place, _)| fill(*place)).for_each(|(_, pixel)| pixel.copy_from_slice(middle));
        }
        match &mut self.samples {
            Samples::U8(values) => set(values, &middle.iter().map(|v| v.round() as u8).collect::<Vec<_>>(), fill),
            Samples::U16(values) => set(values, &middle.iter().map(|v| v.round() as u16).collect::<Vec<_>>(), fill),
            Samples::F32(values) => set(values, &middle.iter().map(|&v| v as f32).collect::<Vec<_>>(), fill),
        }
        self
    }

    /// The values that networks are given or compared with: (channels, height, width) in [−1, 1],
    /// `((v − low) / (high − low) − 0.5) / 0.5`, clamped.
    pub fn values(&self, scale: &ValueScale) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.samples.len());
        for channel in 0..self.channels {
            let [low, high] = scale.range(channel, self.max()).map(|value| value as f32);
            let signed = |value: f32| ((value.clamp(low, high) - low) / (high - low) - 0.5) / 0.5;
            match &self.samples {
                Samples::U8(levels) => {
                    let of_level: [f32; 256] = std::array::from_fn(|level| signed(level as f32));
                    let levels = levels[channel..].iter().step_by(self.channels);
                    values.extend(levels.map(|&level| of_level[usize::from(level)]));
                }
                Samples::U16(levels) => {
                    values.extend(levels[channel..].iter().step_by(self.channels).map(|&level| signed(level.into())));
                }
                Samples::F32(floats) => {
                    // What is not finite was not measured, and is masked.
                    let signed = |value: f32| if value.is_finite() { signed(value) } else { 0.0 };
                    values.extend(floats[channel..].iter().step_by(self.channels).map(|&value| signed(value)));
                }
            }
        }
        values
    }

    /// 1 where a value was measured, else 0, (1, height, width), of the first channel; `None` if no value means "not
    /// measured".
    pub fn mask(&self, scale: &ValueScale) -> Option<Vec<f32>> {
        let invalid = scale.invalid?;
        let measured = |value: f64| value != invalid && value.is_finite();
        Some(self.channel(0).map(|value| f32::from(u8::from(measured(value)))).collect())
    }

    /// The `height`×`width` rectangle whose upper left pixel is (`left`, `top`). It must lie inside.
    pub fn crop(&self, left: usize, top: usize, height: usize, width: usize) -> Image {
        let Image { width: stride, channels, .. } = *self;
        let samples = map_samples!(&self.samples, values => {
            let mut cut = Vec::with_capacity(height * width * channels);
            for row in values.chunks_exact(stride * channels).skip(top).take(height) {
                cut.extend_from_slice(&row[left * channels..][..width * channels]);
            }
            cut
        });
        Image { height, width, channels, samples }
    }

    /// Mirrors left to right.
    pub fn flip(&self) -> Image {
        self.gather(0..self.height, (0..self.width).rev())
    }

    /// Pads right and below to [height, width] by repeating the last column and row. An empty image is returned unchanged.
    pub fn pad_to(&self, [height, width]: [usize; 2]) -> Image {
        if self.samples.is_empty() || [height, width] == self.size() {
            return self.clone();
        }
        let repeat = |count: usize, last: usize| (0..count).map(move |place| place.min(last));
        self.gather(repeat(height, self.height - 1), repeat(width, self.width - 1))
    }

    /// Transposed: rows become columns.
    pub fn transpose(&self) -> Image {
        let Image { height, width, channels, .. } = *self;
        let pixel = |x: usize, y: usize| (x * width + y) * channels;
        let samples = map_samples!(&self.samples, values => {
            let pixels = (0..width).flat_map(|y| (0..height).map(move |x| (x, y)));
            pixels.flat_map(|(x, y)| values[pixel(x, y)..][..channels].iter().copied()).collect()
        });
        Image { height: width, width: height, channels, samples }
    }

    /// Upside down.
    pub fn turn_over(&self) -> Image {
        self.gather((0..self.height).rev(), 0..self.width)
    }

    /// The pixels of these rows and columns.
    pub(super) fn gather(
        &self,
        rows: impl IntoIterator<Item = usize>,
        columns: impl IntoIterator<Item = usize>,
    ) -> Image {
        let (rows, columns): (Vec<_>, Vec<_>) = (rows.into_iter().collect(), columns.into_iter().collect());
        let Image { width, channels, .. } = *self;
        let samples = map_samples!(&self.samples, values => {
            let mut gathered = Vec::with_capacity(rows.len() * columns.len() * channels);
            for row in &rows {
                let row = &values[row * width * channels..][..width * channels];
                for column in &columns {
                    gathered.extend_from_slice(&row[column * channels..][..channels]);
                }
            }
            gathered
        });
        Image { height: rows.len(), width: columns.len(), channels, samples }
    }
}

impl From<RgbImage> for Image {
    fn from(image: RgbImage) -> Image {
        Image::new(image.size(), 3, Samples::U8(image.data.into_flattened()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(ranges: &[[f64; 2]]) -> ValueScale {
        ValueScale { ranges: ranges.to_vec(), invalid: None }
    }

    #[test]
    fn values_are_signed_units_by_channel() {
        let image = Image::from(Plane { height: 1, width: 2, data: vec![[0, 255, 51], [255, 0, 204]] });
        let expected = [-1.0, 1.0, 1.0, -1.0, -0.6, 0.6];
        for (value, expected) in image.values(&scale(&[])).iter().zip(expected) {
            assert!((value - expected).abs() < 1e-6, "{value} should be {expected}");
        }
        let depth = Image::gray16(Plane { height: 1, width: 3, data: vec![0, 65535, 13107] }).values(&scale(&[]));
        assert_eq!(depth[..2], [-1.0, 1.0]);
        assert!((depth[2] + 0.6).abs() < 1e-6);
    }

    #[test]
    fn values_are_clamped_at_their_range() {
        let map = Image::gray16(Plane { height: 1, width: 4, data: vec![0, 5000, 10000, 60000] });
        assert_eq!(map.values(&scale(&[[0.0, 10000.0]])), [-1.0, 0.0, 1.0, 1.0]);
        let floats = Image::new([1, 2], 2, Samples::F32(vec![-3.0, 10.0, 0.5, 20.0]));
        assert_eq!(floats.values(&scale(&[[0.0, 1.0], [0.0, 20.0]])), [-1.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn pixels_keep_their_channels() {
        // Two channels: 10·y + x, and 100 more.
        let values = (0..6u16).map(|i| i / 3 * 10 + i % 3).flat_map(|v| [v, v + 100]).collect();
        let image = Image::new([2, 3], 2, Samples::U16(values));
        let first = |image: &Image| image.channel(0).map(|value| value as usize).collect::<Vec<_>>();
        let second = |image: &Image| image.channel(1).map(|value| value as usize - 100).collect::<Vec<_>>();
        for (changed, size, expected) in [
            (image.crop(1, 0, 2, 2), [2, 2], vec![1, 2, 11, 12]),
            (image.flip(), [2, 3], vec![2, 1, 0, 12, 11, 10]),
            (image.turn_over(), [2, 3], vec![10, 11, 12, 0, 1, 2]),
            (image.transpose(), [3, 2], vec![0, 10, 1, 11, 2, 12]),
            (image.pad_to([3, 4]), [3, 4], vec![0, 1, 2, 2, 10, 11, 12, 12, 10, 11, 12, 12]),
        ] {
            assert_eq!((changed.size(), first(&changed)), (size, expected.clone()));
            assert_eq!(second(&changed), expected);
        }
        assert_eq!(first(&image.select(&[1])), second(&image).iter().map(|v| v + 100).collect::<Vec<_>>());
    }

    #[test]
    fn mask_marks_measured_pixels() {
        let map = Image::new([1, 4], 1, Samples::F32(vec![0.0, 2.0, f32::NAN, -1.0]));
        let scale = ValueScale { ranges: vec![[0.0, 10.0]], invalid: Some(-1.0) };
        assert_eq!(map.mask(&scale), Some(vec![1.0, 1.0, 0.0, 0.0]));
        assert_eq!(map.mask(&ValueScale { invalid: None, ..scale }), None);
        assert_eq!(map.not_finite(), Some([2, 0]));
    }
}

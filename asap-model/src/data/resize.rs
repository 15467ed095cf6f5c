//! Resizing compatible with Pillow, as in the published code: bicubic (a = −0.5, antialiased when shrinking) for photos, nearest
//! for ids.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{F32, U8, U8x3, U16};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use super::pixels::{Image, Samples};
use super::plane::{Plane, RgbImage};

/// Resizes a photo, bicubic: within 2 of 255 levels of Pillow's `BICUBIC`.
///
/// # Panics
/// If a size is zero, or the plane doesn't hold `height * width` pixels.
pub fn resize_image(image: &RgbImage, height: usize, width: usize) -> RgbImage {
    if (image.height, image.width) == (height, width) {
        return image.clone();
    }
    bicubic(image, height, width, U8x3::new, |pixel| pixel.0)
}

impl Image {
    /// Resized: bicubic like [`resize_image`], or nearest like [`resize_nearest`], for depth
    /// maps whose values must not be blended.
    ///
    /// # Panics
    /// If a size is zero.
    pub fn resize(&self, size: [usize; 2], nearest_neighbor: bool) -> Image {
        if size == self.size() {
            return self.clone();
        }
        let [height, width] = size;
        if nearest_neighbor {
            return self.gather(nearest(self.size()[0], height), nearest(self.size()[1], width));
        }
        bicubic_channels(self, size)
    }
}

/// An image of any number of channels, bicubic: each channel as of a gray image, three of 8 bits as in [`resize_image`].
fn bicubic_channels(image: &Image, size: [usize; 2]) -> Image {
    fn channels<T: Copy, P: PixelTrait>(
        values: &[T],
        image: &Image,
        [height, width]: [usize; 2],
        wrap: impl Fn(T) -> P,
        unwrap: impl Fn(&P) -> T,
    ) -> Vec<T> {
        let (count, [rows, columns]) = (image.channels(), image.size());
        let planes: Vec<Plane<T>> = (0..count)
            .map(|channel| {
                let data = values[channel..].iter().step_by(count).copied().collect();
                bicubic(&Plane { height: rows, width: columns, data }, height, width, &wrap, &unwrap)
            })
            .collect();
        (0..height * width).flat_map(|pixel| planes.iter().map(move |plane| plane.data[pixel])).collect()
    }
    if let Some(rgb) = image.as_rgb() {
        return resize_image(&rgb, size[0], size[1]).into();
    }
    let samples = match image.samples() {
        Samples::U8(values) => Samples::U8(channels(values, image, size, U8::new, |pixel| pixel.0)),
        Samples::U16(values) => Samples::U16(channels(values, image, size, U16::new, |pixel| pixel.0)),
        Samples::F32(values) => Samples::F32(channels(values, image, size, F32::new, |pixel| pixel.0)),
    };
    Image::new(size, image.channels(), samples)
}

/// Instantiated for four pixel types only; all of the library's take minutes to build.
fn bicubic<T: Copy, P: PixelTrait>(
    from: &Plane<T>,
    height: usize,
    width: usize,
    wrap: impl Fn(T) -> P,
    unwrap: impl Fn(&P) -> T,
) -> Plane<T> {
    const FITS: &str = "the sizes are positive and the plane holds that many pixels";
    let pixels: Vec<P> = from.data.iter().map(|&value| wrap(value)).collect();
    let from = TypedImageRef::new(from.width as u32, from.height as u32, &pixels).expect(FITS);
    let mut to = TypedImage::<P>::new(width as u32, height as u32);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom)).use_alpha(false);
    Resizer::new().resize_typed(&from, &mut to, &options).expect(FITS);
    Plane { height, width, data: to.pixels().iter().map(unwrap).collect() }
}

/// Resizes a map of ids, nearest: identical to Pillow's `NEAREST`.
///
/// # Panics
/// If a size is zero, or the plane doesn't hold `height * width` pixels.
pub fn resize_nearest<T: Copy>(map: &Plane<T>, height: usize, width: usize) -> Plane<T> {
    let columns = nearest(map.width, width);
    let mut data = Vec::with_capacity(height * width);
    for y in nearest(map.height, height) {
        let row = &map.data[y * map.width..][..map.width];
        data.extend(columns.iter().map(|&x| row[x]));
    }
    Plane { height, width, data }
}

/// For each of `to` pixels, the index of the source pixel under its center. Pillow accumulates the step instead of multiplying; if a
/// center falls on a border, the rounding of that sum decides.
fn nearest(from: usize, to: usize) -> Vec<usize> {
    let step = from as f64 / to as f64;
    let mut center = step * 0.5;
    (0..to)
        .map(|_| {
            let index = (center as usize).min(from - 1);
            center += step;
            index
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_resize_alike() {
        let ramp = |bits: u32| {
            let values = (0..64).map(|i| i as f32 * 3.0);
            match bits {
                8 => Samples::U8(values.map(|v| v as u8).collect()),
                16 => Samples::U16(values.map(|v| v as u16).collect()),
                _ => Samples::F32(values.collect()),
            }
        };
        for bits in [8, 16, 32] {
            let gray = Image::new([8, 8], 1, ramp(bits));
            let five = gray.select(&[0; 5]).resize([5, 3], false);
            let one = gray.resize([5, 3], false);
            assert_eq!((five.size(), five.channels()), ([5, 3], 5));
            assert!((0..5).all(|c| five.channel(c).eq(one.channel(0))), "{bits} bits");
        }
        let rgb = Image::from(Plane::from_fn(8, 8, |x, y| [(x * 9) as u8, (y * 20) as u8, (x * y) as u8]));
        let resized = rgb.resize([5, 3], false);
        for channel in 0..3 {
            assert!(resized.channel(channel).eq(rgb.select(&[channel]).resize([5, 3], false).channel(0)));
        }
    }

    #[test]
    fn nearest_keeps_values() {
        let image = Image::new([2, 2], 2, Samples::U16(vec![1, 100, 2, 200, 3, 300, 4, 400]));
        let small = image.resize([1, 2], true);
        assert_eq!(small.samples(), &Samples::U16(vec![3, 300, 4, 400]));
    }
}

//! Resizing compatible with Pillow, as in the published code: bicubic (a = −0.5, antialiased when shrinking) for photos, nearest
//! for ids.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x3, U16};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use super::plane::{Picture, Plane, RgbImage};

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

impl Picture {
    /// Resized: bicubic like [`resize_image`], or nearest like [`resize_nearest`], for depth maps whose levels must not be blended.
    ///
    /// # Panics
    /// As these.
    pub fn resize(&self, [height, width]: [usize; 2], nearest: bool) -> Picture {
        match self {
            Picture::Rgb(p) if nearest => Picture::Rgb(resize_nearest(p, height, width)),
            Picture::Gray8(p) if nearest => Picture::Gray8(resize_nearest(p, height, width)),
            Picture::Gray16(p) if nearest => Picture::Gray16(resize_nearest(p, height, width)),
            Picture::Rgb(p) => Picture::Rgb(resize_image(p, height, width)),
            Picture::Gray8(p) => Picture::Gray8(bicubic(p, height, width, U8::new, |pixel| pixel.0)),
            Picture::Gray16(p) => Picture::Gray16(bicubic(p, height, width, U16::new, |pixel| pixel.0)),
        }
    }
}

/// Instantiated for three pixel types only; all of the library's take minutes to build.
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

//! Resizing as Pillow does it, on which the published training data rest: bicubic (a = −0.5, widened when shrinking) for photos,
//! nearest for ids.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::plane::{Picture, Plane, RgbImage};

/// A photo in another size, bicubic: within 2 of 255 levels of Pillow's `BICUBIC`.
///
/// # Panics
/// If a size is zero, or the plane doesn't hold `height * width` pixels.
pub fn resize_image(image: &RgbImage, height: usize, width: usize) -> RgbImage {
    if (image.height, image.width) == (height, width) {
        return image.clone();
    }
    let bytes = bicubic(image.data.as_flattened(), image.height, image.width, height, width, PixelType::U8x3);
    Plane { height, width, data: bytes.as_chunks::<3>().0.to_vec() }
}

/// A picture in another size, bicubic, as [`resize_image`].
///
/// # Panics
/// As [`resize_image`].
pub fn resize_picture(picture: &Picture, height: usize, width: usize) -> Picture {
    match picture {
        Picture::Rgb(p) => Picture::Rgb(resize_image(p, height, width)),
        Picture::Gray8(p) => {
            let data = bicubic(&p.data, p.height, p.width, height, width, PixelType::U8);
            Picture::Gray8(Plane { height, width, data })
        }
        Picture::Gray16(p) => {
            let bytes: Vec<u8> = p.data.iter().flat_map(|v| v.to_ne_bytes()).collect();
            let bytes = bicubic(&bytes, p.height, p.width, height, width, PixelType::U16);
            let data = bytes.as_chunks::<2>().0.iter().map(|&v| u16::from_ne_bytes(v)).collect();
            Picture::Gray16(Plane { height, width, data })
        }
    }
}

fn bicubic(
    bytes: &[u8],
    from_height: usize,
    from_width: usize,
    height: usize,
    width: usize,
    pixel: PixelType,
) -> Vec<u8> {
    const FITS: &str = "the sizes are positive and the buffer holds that many pixels";
    let from = ImageRef::new(from_width as u32, from_height as u32, bytes, pixel).expect(FITS);
    let mut to = Image::new(width as u32, height as u32, pixel);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom)).use_alpha(false);
    Resizer::new().resize(&from, &mut to, &options).expect(FITS);
    to.into_vec()
}

/// A map of ids in another size, nearest: exactly Pillow's `NEAREST`.
///
/// # Panics
/// If a size is zero, or the plane doesn't hold `height * width` pixels.
pub fn resize_labels<T: Copy>(map: &Plane<T>, height: usize, width: usize) -> Plane<T> {
    let columns = nearest(map.width, width);
    let mut data = Vec::with_capacity(height * width);
    for y in nearest(map.height, height) {
        let row = &map.data[y * map.width..][..map.width];
        data.extend(columns.iter().map(|&x| row[x]));
    }
    Plane { height, width, data }
}

/// For each of `to` pixels the one of `from` pixels under its centre. Pillow adds the step up instead of multiplying; where a centre
/// falls on a border, the rounding of that sum decides.
fn nearest(from: usize, to: usize) -> Vec<usize> {
    let step = from as f64 / to as f64;
    let mut centre = step * 0.5;
    (0..to)
        .map(|_| {
            let index = (centre as usize).min(from - 1);
            centre += step;
            index
        })
        .collect()
}

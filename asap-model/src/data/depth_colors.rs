//! Depth maps in color, for viewing.

use colorous::VIRIDIS;

use super::plane::{Plane, RgbImage};

/// The color of a pixel without a depth; the color map contains no black.
const NOT_MEASURED: [u8; 3] = [0; 3];

/// A color image of `depth(x, y)`, relative to the maximum: yellow at 0, then green and blue, violet at 1 (viridis reversed, which
/// is perceptually uniform and monotonic in lightness). A pixel without a depth is black.
pub fn depth_colors(height: usize, width: usize, mut depth: impl FnMut(usize, usize) -> Option<f64>) -> RgbImage {
    Plane::from_fn(height, width, |x, y| depth(x, y).map_or(NOT_MEASURED, color))
}

/// The color of a value in [0, 1], clamped.
fn color(part: f64) -> [u8; 3] {
    let color = VIRIDIS.eval_continuous(1.0 - part.clamp(0.0, 1.0));
    [color.r, color.g, color.b]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lightness_falls_with_depth_and_unmeasured_is_black() {
        let picture = depth_colors(1, 102, |x, _| (x < 101).then_some(x as f64 / 100.0));
        let lightness = |&[r, g, b]: &[u8; 3]| 0.2126 * f64::from(r) + 0.7152 * f64::from(g) + 0.0722 * f64::from(b);
        let (last, measured) = picture.data.split_last().unwrap();
        assert_eq!(*last, [0; 3]);
        assert!(measured.windows(2).all(|pair| lightness(&pair[0]) > lightness(&pair[1])), "{measured:?}");
        assert!(measured[0][0] > 200 && lightness(&measured[100]) > 10.0, "{measured:?}");
        assert_eq!([color(-3.0), color(9.0)], [color(0.0), color(1.0)]);
    }
}

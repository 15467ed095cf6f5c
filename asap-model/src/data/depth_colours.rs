//! A depth map as people see it best: in colours.

use colorous::VIRIDIS;

use super::plane::{Plane, RgbImage};

/// What stands for a pixel without a depth: no colour of the map is black.
const NOT_MEASURED: [u8; 3] = [0; 3];

/// The colours of depths at (x, y), given as parts of the farthest one: from yellow at 0 by green and blue to violet at 1, in steps that look equal
/// and that differ in lightness as well (viridis, reversed). A pixel without a depth is black.
pub fn depth_colours(height: usize, width: usize, mut depth: impl FnMut(usize, usize) -> Option<f64>) -> RgbImage {
    Plane::from_fn(height, width, |x, y| depth(x, y).map_or(NOT_MEASURED, colour))
}

/// The colour of a part from 0 to 1; what lies outside gets the nearer end's.
fn colour(part: f64) -> [u8; 3] {
    let colour = VIRIDIS.eval_continuous(1.0 - part.clamp(0.0, 1.0));
    [colour.r, colour.g, colour.b]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearer_is_lighter_everywhere_and_what_was_not_measured_is_black() {
        let picture = depth_colours(1, 102, |x, _| (x < 101).then_some(x as f64 / 100.0));
        let lightness = |&[r, g, b]: &[u8; 3]| 0.2126 * f64::from(r) + 0.7152 * f64::from(g) + 0.0722 * f64::from(b);
        let (last, measured) = picture.data.split_last().unwrap();
        assert_eq!(*last, [0; 3]);
        assert!(measured.windows(2).all(|pair| lightness(&pair[0]) > lightness(&pair[1])), "{measured:?}");
        assert!(measured[0][0] > 200 && lightness(&measured[100]) > 10.0, "{measured:?}");
        assert_eq!([colour(-3.0), colour(9.0)], [colour(0.0), colour(1.0)]);
    }
}

//! A color for each label.

use asap_model::data::synthetic::PALETTE;
use asap_model::data::{Plane, RgbImage};

/// An RGB color for each class: those of the CMP facades for 13 classes; otherwise black for 0, and for the others hues a
/// golden angle apart, so that neighboring ids differ, in four shades, so that no two of 256 are equal.
pub fn palette(classes: usize) -> Vec<[u8; 3]> {
    if classes == PALETTE.len() {
        return PALETTE.to_vec();
    }
    (0..classes).map(|id| if id == 0 { [0; 3] } else { color(id) }).collect()
}

/// A label map in colors; unknown ids are black.
pub fn color_labels(ids: &[u8], [height, width]: [usize; 2], classes: usize) -> RgbImage {
    let colors = palette(classes);
    let color = |id: &u8| colors.get(usize::from(*id)).copied().unwrap_or_default();
    Plane { height, width, data: ids.iter().map(color).collect() }
}

fn color(id: usize) -> [u8; 3] {
    /// 1/φ: multiples of it modulo 1 spread most evenly.
    const GOLDEN: f64 = 0.618_033_988_749_895;
    const SHADES: [(f64, f64); 4] = [(0.85, 0.95), (0.55, 0.75), (0.85, 0.6), (0.4, 0.98)];
    let hue = (id as f64 * GOLDEN).fract() * 6.0;
    let (saturation, value) = SHADES[id % 4];
    // The HSV hexcone: a channel falls off with its distance on the hue circle.
    [5.0, 3.0, 1.0].map(|offset| {
        let k = (offset + hue) % 6.0;
        let channel = value * (1.0 - saturation * k.min(4.0 - k).clamp(0.0, 1.0));
        (channel * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn classes_have_distinct_colors() {
        for classes in [2, 13, 35, 256] {
            let colors = palette(classes);
            assert_eq!(colors.len(), classes);
            assert_eq!(colors.iter().collect::<BTreeSet<_>>().len(), classes, "{classes}");
        }
    }

    #[test]
    fn neighboring_ids_differ_clearly() {
        let colors = palette(35);
        for pair in colors[1..].windows(2) {
            let distance: u32 = (0..3).map(|c| u32::from(pair[0][c].abs_diff(pair[1][c]))).sum();
            assert!(distance > 100, "{pair:?}");
        }
    }
}

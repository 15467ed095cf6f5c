//! A colour for each label.

use crate::data::synthetic::PALETTE;

/// As many colours (RGB) as there are classes: those of the CMP facades for 13, otherwise black for 0 and hues a golden
/// angle apart, so that neighbouring ids differ, in four shades, so that no two of 256 are equal.
pub fn palette(classes: usize) -> Vec<[u8; 3]> {
    if classes == PALETTE.len() {
        return PALETTE.to_vec();
    }
    (0..classes).map(|id| if id == 0 { [0; 3] } else { colour(id) }).collect()
}

fn colour(id: usize) -> [u8; 3] {
    /// 1/φ: multiples of it modulo 1 spread most evenly.
    const GOLDEN: f64 = 0.618_033_988_749_895;
    const SHADES: [(f64, f64); 4] = [(0.85, 0.95), (0.55, 0.75), (0.85, 0.6), (0.4, 0.98)];
    let hue = (id as f64 * GOLDEN).fract() * 6.0;
    let (saturation, value) = SHADES[id % 4];
    // The HSV hexcone: each channel falls off with its distance around the circle of hues.
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
    fn no_two_classes_have_one_colour() {
        for classes in [2, 13, 35, 256] {
            let colours = palette(classes);
            assert_eq!(colours.len(), classes);
            assert_eq!(colours.iter().collect::<BTreeSet<_>>().len(), classes, "{classes}");
        }
    }

    #[test]
    fn neighbouring_ids_differ_at_a_glance() {
        let colours = palette(35);
        for pair in colours[1..].windows(2) {
            let distance: u32 = (0..3).map(|c| u32::from(pair[0][c].abs_diff(pair[1][c]))).sum();
            assert!(distance > 100, "{pair:?}");
        }
    }
}

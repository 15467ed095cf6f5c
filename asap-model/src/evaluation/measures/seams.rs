//! Seams between tiles.

use super::Levels;

/// How visible the borders of S×S tiles are in images: the mean gradient magnitude across borders over that inside tiles.
///
/// A gradient is the absolute difference of two neighbors in a row, |x(i + 1) − x(i)|, or in a column. It crosses a border
/// if i + 1 is a multiple of S. Each mean is over both directions and all channels and images. Real images, whose tiles
/// nobody sees, have a ratio near 1; above it borders are visible, and below it images are smoothed there.
#[derive(Clone, Debug, PartialEq)]
pub struct Seams {
    tile: usize,
    /// Inside tiles and across borders.
    gradients: [Mean; 2],
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Mean {
    sum: f64,
    count: usize,
}

impl Seams {
    /// No images yet, for tiles of S = `tile` pixels, counted from the upper left corner.
    pub fn new(tile: usize) -> Self {
        Seams { tile: tile.max(1), gradients: Default::default() }
    }

    /// S.
    pub fn tile(&self) -> usize {
        self.tile
    }

    /// Adds the channels of an image.
    pub fn add(&mut self, image: &Levels) {
        image.channels.iter().for_each(|channel| self.add_plane(channel, image.size[1]));
    }

    /// Adds a channel, row-major, in any unit.
    pub fn add_plane(&mut self, plane: &[f32], width: usize) {
        let rows: Vec<&[f32]> = plane.chunks_exact(width.max(1)).collect();
        let which = |before: usize| usize::from((before + 1).is_multiple_of(self.tile));
        for row in &rows {
            for (x, pair) in row.windows(2).enumerate() {
                self.gradients[which(x)].add(pair[0], pair[1]);
            }
        }
        for (y, pair) in rows.windows(2).enumerate() {
            let gradients = &mut self.gradients[which(y)];
            pair[0].iter().zip(pair[1]).for_each(|(&above, &below)| gradients.add(above, below));
        }
    }

    /// The ratio; `None` if images have no border or are constant inside tiles.
    pub fn ratio(&self) -> Option<f64> {
        let [inside, across] = &self.gradients;
        let ratio = (across.sum / across.count as f64) / (inside.sum / inside.count as f64);
        Some(ratio).filter(|ratio| ratio.is_finite())
    }
}

impl Mean {
    fn add(&mut self, a: f32, b: f32) {
        self.sum += f64::from((a - b).abs());
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ratio of a 6×4 image with one row of tiles of 2 above another.
    fn ratio(plane: &[f32]) -> Option<f64> {
        let mut seams = Seams::new(2);
        seams.add_plane(plane, 6);
        seams.ratio()
    }

    #[test]
    fn seams_match_hand_computation() {
        #[rustfmt::skip]
        let plane = [
            0.0, 1.0, 4.0, 5.0, 8.0, 9.0,
            0.0, 1.0, 4.0, 5.0, 8.0, 9.0,
            2.0, 3.0, 6.0, 7.0, 10.0, 11.0,
            2.0, 3.0, 6.0, 7.0, 10.0, 11.0,
        ];
        // Across: 8 horizontal differences of 3, 6 vertical ones of 2. Inside: 12 of 1, 12 of 0.
        let expected = ((8.0 * 3.0 + 6.0 * 2.0) / 14.0) / (12.0 / 24.0);
        assert!((ratio(&plane).unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn ramps_have_no_seams() {
        let ramp: Vec<f32> = (0..24).map(|i| (i % 6 + i / 6) as f32).collect();
        assert_eq!(ratio(&ramp), Some(1.0));
    }

    #[test]
    fn images_without_borders_or_gradients_have_no_ratio() {
        assert_eq!(ratio(&[1.0; 24]), None);
        let mut seams = Seams::new(8);
        seams.add_plane(&[0.0, 1.0, 2.0, 3.0], 2);
        assert_eq!(seams.ratio(), None);
    }
}

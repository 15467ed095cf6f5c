//! Tiles that overlap: near the border between two tiles a pixel is the weighted mean of the outputs of both networks.

use super::ops::{PixelMlpForward, PixelMlpGrad};
use super::{PixelMlp, Pixels, pixel_mlp, pixel_mlp_grad, position_table};
use crate::error::{Result, require_argument};
use crate::op::{Kernel, Op};
use crate::ops::resize::{PickIds, Resize, Taps, pick_ids, resize, resize_grad};
use crate::storage::Storage;
use crate::tensor::{Ids, Tensor};

/// Bands of `width` pixels around the borders of S×S tiles. Each network computes its tile and half a band beyond it on
/// every side: (S + `width`)² pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bands {
    /// S.
    pub tile: usize,
    /// An even number of pixels, at most S; 0: tiles don't overlap.
    pub width: usize,
}

impl Bands {
    /// The side of the pixels that one network computes: S + `width`.
    pub fn side(&self) -> usize {
        self.tile + self.width
    }

    /// [`position_table`] for tiles that overlap, (log2 S, 2, S + `width`): the features of a pixel are the same for every
    /// network, since all periods divide S.
    pub fn position_table(&self) -> Vec<f32> {
        let Bands { tile, width } = *self;
        let rows = position_table(tile);
        let rows = rows.chunks_exact(tile);
        rows.flat_map(|row| (0..self.side()).map(|r| row[(r + tile - width / 2) % tile])).collect()
    }

    // ANCHOR: spread
    /// Copies the pixels of each of `tiles` tiles, with half a band beyond them on both sides: `tiles`·S → `tiles`·(S +
    /// `width`). Beyond the edges of the image are its mirrored pixels, whose outputs have no weight.
    pub fn spread(&self, tiles: usize) -> Taps {
        let (side, pixels) = (self.side(), tiles * self.tile);
        Taps::build(pixels, tiles * side, |o| {
            let inside = match (o / side * self.tile + o % side).checked_sub(self.width / 2) {
                Some(pixel) => pixel.min(2 * pixels - 1 - pixel),
                None => self.width / 2 - 1 - o,
            };
            vec![(inside, 1.0)]
        })
    }
    // ANCHOR_END: spread

    // ANCHOR: blend
    /// The weighted mean of the outputs for each pixel: `tiles`·(S + `width`) → `tiles`·S. Across a band the weight falls
    /// linearly, and the weights of two neighbors sum to 1.
    pub fn blend(&self, tiles: usize) -> Taps {
        let (Bands { tile, width }, side) = (*self, self.side());
        let half = width / 2;
        Taps::build(tiles * side, tiles * tile, |pixel| {
            let (own, r) = (pixel / tile, pixel % tile);
            let at = |tile: usize, r: usize| tile * side + half + r;
            // The distance of the pixel's center from the nearer border, and the neighbor behind it.
            let (distance, neighbor) = match r {
                r if r < half && own > 0 => (r, own * side - half + r),
                r if r + half >= tile && own + 1 < tiles => (tile - 1 - r, (own + 1) * side + half + r - tile),
                _ => return vec![(at(own, r), 1.0)],
            };
            let weight = 0.5 + (distance as f64 + 0.5) / width as f64;
            vec![(at(own, r), weight), (neighbor, 1.0 - weight)]
        })
    }
    // ANCHOR_END: blend

    fn check(&self, op: &'static str) -> Result<()> {
        require_argument(self.width.is_multiple_of(2) && self.width <= self.tile, op, || {
            format!("bands of {} pixels must be even, and at most the tile's {}", self.width, self.tile)
        })
    }
}

/// Pixels of overlapping tiles.
enum Spread<B: Storage> {
    Ids(Ids<B>, usize),
    Dense(Tensor<B>),
}

impl<B: Kernel<PickIds> + Kernel<Resize>> Spread<B> {
    fn new(pixels: Pixels<'_, B>, [rows, columns]: &[Taps; 2]) -> Result<Self> {
        Ok(match pixels {
            Pixels::Ids { ids, classes } => Spread::Ids(pick_ids(ids, rows, columns)?, classes),
            Pixels::Dense(x) => Spread::Dense(resize(x, rows, columns)?),
        })
    }

    fn pixels(&self) -> Pixels<'_, B> {
        match self {
            Spread::Ids(ids, classes) => Pixels::Ids { ids, classes: *classes },
            Spread::Dense(x) => Pixels::Dense(x),
        }
    }
}

/// The taps of both axes for a grid of tiles, (rows, columns).
fn taps(grid: [usize; 2], of: impl Fn(usize) -> Taps) -> [Taps; 2] {
    grid.map(of)
}

/// [`pixel_mlp`] with tiles that overlap: near a border a pixel is the mean of what the networks of the tiles around
/// compute for it, weighted linearly in the distance; in corners, of four. `positions` is [`Bands::position_table`] as
/// (log2 S, 2, S + `band`), or empty. Shapes are those of [`pixel_mlp`], which `band` = 0 is.
pub fn blended_pixel_mlp<B: Kernel<PixelMlpForward> + Kernel<PickIds> + Kernel<Resize>>(
    mlp: &PixelMlp,
    band: usize,
    params: &Tensor<B>,
    pixels: Pixels<'_, B>,
    positions: &Tensor<B>,
) -> Result<Tensor<B>> {
    if band == 0 {
        return pixel_mlp(mlp, params, pixels, positions);
    }
    let bands = Bands { tile: mlp.tile, width: band };
    bands.check(PixelMlpForward::NAME)?;
    let [.., h, w] = params.nchw(PixelMlpForward::NAME)?;
    let pixels = Spread::new(pixels, &taps([h, w], |tiles| bands.spread(tiles)))?;
    let wide = PixelMlp { tile: bands.side(), widths: mlp.widths.clone() };
    let y = pixel_mlp(&wide, params, pixels.pixels(), positions)?;
    let [rows, columns] = taps([h, w], |tiles| bands.blend(tiles));
    resize(&y, &rows, &columns)
}

/// The gradients of [`blended_pixel_mlp`], as of [`pixel_mlp_grad`].
pub fn blended_pixel_mlp_grad<B: Kernel<PixelMlpGrad> + Kernel<PickIds> + Kernel<Resize>>(
    mlp: &PixelMlp,
    band: usize,
    params: &Tensor<B>,
    pixels: Pixels<'_, B>,
    positions: &Tensor<B>,
    grad_output: &Tensor<B>,
    wants_pixels: bool,
) -> Result<(Tensor<B>, Option<Tensor<B>>)> {
    if band == 0 {
        return pixel_mlp_grad(mlp, params, pixels, positions, grad_output, wants_pixels);
    }
    let bands = Bands { tile: mlp.tile, width: band };
    bands.check(PixelMlpGrad::NAME)?;
    let [.., h, w] = params.nchw(PixelMlpGrad::NAME)?;
    let spread = taps([h, w], |tiles| bands.spread(tiles));
    let pixels = Spread::new(pixels, &spread)?;
    let [rows, columns] = taps([h, w], |tiles| bands.blend(tiles));
    let grad = resize_grad(grad_output, &rows, &columns)?;
    let wide = PixelMlp { tile: bands.side(), widths: mlp.widths.clone() };
    let (grad_params, grad) = pixel_mlp_grad(&wide, params, pixels.pixels(), positions, &grad, wants_pixels)?;
    let [rows, columns] = &spread;
    Ok((grad_params, grad.map(|grad| resize_grad(&grad, rows, columns)).transpose()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reference;
    use crate::random::uniform_by_name;

    /// Both networks' positions and weights of each pixel.
    fn rows(taps: &Taps) -> Vec<Vec<(usize, f64)>> {
        (0..taps.outputs()).map(|o| taps.of(o).filter(|&(_, w)| w != 0.0).collect()).collect()
    }

    #[test]
    fn spread_and_blend_match_hand_computation() {
        let bands = Bands { tile: 4, width: 2 };
        let sources: Vec<usize> = rows(&bands.spread(2)).iter().map(|row| row[0].0).collect();
        assert_eq!(sources, [0, 0, 1, 2, 3, 4, 3, 4, 5, 6, 7, 7]);
        // Pixels 3 and 4 are at half a pixel from the border: 1/2 + 1/4 of the own network.
        let one = |at| vec![(at, 1.0)];
        let blended = [vec![(4, 0.75), (6, 0.25)], vec![(7, 0.75), (5, 0.25)]];
        let [left, right] = blended;
        assert_eq!(rows(&bands.blend(2)), [one(1), one(2), one(3), left, right, one(8), one(9), one(10)]);
    }

    #[test]
    fn full_band_interpolates_between_centers() {
        let blend = Bands { tile: 4, width: 4 }.blend(3);
        // Pixel 5 is 1.5 pixels from its tile's first border, half a pixel from the tile's center.
        assert_eq!(rows(&blend)[5], [(8 + 2 + 1, 0.875), (4 + 2 - 1 + 2, 0.125)].map(|(at, w)| (at, w)));
        for o in 0..12 {
            assert!((blend.of(o).map(|(_, w)| w).sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn equal_networks_have_nothing_to_blend() {
        let backend = Reference::<f64>::new();
        let (tile, [h, w]) = (4, [3, 2]);
        let mlp = PixelMlp { tile, widths: vec![5, 2] };
        let table = |width| {
            let table = Bands { tile, width }.position_table();
            Tensor::from_f32(&backend, [2, 2, tile + width], &table).unwrap()
        };
        let one: Vec<f32> = uniform_by_name("params", 5 + 9 * 5 + 2 + 5 * 2);
        let all: Vec<f32> = one.iter().flat_map(|&p| [p; 6]).collect();
        let params = Tensor::from_f32(&backend, [1, one.len(), h, w], &all).unwrap();
        let x = Tensor::from_f32(&backend, [1, 1, 12, 8], &uniform_by_name("x", 96)).unwrap();
        let run = |band| blended_pixel_mlp(&mlp, band, &params, Pixels::Dense(&x), &table(band)).unwrap();
        let plain = run(0).to_vec().unwrap();
        for band in [2, 4] {
            let blended = run(band).to_vec().unwrap();
            for (a, b) in blended.iter().zip(&plain) {
                assert!((a - b).abs() < 1e-14, "{band}: {a} is not {b}");
            }
        }
        assert!(blended_pixel_mlp(&mlp, 3, &params, Pixels::Dense(&x), &table(3)).is_err(), "an odd band");
        assert!(blended_pixel_mlp(&mlp, 6, &params, Pixels::Dense(&x), &table(6)).is_err(), "wider than a tile");
    }
}

//! Noise, with which a generator makes many images of one input.

use asap_autograd::Var;
use asap_tensor::ops::Taps;
use asap_tensor::random::normal;
use asap_tensor::{Backend, Tensor};

use super::context::ForwardContext;
use super::input::Input;
use crate::Result;

/// Channels of standard normal noise: some that are constant over each image, and as many with one value per cell, a
/// square of pixels.
///
/// Each image of a batch has its own random stream, named by the pass and the image's index. Without named streams the
/// noise is 0, its mean.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    channels: usize,
    /// Side of a cell in pixels of the input.
    cell: usize,
}

impl Noise {
    /// Noise of 2·`channels` channels.
    pub fn new(channels: usize, cell: usize) -> Self {
        Noise { channels, cell }
    }

    /// (N, C, H, W) → (N, C + 2·`channels`, H, W): the input followed by the constant channels and those of cells. H and
    /// W are multiples of the cell.
    pub fn beside<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: &Input<B>) -> Result<Input<B>> {
        let [images, height, width] = x.sizes();
        let [rows, columns] = [height, width].map(|side| side / self.cell);
        let (constant, cells) = (self.channels, self.channels * rows * columns);
        let (mut vectors, mut fields) = (vec![0.0; images * constant], vec![0.0; images * cells]);
        if let Some(random) = ctx.random()
            && x.backend().holds_values()
        {
            let places = vectors.chunks_exact_mut(constant).zip(fields.chunks_exact_mut(cells));
            for (image, (vector, field)) in places.enumerate() {
                let values = normal(random.seed, &random.name("noise", &image.to_string()), constant + cells, 1.0);
                vector.copy_from_slice(&values[..constant]);
                field.copy_from_slice(&values[constant..]);
            }
        }
        let repeated = |values: &[f32], [h, w]: [usize; 2]| -> Result<Var<B>> {
            let values = Var::constant(Tensor::from_f32(x.backend(), [images, self.channels, h, w], values)?);
            Ok(values.resize(&Taps::nearest(h, height)?, &Taps::nearest(w, width)?)?)
        };
        x.with(&repeated(&vectors, [1, 1])?)?.with(&repeated(&fields, [rows, columns])?)
    }
}

#[cfg(test)]
mod tests {
    use asap_tensor::Reference;

    use super::*;
    use crate::nn::{Blank, Params, Random};

    /// The noise of a batch of `images`, (N, 6, 4, 6), after one input channel.
    fn noise(images: usize, streams: Option<(u64, &str)>) -> Vec<f64> {
        let backend = Reference::<f64>::new();
        let (params, ()) = Params::build(&backend, &mut Blank, |_| Ok(())).unwrap();
        let mut ctx = ForwardContext::evaluation(&params);
        if let Some((seed, pass)) = streams {
            ctx = ctx.with_random(Random::new(seed, pass));
        }
        let x = Input::image(Var::constant(Tensor::zeros(&backend, [images, 1, 4, 6]).unwrap()));
        let y = Noise::new(3, 2).beside(&ctx, &x).unwrap().one_hot().unwrap();
        assert_eq!(y.value().dims(), [images, 7, 4, 6]);
        let y = y.value().to_f64().unwrap();
        y.chunks(7 * 24).flat_map(|image| &image[24..]).copied().collect()
    }

    #[test]
    fn noise_is_constant_over_images_and_cells() {
        let noise = noise(1, Some((5, "pass")));
        let (constant, cells) = noise.split_at(3 * 24);
        assert!(constant.chunks(24).all(|channel| channel.iter().all(|value| *value == channel[0])));
        for channel in cells.chunks(24) {
            for (place, value) in channel.iter().enumerate() {
                let (row, column) = (place / 6 / 2 * 2, place % 6 / 2 * 2);
                assert_eq!(*value, channel[row * 6 + column]);
            }
        }
        let mut values = noise;
        values.sort_by(f64::total_cmp);
        values.dedup();
        assert_eq!(values.len(), 3 + 3 * 6, "all are independent");
    }

    #[test]
    fn noise_depends_on_seed_pass_and_image() {
        let of = |images, streams| noise(images, streams);
        let batch = of(2, Some((5, "pass")));
        let (first, second) = batch.split_at(6 * 24);
        assert_eq!(first, of(1, Some((5, "pass"))), "the first image of a batch has the noise of a single one");
        assert_ne!(first, second);
        assert_ne!(first, of(1, Some((6, "pass"))));
        assert_ne!(first, of(1, Some((5, "other"))));
        assert!(of(1, None).iter().all(|value| *value == 0.0));
    }

    #[test]
    fn noise_is_standard_normal() {
        let values: Vec<f64> = (0..200).flat_map(|seed| noise(1, Some((seed, "pass")))).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64;
        assert!(mean.abs() < 0.05 && (variance - 1.0).abs() < 0.1, "{mean} {variance}");
    }
}

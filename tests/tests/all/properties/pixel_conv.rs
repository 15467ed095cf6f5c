use asap_tensor::ops::pixel_conv::TAPS;
use asap_tensor::ops::{Pad, PadMode};
use asap_tensor::{Backend, Result, Tensor, ops};
use asap_tests::bound::{Output, largest};
use asap_tests::property::{
    Double, Property, assert_large_matches_reference, assert_matches_reference, assert_thread_independent, for_all,
    summed,
};
use asap_tests::source::Source;
use proptest::prelude::*;

use super::{channels, side};

#[derive(Debug)]
struct Case {
    /// N, C, H, W.
    x: [usize; 4],
    seed: u64,
}

fn case(
    channels: impl Strategy<Value = usize>,
    side: impl Strategy<Value = usize> + Clone,
) -> impl Strategy<Value = Case> {
    let sizes = (1usize..=3, channels, side.clone(), side);
    (sizes, any::<u64>()).prop_map(|((n, c, h, w), seed)| Case { x: [n, c, h, w], seed })
}

/// Sides around the 4, 8 and 16 elements of a register, and the two pixels next to them.
fn sides() -> impl Strategy<Value = usize> + Clone {
    prop_oneof![side(), prop::sample::select(vec![5usize, 6, 10, 11, 18, 20, 34, 35])].boxed()
}

impl Case {
    fn kernels(&self) -> [usize; 4] {
        let [n, c, h, w] = self.x;
        [n, TAPS * c, h, w]
    }
}

impl Property for Case {
    fn seed(&self) -> u64 {
        self.seed
    }

    fn run<B: Backend>(&self, source: &Source<'_, B>) -> Result<Vec<Output>> {
        let (x, kernels) = (source.normal("x", self.x)?, source.normal("kernels", self.kernels())?);
        let g = source.normal("g", self.x)?;
        Ok(vec![
            summed("pixel_conv", &ops::pixel_conv(&x, &kernels)?, TAPS)?,
            summed("pixel_conv_grad_input", &ops::pixel_conv_grad_input(&g, &kernels)?, TAPS)?,
            summed("pixel_conv_grad_kernels", &ops::pixel_conv_grad_kernels(&x, &g)?, 1)?,
        ])
    }
}

#[test]
fn pixel_conv_matches_reference() {
    assert_matches_reference(case(channels(), sides()));
}

#[test]
fn pixel_conv_does_not_depend_on_threads() {
    assert_thread_independent(6, case(8usize..20, 40usize..90));
}

#[test]
fn pixel_conv_of_large_images_matches_reference() {
    assert_large_matches_reference(6, case(1usize..4, 60usize..90));
}

/// The sum over taps of the image shifted by the tap, times the channel of the tap.
fn composed(x: &Tensor<Double>, kernels: &Tensor<Double>) -> Result<Tensor<Double>> {
    let &[n, c, h, w] = x.dims() else { unreachable!("an image has four axes") };
    let padded = ops::pad2d(x, Pad::all(1), PadMode::Zero)?;
    let by_tap = kernels.reshape([n, c, TAPS, h * w])?;
    let mut y = Tensor::zeros(x.backend(), x.shape())?;
    for t in 0..TAPS {
        let moved = ops::narrow(&ops::narrow(&padded, 2, t / 3, h)?, 3, t % 3, w)?;
        let factors = ops::narrow(&by_tap, 2, t, 1)?.reshape([n, c, h, w])?;
        y = ops::add(&y, &ops::mul(&moved, &factors)?)?;
    }
    Ok(y)
}

/// Every backend is compared with the op, so that must equal this composition.
#[test]
fn pixel_conv_equals_its_composition_of_shifted_images() {
    for_all(case(channels(), sides()), |case| {
        let double = Double::new();
        let source = Source { backend: &double, seed: case.seed, absolute: false };
        let both = || -> Result<[Vec<f64>; 2]> {
            let (x, kernels) = (source.normal("x", case.x)?, source.normal("kernels", case.kernels())?);
            Ok([ops::pixel_conv(&x, &kernels)?.to_f64()?, composed(&x, &kernels)?.to_f64()?])
        };
        let [fused, plain] = both().map_err(|error| error.to_string())?;
        let off = largest(fused.iter().zip(&plain).map(|(a, b)| (a - b).abs()));
        if off > 1e-12 { Err(format!("they are {off:e} apart")) } else { Ok(()) }
    });
}

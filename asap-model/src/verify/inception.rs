//! Inception v3 of the published FID code with weights filled by name, and the Fréchet distance between two sets of
//! features.

use asap_tensor::{Backend, Tensor};

use super::case::{Case, Comparison, Quantity};
use crate::Result;
use crate::evaluation::measures::{Features, frechet_distance};
use crate::networks::Inception;
use crate::nn::FillByName;

/// Channels of an activation to compare, and the step between rows and columns.
const CHANNELS: usize = 8;
const STEP: usize = 4;

/// The maximum relative error of the Fréchet distance.
const FRECHET: f64 = 1e-6;

pub(super) fn recompute<B: Backend>(backend: &B, case: &Case, report: &mut dyn FnMut(Comparison)) -> Result<()> {
    let gain = case.number("fill_gain")?;
    let network = Inception::new(backend, &mut FillByName { prefix: case.fill_prefix(), gain })?;
    let found = network.forward(&case.tensor(backend, "x")?)?;
    for (name, activation) in [("pool1", &found.pool1), ("pool2", &found.pool2), ("mixed6e", &found.mixed6e)] {
        report(case.compare(name, &sampled(activation)?, Quantity::FullSize)?);
    }
    report(case.compare("pool3", &found.pool3, Quantity::FullSize)?);

    let distance = frechet_distance(&features(case, "features_a")?, &features(case, "features_b")?)?;
    let expected = case.number("frechet")?;
    let error = (distance - expected).abs() / expected.abs();
    report(Comparison { quantity: "frechet".into(), error, tolerance: FRECHET });
    Ok(())
}

/// The first channels, every fourth row and column.
fn sampled<B: Backend>(x: &Tensor<B>) -> Result<Tensor<B>> {
    let [n, c, h, w] = x.nchw("inception")?;
    let channels = CHANNELS.min(c);
    let mut sample = Vec::new();
    for image in x.to_f64()?.chunks(c * h * w) {
        for plane in image.chunks(h * w).take(channels) {
            sample.extend(plane.chunks(w).step_by(STEP).flat_map(|row| row.iter().step_by(STEP)));
        }
    }
    Ok(Tensor::from_f64(x.backend(), [n, channels, h.div_ceil(STEP), w.div_ceil(STEP)], &sample)?)
}

/// A tensor (N, width).
fn features(case: &Case, name: &str) -> Result<Features> {
    let host = case.host(name)?;
    match host.shape[..] {
        [_, width] => Features::new(width, host.data.iter().map(|&x| x.into()).collect()),
        _ => Err(case.fault(format!("{name} must be (N, width), not {:?}", host.shape))),
    }
}

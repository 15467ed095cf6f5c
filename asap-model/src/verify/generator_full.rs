//! A full-size network with weights filled by name.

use asap_tensor::{Backend, Tensor, ops};

use super::case::{Case, Comparison, Quantity};
use crate::Result;
use crate::config::{AsapNetConfig, DataConfig};
use crate::networks::AsapNet;
use crate::nn::{FillByName, ForwardContext, Params};

pub(super) fn recompute<B: Backend>(backend: &B, case: &Case, report: &mut dyn FnMut(Comparison)) -> Result<()> {
    let data = DataConfig::from_published(case.options())?;
    let config = AsapNetConfig::from_published(case.options())?;
    let gain = case.entry["fill_gain"].as_f64().unwrap_or(1.0);
    let mut fill = FillByName { prefix: case.fill_prefix(), gain };
    let (weights, generator) = Params::build(backend, &mut fill, |b| AsapNet::new(b, &config, &data))?;
    let count = weights.trained_count() as f64;
    report(exactly("parameters", (count - case.number("parameters")?).abs(), 0.0));

    let input = case.input(backend, "", data.label_channels())?;
    let ctx = ForwardContext::evaluation(&weights);
    let params = generator.predict(&ctx, &input)?;
    let host = case.host("params_head")?;
    let &[_, heads, ..] = &host.shape[..] else {
        return Err(case.fault(format!("params_head must be (N, P, h, w), not {:?}", host.shape)));
    };
    report(case.compare("params_head", &ops::narrow(params.value(), 1, 0, heads)?, Quantity::FullSize)?);

    let output = generator.synthesize(&ctx, &params, &input)?;
    let [n, c, h, w] = output.value().nchw("generator-full")?;
    let values = output.value().to_f64()?;
    let stride = case.number("row_stride")? as usize;
    if stride == 0 {
        return Err(case.fault("row_stride must be at least 1".into()));
    }
    let rows: Vec<f64> =
        values.chunks(h * w).flat_map(|plane| plane.chunks(w).step_by(stride).flatten()).copied().collect();
    let rows = Tensor::from_f64(backend, [n, c, h.div_ceil(stride), w], &rows)?;
    report(case.compare("output_rows", &rows, Quantity::FullSize)?);

    let levels = &case.host("output_rgb8")?.data;
    if levels.len() != values.len() {
        let problem = format!("output_rgb8 has {} values, but {} were computed", levels.len(), values.len());
        return Err(case.fault(problem));
    }
    let distances = levels.iter().zip(&values);
    let distances = distances.map(|(&level, y)| (((y + 1.0) / 2.0 * 255.0).round() - f64::from(level)).abs());
    let largest = |worst: f64, distance: f64| if distance.is_nan() { f64::INFINITY } else { worst.max(distance) };
    report(exactly("output_rgb8", distances.fold(0.0, largest), 1.0));

    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64;
    for (name, found) in [("output_mean", mean), ("output_std", variance.sqrt())] {
        report(Comparison::of_scalar::<B>(name.into(), found, case.number(name)?, Quantity::FullSize));
    }
    Ok(())
}

fn exactly(quantity: &str, error: f64, tolerance: f64) -> Comparison {
    Comparison { quantity: quantity.into(), error, tolerance }
}

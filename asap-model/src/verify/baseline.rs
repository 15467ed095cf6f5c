//! The baselines, from their own published code.

use asap_tensor::Backend;

use super::case::{Case, Comparison, Quantity};
use crate::Result;
use crate::config::{DataConfig, GeneratorConfig};
use crate::networks::Generator;
use crate::nn::{Blank, FillByName, ForwardContext, ParamRole};

pub(super) fn recompute<B: Backend>(backend: &B, case: &Case, report: &mut dyn FnMut(Comparison)) -> Result<()> {
    let data = DataConfig::from_published(case.options())?;
    let config = GeneratorConfig::from_published(case.kind(), case.options())?;
    let generator = if case.entry["fill_prefix"].is_string() {
        let mut fill = FillByName { prefix: case.fill_prefix(), gain: case.number("fill_gain")? };
        let mut generator = Generator::new(backend, &config, &data, &mut fill)?;
        for param in generator.params.iter_mut() {
            if param.role() == ParamRole::SpectralVector {
                *param.value_mut() = case.tensor(backend, &format!("spectral.{}", param.key()))?;
            }
        }
        generator
    } else {
        let mut generator = Generator::new(backend, &config, &data, &mut Blank)?;
        generator.params.load(&case.checkpoint("_net_G")?)?;
        generator
    };
    let input = case.input(backend, "", data.label_channels())?;
    let output = generator.forward(&ForwardContext::evaluation(&generator.params), &input)?;
    report(case.compare("output", output.value(), Quantity::Output)?);
    Ok(())
}

//! The generators that the paper compares with, from their own published code.

use asap_tensor::Backend;

use super::Comparison;
use super::case::{Case, Quantity};
use crate::Result;
use crate::compared::Compared;
use crate::config::{DataConfig, GeneratorConfig};
use crate::network::{Binding, Blank, FillByName, Kind, Network};

pub(super) fn recompute<B: Backend>(backend: &B, case: &Case, report: &mut dyn FnMut(Comparison)) -> Result<()> {
    let data = DataConfig::from_published(case.options())?;
    let config = GeneratorConfig::from_published(case.kind(), case.options())?;
    let channels = [data.lowres_channels(), data.output_channels()];
    let generator = if case.entry["fill_prefix"].is_string() {
        let mut fill = FillByName { prefix: case.fill_prefix(), gain: case.number("fill_gain")? };
        let mut generator = Compared::new(backend, &config, channels, &mut fill)?;
        for parameter in generator.parameters_mut() {
            if parameter.kind() == Kind::SpectralVector {
                *parameter.value_mut() = case.tensor(backend, &format!("spectral.{}", parameter.name()))?;
            }
        }
        generator
    } else {
        let mut generator = Compared::new(backend, &config, channels, &mut Blank)?;
        generator.load(&case.checkpoint("_net_G")?)?;
        generator
    };
    let condition = case.condition(backend, "", data.classes)?;
    let output = generator.forward(&Binding::frozen(), &condition)?;
    report(case.compare("output", output.value(), Quantity::Output)?);
    Ok(())
}

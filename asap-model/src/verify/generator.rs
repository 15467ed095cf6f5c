//! Small generators: forward and every gradient, from dense channels and from labels.

use asap_autograd::{Tape, Var, vjp};
use asap_tensor::{Backend, Tensor};

use super::Comparison;
use super::case::{Case, Quantity};
use crate::Result;
use crate::condition::{Condition, Pixels};
use crate::config::{AsapNetConfig, DataConfig, Input};
use crate::generator::{AsapNet, downsample, plain_pixel_mlp};
use crate::network::{Binding, Blank, Network};

pub(super) fn recompute<B: Backend>(backend: &B, case: &Case, report: &mut dyn FnMut(Comparison)) -> Result<()> {
    let data = DataConfig::from_published(case.options())?;
    let config = AsapNetConfig::from_published(case.options())?;
    let checkpoint = case.checkpoint("_net_G")?;
    checkpoint.check_padding(&config.clone().into())?;
    let mut generator = AsapNet::new(backend, &config, &data, &mut Blank)?;
    generator.load(&checkpoint)?;

    let tape = Tape::new();
    let input = tape.leaf(case.tensor(backend, "input")?);
    let channels = data.input_channels();
    let condition = Condition {
        pixels: Pixels::Dense(vjp::narrow(&input, 1, 0, channels)?),
        edges: if data.instances { Some(vjp::narrow(&input, 1, channels, 1)?) } else { None },
    };
    let lowres = downsample(&condition.stack()?, config.fixed_factor())?;
    if let Some(lowres) = &lowres.dense {
        report(case.compare("lowres", lowres.value(), Quantity::Output)?);
    }
    pass(case, &generator, &tape, &condition, "", report, Some(&input))?;

    let params = Var::constant(case.tensor(backend, "params")?);
    if let Pixels::Dense(x) = &condition.pixels {
        let plain = plain_pixel_mlp(generator.mlp(), &params, &x.detach(), generator.positions())?;
        report(case.compare_as("output (plain pixel_mlp)", "output", plain.value(), Quantity::Output)?);
    }
    if data.input == Input::Labels {
        let condition = case.condition(backend, "", data.classes)?;
        pass(case, &generator, &Tape::new(), &condition, " (from labels)", report, None)?;
    }
    Ok(())
}

/// One pass forward and back; gradients in the weights, and in `input` where it is given.
fn pass<B: Backend>(
    case: &Case,
    generator: &AsapNet<B>,
    tape: &Tape<B>,
    condition: &Condition<B>,
    form: &str,
    report: &mut dyn FnMut(Comparison),
    input: Option<&Var<B>>,
) -> Result<()> {
    let binding = Binding::training(tape);
    let params = generator.parameters_of(&binding, condition)?;
    let output = generator.paint(&params, condition)?;
    let mut compare = |name: &str, found: &Tensor<B>, kind| -> Result<()> {
        report(case.compare_as(&format!("{name}{form}"), name, found, kind)?);
        Ok(())
    };
    compare("params", params.value(), Quantity::Output)?;
    compare("output", output.value(), Quantity::Output)?;
    let grad_output = case.tensor(output.value().backend(), "grad_output")?;
    let gradients = tape.backward_from(&[(&output, grad_output)])?;
    if let Some(grad) = input.and_then(|input| gradients.of(input)) {
        compare("grad_input", grad, Quantity::Gradient)?;
    }
    let found = binding.into_gradients(&gradients);
    for (key, _) in case.starting("grad.") {
        let grad = found.get(key).ok_or_else(|| case.fault(format!("grad.{key}: the network has no such weight")))?;
        compare(&format!("grad.{key}"), grad, Quantity::Gradient)?;
    }
    Ok(())
}

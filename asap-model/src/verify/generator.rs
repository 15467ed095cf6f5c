//! Small generators: forward pass and every gradient, from dense channels and from labels.

use asap_autograd::{Tape, Var};
use asap_tensor::Backend;

use super::case::{Case, Comparison, Quantity};
use crate::Result;
use crate::config::{self, AsapNetConfig, DataConfig};
use crate::networks::asap_net::{AsapNet, downsample, plain_pixel_mlp};
use crate::nn::{Blank, ForwardContext, Input, Params};

pub(super) fn recompute<B: Backend>(backend: &B, case: &Case, report: &mut dyn FnMut(Comparison)) -> Result<()> {
    let data = DataConfig::from_published(case.options())?;
    let config = AsapNetConfig::from_published(case.options())?;
    let checkpoint = case.checkpoint("_net_G")?;
    checkpoint.check_padding(&config.clone().into())?;
    let (mut weights, generator) = Params::build(backend, &mut Blank, |b| AsapNet::new(b, &config, &data))?;
    weights.load(&checkpoint)?;

    let tape = Tape::new();
    let leaf = tape.leaf(case.tensor(backend, "input")?);
    let channels = data.input_channels();
    let image = leaf.narrow(1, 0, channels)?;
    let mut input = Input::image(image.clone());
    if data.instances {
        input = input.with_edges(&leaf.narrow(1, channels, 1)?)?;
    }
    let lowres = downsample(&input, config.fixed_factor())?.one_hot()?;
    report(case.compare("lowres", lowres.value(), Quantity::Output)?);
    pass(case, (&weights, &generator), &tape, &input, "", report, Some(&leaf))?;

    let params = Var::constant(case.tensor(backend, "params")?);
    let plain = plain_pixel_mlp(&generator.mlp, &params, &image.detach(), &generator.positions)?;
    let comparison = case.compare("output", plain.value(), Quantity::Output)?;
    report(Comparison { quantity: "output (plain pixel_mlp)".into(), ..comparison });
    if data.input == config::InputKind::Labels {
        let input = case.input(backend, "", data.label_channels())?;
        pass(case, (&weights, &generator), &Tape::new(), &input, " (from labels)", report, None)?;
    }
    Ok(())
}

/// A forward and a backward pass: gradients of the weights, and of `leaf` if it is given. `form` is added to the names.
fn pass<B: Backend>(
    case: &Case,
    (weights, generator): (&Params<B>, &AsapNet<B>),
    tape: &Tape<B>,
    input: &Input<B>,
    form: &str,
    report: &mut dyn FnMut(Comparison),
    leaf: Option<&Var<B>>,
) -> Result<()> {
    let ctx = ForwardContext::training(weights, tape);
    let params = generator.predict(&ctx, input)?;
    let output = generator.synthesize(&ctx, &params, input)?;
    let mut report = |comparison: Comparison| {
        report(Comparison { quantity: format!("{}{form}", comparison.quantity), ..comparison });
    };
    report(case.compare("params", params.value(), Quantity::Output)?);
    report(case.compare("output", output.value(), Quantity::Output)?);
    let grad_output = case.tensor(output.value().backend(), "grad_output")?;
    let gradients = tape.backward_from(&[(&output, grad_output)])?;
    if let Some(grad) = leaf.and_then(|leaf| gradients.of(leaf)) {
        report(case.compare("grad_input", grad, Quantity::Gradient)?);
    }
    let (found, _) = ctx.finish().gradients(&gradients);
    case.compare_each("grad.", Quantity::Gradient, &mut report, |key| found.get(key))
}

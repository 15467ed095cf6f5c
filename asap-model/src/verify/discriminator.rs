//! Small discriminators: every layer, a loss over all of them, every gradient, the spectral vectors.

use asap_autograd::{Tape, Var};
use asap_tensor::random::uniform_by_name;
use asap_tensor::{Backend, Tensor};

use super::case::{Case, Comparison, Quantity};
use crate::Result;
use crate::config::{DataConfig, PatchConfig};
use crate::networks::discriminator::patch::PatchGans;
use crate::nn::{Blank, ForwardContext, Input, Params};

pub(super) fn recompute<B: Backend>(backend: &B, case: &Case, report: &mut dyn FnMut(Comparison)) -> Result<()> {
    let data = DataConfig::from_published(case.options())?;
    let config = PatchConfig::from_published(case.options())?;
    let (mut params, discriminator) =
        Params::build(backend, &mut Blank, |b| PatchGans::new(b, &config, data.discriminator_channels()))?;
    params.load(&case.checkpoint("_net_D")?)?;

    let tape = Tape::new();
    let ctx = ForwardContext::training(&params, &tape);
    let input = tape.leaf(case.tensor(backend, "input")?);
    let features = discriminator.features(&ctx, &Input::from(&input))?;
    let mut loss: Option<Var<B>> = None;
    for (scale, layers) in features.iter().enumerate() {
        for (layer, y) in layers.iter().enumerate() {
            report(case.compare(&format!("scale{scale}.layer{layer}"), y.value(), Quantity::Output)?);
            let name = format!("{}grad.{scale}.{layer}", case.fill_prefix());
            let upstream = Tensor::from_f32(backend, y.shape(), &uniform_by_name(&name, y.value().count()))?;
            let term = y.mul(&Var::constant(upstream))?.sum()?;
            loss = Some(match loss {
                Some(loss) => loss.add(&term)?,
                None => term,
            });
        }
    }
    let Some(loss) = loss else { return Ok(()) };
    report(case.compare("loss", loss.value(), Quantity::Training)?);
    let gradients = tape.backward(&loss)?;
    if let Some(grad) = gradients.of(&input) {
        report(case.compare("grad_input", grad, Quantity::Gradient)?);
    }
    let (found, buffers) = ctx.finish().gradients(&gradients);
    case.compare_each("grad.", Quantity::Gradient, report, |key| found.get(key))?;
    params.apply_buffers(buffers);
    case.compare_each("after.", Quantity::Output, report, |key| Some(params.find(key)?.value()))
}

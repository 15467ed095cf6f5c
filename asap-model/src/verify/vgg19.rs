//! A slim VGG19: features, the perceptual loss and its gradient.

use asap_autograd::{Tape, Var};
use asap_tensor::Backend;

use super::case::{Case, Comparison, Quantity};
use crate::Result;
use crate::networks::Vgg19;
use crate::training::losses::perceptual;

pub(super) fn recompute<B: Backend>(backend: &B, case: &Case, report: &mut dyn FnMut(Comparison)) -> Result<()> {
    let vgg = Vgg19::load(backend, case.checkpoint("")?)?;
    let tape = Tape::new();
    let x = tape.leaf(case.tensor(backend, "x")?);
    let y = Var::constant(case.tensor(backend, "y")?);
    let features = vgg.features(&x)?;
    for (block, feature) in features.iter().enumerate() {
        report(case.compare(&format!("slice{}", block + 1), feature.value(), Quantity::Output)?);
    }
    let loss = perceptual(&features, &vgg.features(&y)?)?;
    report(case.compare("loss", loss.value(), Quantity::Training)?);
    let gradients = tape.backward(&loss)?;
    if let Some(grad) = gradients.of(&x) {
        report(case.compare("grad_x", grad, Quantity::Gradient)?);
    }
    Ok(())
}

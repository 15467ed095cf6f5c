//! Where a number stopped being finite.

use std::collections::BTreeMap;

use asap_autograd::Var;
use asap_tensor::ops::{cat, sum};
use asap_tensor::{Backend, Tensor};

use crate::network::Network;
use crate::{Error, Result};

/// Checks every gradient before the optimiser takes it: an infinite one spoils its weights for good, while the losses
/// of the round that made it may still be finite.
///
/// Each gradient's sum shows whether all of it is finite; the sums come to the host together.
///
/// # Errors
/// [`Error::Diverged`] names the layer nearest to the loss: what is not finite there flows back into all before it.
pub(crate) fn require_finite_gradients<B: Backend>(
    round: u64,
    network: &impl Network<B>,
    gradients: &BTreeMap<String, Tensor<B>>,
) -> Result<()> {
    let sums = gradients.values().map(|gradient| Ok(sum(gradient)?.reshape([1])?)).collect::<Result<Vec<_>>>()?;
    if sums.is_empty() {
        return Ok(());
    }
    let sums = cat(&sums.iter().collect::<Vec<_>>(), 0)?.to_f64()?;
    let wrong: BTreeMap<&str, f64> =
        gradients.keys().map(String::as_str).zip(sums).filter(|(_, total)| !total.is_finite()).collect();
    let mut backwards = network.parameters().into_iter().rev();
    match backwards.find_map(|parameter| Some((parameter.name(), *wrong.get(parameter.name())?))) {
        Some((name, value)) => {
            let what = format!("the sum of the gradient of {name}");
            Err(Error::Diverged { round, what, value, layer: None })
        }
        None => Ok(()),
    }
}

/// Whether every number is finite.
pub(crate) fn is_finite<B: Backend>(x: &Var<B>) -> Result<bool> {
    Ok(sum(x.value())?.item()?.is_finite())
}

//! A checkpoint's tensors under the keys of a network: without prefixes, and converted from the forms of other versions.

use std::borrow::Cow;

use super::load::Checkpoint;
use super::wrapped::{Network, Tensors, Unused};
use super::{shown, spectral, wrapped};

/// The buffers of norms that track statistics.
const STATISTICS: [&str; 3] = ["running_mean", "running_var", "num_batches_tracked"];

/// A checkpoint under the keys of a network.
#[derive(Clone, Debug)]
pub struct Adapted<'a> {
    /// The checkpoint itself, if nothing had to change.
    pub checkpoint: Cow<'a, Checkpoint>,
    /// What was removed, dropped or converted: a sentence each, without the file's name.
    pub notes: Vec<String>,
    /// Tensors of the file without the network's prefix.
    pub unused: Unused,
}

impl Checkpoint {
    /// The tensors under the keys of a network, given by keys and shapes: prefixes of wrappers and of other networks in
    /// the file are removed, older forms of spectral norm converted, and tensors dropped that no form of the network
    /// uses. What remains may still be that of another network: [`match_keys`](Self::match_keys) checks it.
    pub fn adapt(&self, expected: &[(String, Vec<usize>)]) -> Adapted<'_> {
        let network: Network<'_> = expected.iter().map(|(key, shape)| (&**key, &**shape)).collect();
        let is_vector = |key: &str| key.ends_with("weight_u") || key.ends_with("weight_v");
        let is_own = self.weights.keys().all(|key| network.contains_key(&**key))
            && network.keys().all(|key| !is_vector(key) || self.weights.contains_key(*key));
        if is_own {
            return Adapted { checkpoint: Cow::Borrowed(self), notes: Vec::new(), unused: Unused::new() };
        }
        let mut notes = Vec::new();
        let (mut tensors, unused) = wrapped::strip(&self.weights, &network, &mut notes);
        drop_optimizers(&mut tensors, &mut notes);
        spectral::convert(&mut tensors, &network, &mut notes);
        drop_statistics(&mut tensors, &network, &mut notes);
        self.adapted(tensors, notes, unused)
    }

    /// The tensors without the prefix below which the file has most of these keys; without a prefix, all of them. Nothing is
    /// converted.
    pub fn below_prefix(&self, expected: &[(String, Vec<usize>)]) -> Adapted<'_> {
        let network: Network<'_> = expected.iter().map(|(key, shape)| (&**key, &**shape)).collect();
        let mut notes = Vec::new();
        let (tensors, unused) = wrapped::strip(&self.weights, &network, &mut notes);
        if notes.is_empty() {
            return Adapted { checkpoint: Cow::Borrowed(self), notes, unused };
        }
        self.adapted(tensors, notes, unused)
    }

    fn adapted(&self, tensors: Tensors<'_>, notes: Vec<String>, unused: Unused) -> Adapted<'_> {
        let weights = tensors.into_iter().map(|(key, tensor)| (key, tensor.into_owned())).collect();
        let checkpoint = Checkpoint { file: self.file.clone(), weights, config: self.config.clone() };
        Adapted { checkpoint: Cow::Owned(checkpoint), notes, unused }
    }

    /// How many of a network's keys the file has, below any prefix.
    pub fn count_keys(&self, expected: &[(String, Vec<usize>)]) -> usize {
        wrapped::count(&self.weights, &expected.iter().map(|(key, shape)| (&**key, &**shape)).collect())
    }
}

impl Adapted<'_> {
    /// The notes, and what is not used, as warnings with the file's name.
    pub fn warnings(&self) -> Vec<String> {
        let file = self.checkpoint.file.display();
        let unused = wrapped::unused_note(&self.unused);
        self.notes.iter().chain(&unused).map(|note| format!("{file}: {note}")).collect()
    }
}

/// Drops the state of optimizers that is saved beside a network's own keys: `optimizer.state.0.exp_avg`.
fn drop_optimizers(tensors: &mut Tensors<'_>, notes: &mut Vec<String>) {
    let is_state = |key: &str| {
        let mut parts = key.split('.').skip(1).skip_while(|part| *part != "state");
        parts.next().is_some() && parts.next().is_some_and(|part| part.parse::<u64>().is_ok())
    };
    let before = tensors.len();
    tensors.retain(|key, _| !is_state(key));
    if tensors.len() < before {
        notes.push(format!("{} tensors of optimizers are not used", before - tensors.len()));
    }
}

/// Drops running statistics where the network has none.
fn drop_statistics(tensors: &mut Tensors<'_>, network: &Network<'_>, notes: &mut Vec<String>) {
    let is_unused =
        |key: &str| !network.contains_key(key) && STATISTICS.contains(&key.rsplit('.').next().unwrap_or_default());
    let unused: Vec<String> = tensors.keys().filter(|key| is_unused(key)).cloned().collect();
    if let Some(first) = unused.first() {
        notes.push(format!(
            "{} running statistics are not used (first: {}): instance norm computes them of each image; if the network was \
             trained with batch norm, its images will be wrong",
            unused.len(),
            shown(first)
        ));
        unused.iter().for_each(|key| drop(tensors.remove(key)));
    }
}

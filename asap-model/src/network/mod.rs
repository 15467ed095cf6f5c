//! What all networks share: parameters known by their published key names, how they start, how they meet a tape.

mod binding;
mod init;

pub use binding::Binding;
pub(crate) use init::started;
pub use init::{Blank, FillByName, Initialiser, Kind, XavierNormal};

use std::collections::BTreeMap;

use asap_tensor::{Backend, Tensor};

use crate::Result;
use crate::checkpoint::{Checkpoint, HostTensor, Weights};

/// A tensor of a network under the name that checkpoints give it. The name is its identity: gradients and Adam's
/// moments are kept by it.
#[derive(Clone, Debug)]
pub struct Parameter<B: Backend> {
    name: String,
    kind: Kind,
    value: Tensor<B>,
}

impl<B: Backend> Parameter<B> {
    /// A parameter with the initialiser's numbers.
    ///
    /// # Errors
    /// If the device fails.
    pub fn new(
        backend: &B,
        init: &mut dyn Initialiser,
        name: impl Into<String>,
        shape: &[usize],
        kind: Kind,
    ) -> Result<Self> {
        let name = name.into();
        let value = started(backend, init, &name, shape, kind)?;
        Ok(Parameter { name, kind, value })
    }

    /// The published key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What part it plays.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its numbers.
    pub fn value(&self) -> &Tensor<B> {
        &self.value
    }

    /// Its numbers, to replace or update in place.
    pub fn value_mut(&mut self) -> &mut Tensor<B> {
        &mut self.value
    }
}

/// A network as a list of parameters.
pub trait Network<B: Backend> {
    /// Every parameter and buffer, in the order of construction.
    fn parameters(&self) -> Vec<&Parameter<B>>;
    /// The same, to update.
    fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>>;

    /// How many numbers are trained; buffers are not counted.
    fn trainable_count(&self) -> usize {
        let trained = self.parameters().into_iter().filter(|p| p.kind().is_trained());
        trained.map(|p| p.value().count()).sum()
    }

    /// All numbers by published key.
    ///
    /// # Errors
    /// If the device fails.
    fn to_weights(&self) -> Result<Weights> {
        let host = |p: &Parameter<B>| {
            let shape = p.value().dims().to_vec();
            Ok((p.name().to_owned(), HostTensor { shape, data: p.value().to_f32()? }))
        };
        self.parameters().into_iter().map(host).collect()
    }

    /// Whether a checkpoint has this network's tensors. How many batches batch norm has seen may be missing, as in
    /// checkpoints older than PyTorch 0.4.1.
    ///
    /// # Errors
    /// If a tensor is missing, misshapen or left over; all of them are named.
    fn check(&self, checkpoint: &Checkpoint) -> Result<()> {
        let needed = |p: &&Parameter<B>| p.kind != Kind::BatchCount || checkpoint.weights.contains_key(p.name());
        let parameters = self.parameters().into_iter().filter(needed);
        let expected: Vec<_> = parameters.map(|p| (p.name().to_owned(), p.value().dims().to_vec())).collect();
        checkpoint.match_keys(&expected)
    }

    /// Replaces all numbers by those of a checkpoint.
    ///
    /// # Errors
    /// As [`Network::check`]; or if the device fails.
    fn load(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        self.check(checkpoint)?;
        for parameter in self.parameters_mut() {
            if let Some(host) = checkpoint.weights.get(parameter.name()) {
                parameter.value = Tensor::from_f32(parameter.value.backend(), &host.shape[..], &host.data)?;
            }
        }
        Ok(())
    }

    /// Replaces the numbers of the parameters and buffers that are named, as by [`Binding::buffers`].
    fn set_numbers(&mut self, mut numbers: BTreeMap<String, Tensor<B>>) {
        for parameter in self.parameters_mut() {
            if let Some(value) = numbers.remove(parameter.name()) {
                parameter.value = value;
            }
        }
    }
}

//! The parameters and buffers of a network, in one store, by the keys of published checkpoints.

use std::collections::BTreeMap;
use std::fmt::Display;

use asap_tensor::{Backend, Tensor};

use super::init::{Initializer, Kind};
use crate::Result;
use crate::checkpoint::{Checkpoint, HostTensor, Weights};

/// A parameter's or buffer's place in its network's [`Params`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParamId(usize);

/// What a forward pass turns buffers into.
pub type Updates<B> = BTreeMap<ParamId, Tensor<B>>;

/// A parameter or buffer.
#[derive(Clone, Debug)]
pub struct Param<B: Backend> {
    key: String,
    kind: Kind,
    value: Tensor<B>,
}

impl<B: Backend> Param<B> {
    /// The published key: what gradients, Adam's moments and checkpoints know it by.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What it is to its layer.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its values.
    pub fn value(&self) -> &Tensor<B> {
        &self.value
    }

    /// Its values, to replace or to update in place.
    pub fn value_mut(&mut self) -> &mut Tensor<B> {
        &mut self.value
    }
}

/// Every parameter and buffer of a network, in order of construction.
#[derive(Clone, Debug)]
pub struct Params<B: Backend> {
    backend: B,
    params: Vec<Param<B>>,
}

impl<B: Backend> Params<B> {
    /// Builds a network: `network` makes its layers, whose parameters `init` gives their first values.
    ///
    /// # Errors
    /// Those of `network`.
    pub fn build<T>(
        backend: &B,
        init: &mut dyn Initializer,
        network: impl FnOnce(Builder<'_, B>) -> Result<T>,
    ) -> Result<(Self, T)> {
        let mut params = Params { backend: backend.clone(), params: Vec::new() };
        let network = network(Builder { params: &mut params, init, path: String::new() })?;
        Ok((params, network))
    }

    /// Where the values are.
    pub fn backend(&self) -> &B {
        &self.backend
    }

    /// The parameter of a layer of this network.
    pub fn get(&self, id: ParamId) -> &Param<B> {
        &self.params[id.0]
    }

    /// The parameter of that key.
    pub fn find(&self, key: &str) -> Option<&Param<B>> {
        self.iter().find(|param| param.key == key)
    }

    /// The parameter of that key, to change.
    pub fn find_mut(&mut self, key: &str) -> Option<&mut Param<B>> {
        self.iter_mut().find(|param| param.key == key)
    }

    /// Every parameter and buffer.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Param<B>> {
        self.params.iter()
    }

    /// Every parameter and buffer, to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Param<B>> {
        self.params.iter_mut()
    }

    /// The parameters that are trained; buffers are left out.
    pub fn trained(&self) -> impl DoubleEndedIterator<Item = &Param<B>> {
        self.iter().filter(|param| param.kind.is_trained())
    }

    /// Values that are trained.
    pub fn trained_count(&self) -> usize {
        self.trained().map(|param| param.value.count()).sum()
    }

    /// All values on the host, by key.
    ///
    /// # Errors
    /// If the device fails.
    pub fn to_weights(&self) -> Result<Weights> {
        let host = |param: &Param<B>| {
            let shape = param.value.dims().to_vec();
            Ok((param.key.clone(), HostTensor { shape, data: param.value.to_f32()? }))
        };
        self.iter().map(host).collect()
    }

    /// Checks that a checkpoint has this network's tensors and no others. The batches that batch norm has counted may be
    /// missing: PyTorch counts them since 0.4.1.
    ///
    /// # Errors
    /// Lists every missing, misshapen and unknown tensor.
    pub fn check(&self, checkpoint: &Checkpoint) -> Result<()> {
        let needed = |param: &&Param<B>| param.kind != Kind::BatchCount || checkpoint.weights.contains_key(&param.key);
        let expected: Vec<_> =
            self.iter().filter(needed).map(|param| (param.key.clone(), param.value.dims().to_vec())).collect();
        checkpoint.match_keys(&expected)
    }

    /// Replaces all values by those of a checkpoint.
    ///
    /// # Errors
    /// As [`Params::check`].
    pub fn load(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        self.check(checkpoint)?;
        for param in &mut self.params {
            if let Some(host) = checkpoint.weights.get(&param.key) {
                param.value = Tensor::from_f32(&self.backend, &host.shape[..], &host.data)?;
            }
        }
        Ok(())
    }

    /// Replaces the values of buffers that a forward pass has updated.
    pub fn apply(&mut self, updates: Updates<B>) {
        for (id, value) in updates {
            self.params[id.0].value = value;
        }
    }
}

/// Adds the parameters of a network to its store, layer by layer. Each layer gets a builder of its own path, which its
/// keys begin with.
pub struct Builder<'a, B: Backend> {
    params: &'a mut Params<B>,
    init: &'a mut dyn Initializer,
    /// Empty, or ending in a dot.
    path: String,
}

impl<B: Backend> Builder<'_, B> {
    /// A builder for the layer `name` of this one.
    pub fn at(&mut self, name: impl Display) -> Builder<'_, B> {
        Builder { params: &mut *self.params, init: &mut *self.init, path: format!("{}{name}.", self.path) }
    }

    /// A builder for another layer of this path.
    pub fn here(&mut self) -> Builder<'_, B> {
        Builder { params: &mut *self.params, init: &mut *self.init, path: self.path.clone() }
    }

    /// The path, without the dot at its end.
    pub fn path(&self) -> &str {
        self.path.strip_suffix('.').unwrap_or(&self.path)
    }

    /// The device.
    pub fn backend(&self) -> &B {
        &self.params.backend
    }

    /// Adds a parameter with the initializer's values.
    ///
    /// # Errors
    /// Those of the initializer.
    pub fn param(&mut self, name: &str, shape: &[usize], kind: Kind) -> Result<ParamId> {
        let value = match self.init.constant(kind) {
            Some(constant) => Tensor::full(self.backend(), shape, constant)?,
            None => {
                let values = self.values(name, shape, kind)?;
                Tensor::from_f32(self.backend(), shape, &values)?
            }
        };
        Ok(self.add(name, kind, value))
    }

    /// The initializer's values for a parameter that is not added.
    ///
    /// # Errors
    /// Those of the initializer.
    pub fn values(&mut self, name: &str, shape: &[usize], kind: Kind) -> Result<Vec<f32>> {
        self.init.fill(&format!("{}{name}", self.path), shape, kind)
    }

    /// Adds a parameter with these values.
    pub fn add(&mut self, name: &str, kind: Kind, value: Tensor<B>) -> ParamId {
        self.params.params.push(Param { key: format!("{}{name}", self.path), kind, value });
        ParamId(self.params.params.len() - 1)
    }
}

//! The parameters and buffers of a network, in one store, by the keys of published checkpoints.

use std::collections::BTreeMap;
use std::fmt::Display;

use asap_tensor::{Backend, Tensor};

use super::init::{Initializer, ParamRole};
use crate::Result;
use crate::checkpoint::{Checkpoint, HostTensor, Weights};

/// A parameter's or buffer's place in its network's [`Params`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParamId(usize);

/// The new values of the buffers that a forward pass has updated.
pub type BufferUpdates<B> = BTreeMap<ParamId, Tensor<B>>;

/// A parameter or buffer.
#[derive(Clone, Debug)]
pub struct Param<B: Backend> {
    key: String,
    role: ParamRole,
    rate: f64,
    value: Tensor<B>,
}

impl<B: Backend> Param<B> {
    /// The published key, which also names gradients, Adam's moments and checkpoint entries.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Its role in its layer.
    pub fn role(&self) -> ParamRole {
        self.role
    }

    /// The factor on its network's learning rate.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Its values.
    pub fn value(&self) -> &Tensor<B> {
        &self.value
    }

    /// Its values, to replace or update in place.
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
    /// Builds a network: `network` makes the layers, `init` the initial values of their parameters.
    pub fn build<T>(
        backend: &B,
        init: &mut dyn Initializer,
        network: impl FnOnce(Builder<'_, B>) -> Result<T>,
    ) -> Result<(Self, T)> {
        let mut params = Params { backend: backend.clone(), params: Vec::new() };
        let network = network(Builder { params: &mut params, init, path: String::new(), rate: 1.0 })?;
        Ok((params, network))
    }

    /// The device of the values.
    pub fn backend(&self) -> &B {
        &self.backend
    }

    /// The parameter of this ID, from a layer of this network.
    pub fn get(&self, id: ParamId) -> &Param<B> {
        &self.params[id.0]
    }

    /// The parameter of that key.
    pub fn find(&self, key: &str) -> Option<&Param<B>> {
        self.iter().find(|param| param.key == key)
    }

    /// The parameter of that key, mutably.
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
        self.iter().filter(|param| param.role.is_trained())
    }

    /// The number of trained values.
    pub fn trained_count(&self) -> usize {
        self.trained().map(|param| param.value.count()).sum()
    }

    /// All values on the host, by key.
    pub fn to_weights(&self) -> Result<Weights> {
        let host = |param: &Param<B>| {
            let shape = param.value.dims().to_vec();
            Ok((param.key.clone(), HostTensor { shape, data: param.value.to_f32()? }))
        };
        self.iter().map(host).collect()
    }

    /// The key and shape of every parameter and buffer.
    pub fn expected(&self) -> Vec<(String, Vec<usize>)> {
        self.iter().map(|param| (param.key.clone(), param.value.dims().to_vec())).collect()
    }

    /// The keys and shapes that a checkpoint must have. Only batch norm's batch counts may be missing: PyTorch before
    /// 0.4.1 had none.
    pub fn required(&self, checkpoint: &Checkpoint) -> Vec<(String, Vec<usize>)> {
        let needed =
            |param: &&Param<B>| param.role != ParamRole::BatchCount || checkpoint.weights.contains_key(&param.key);
        self.iter().filter(needed).map(|param| (param.key.clone(), param.value.dims().to_vec())).collect()
    }

    /// Checks that a checkpoint has this network's tensors and no others.
    ///
    /// # Errors
    /// Lists every missing, misshapen and unknown tensor.
    pub fn check(&self, checkpoint: &Checkpoint) -> Result<()> {
        checkpoint.match_keys(&self.required(checkpoint))
    }

    /// Replaces all values by those of a checkpoint.
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
    pub fn apply_buffers(&mut self, updates: BufferUpdates<B>) {
        for (id, value) in updates {
            self.params[id.0].value = value;
        }
    }
}

/// Adds the parameters of a network to its store, layer by layer. Each layer has a builder with its own path, the
/// prefix of its keys.
pub struct Builder<'a, B: Backend> {
    params: &'a mut Params<B>,
    init: &'a mut dyn Initializer,
    /// Empty, or ending in a dot.
    path: String,
    /// The factor on the learning rate.
    rate: f64,
}

impl<B: Backend> Builder<'_, B> {
    /// A builder for the sublayer `name`.
    pub fn at(&mut self, name: impl Display) -> Builder<'_, B> {
        Builder { path: format!("{}{name}.", self.path), ..self.here() }
    }

    /// A builder for a layer with the same path.
    pub fn here(&mut self) -> Builder<'_, B> {
        Builder { params: &mut *self.params, init: &mut *self.init, path: self.path.clone(), rate: self.rate }
    }

    /// A builder of parameters whose learning rate is `rate` times the network's.
    pub fn with_rate(self, rate: f64) -> Self {
        Builder { rate, ..self }
    }

    /// The path, without the final dot.
    pub fn path(&self) -> &str {
        self.path.strip_suffix('.').unwrap_or(&self.path)
    }

    /// The device.
    pub fn backend(&self) -> &B {
        &self.params.backend
    }

    /// Adds a parameter with the initializer's values.
    pub fn param(&mut self, name: &str, shape: &[usize], role: ParamRole) -> Result<ParamId> {
        let value = match self.init.constant(role) {
            Some(constant) => Tensor::full(self.backend(), shape, constant)?,
            None => {
                let values = self.values(name, shape, role)?;
                Tensor::from_f32(self.backend(), shape, &values)?
            }
        };
        Ok(self.add(name, role, value))
    }

    /// The initializer's values for a parameter, without adding it.
    pub fn values(&mut self, name: &str, shape: &[usize], role: ParamRole) -> Result<Vec<f32>> {
        self.init.fill(&format!("{}{name}", self.path), shape, role)
    }

    /// Adds a parameter with these values.
    pub fn add(&mut self, name: &str, role: ParamRole, value: Tensor<B>) -> ParamId {
        self.params.params.push(Param { key: format!("{}{name}", self.path), role, rate: self.rate, value });
        ParamId(self.params.params.len() - 1)
    }
}

//! One forward pass of a network: whether parameters have gradients, how layers behave, which buffers are updated.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;

use asap_autograd::{Gradients, Tape, Var};
use asap_tensor::ops::sum;
use asap_tensor::{Backend, Tensor};

use super::input::Input;
use super::params::{BufferUpdates, ParamId, Params};
use super::random::Random;
use crate::Result;

/// A network, or part of one, from an input to an image.
pub trait Module<B: Backend>: Debug + Send + Sync {
    /// (N, C, H, W) → the image.
    fn forward(&self, ctx: &ForwardContext<'_, B>, x: &Input<B>) -> Result<Var<B>>;
}

/// A forward pass. Parameters are leaves of a tape, or frozen: constants. Layers are in training or evaluation mode.
///
/// In training, batch norm normalizes by the batch's own statistics, spectral norm makes one power iteration and
/// dropout zeroes values. A pass changes no parameter: the context collects the updates of buffers, and
/// [`finish`](Self::finish) returns them.
pub struct ForwardContext<'a, B: Backend> {
    params: &'a Params<B>,
    tape: Option<Tape<B>>,
    training: bool,
    leaves: RefCell<BTreeMap<ParamId, Var<B>>>,
    buffers: RefCell<BufferUpdates<B>>,
    /// Spectrally normalized weights.
    normalized: RefCell<BTreeMap<ParamId, Var<B>>>,
    /// Random streams, if the pass has any.
    random: Option<Random>,
    /// The first layer with an output that is not finite, if the context checks.
    watch: Option<RefCell<Option<String>>>,
}

/// The results of a forward pass besides its output.
pub struct Finished<B: Backend> {
    leaves: Vec<(String, Var<B>)>,
    /// New values of buffers, for [`Params::apply_buffers`].
    pub buffers: BufferUpdates<B>,
}

impl<'a, B: Backend> ForwardContext<'a, B> {
    /// Layers in evaluation mode, parameters frozen: inference and validation.
    pub fn evaluation(params: &'a Params<B>) -> Self {
        ForwardContext {
            params,
            tape: None,
            training: false,
            leaves: RefCell::default(),
            buffers: RefCell::default(),
            normalized: RefCell::default(),
            random: None,
            watch: None,
        }
    }

    /// Layers in training mode, parameters frozen: a network whose output or gradient another network is trained with.
    pub fn training_frozen(params: &'a Params<B>) -> Self {
        ForwardContext { training: true, ..Self::evaluation(params) }
    }

    /// Layers in training mode, parameters as leaves of `tape`.
    pub fn training(params: &'a Params<B>, tape: &Tape<B>) -> Self {
        ForwardContext { tape: Some(tape.clone()), ..Self::training_frozen(params) }
    }

    /// With noise, and in training with dropout and random phases. Their random streams are named by the pass, and by the
    /// layer or the image of the batch.
    pub fn with_random(self, random: Random) -> Self {
        ForwardContext { random: Some(random), ..self }
    }

    /// With a check that each layer's output is finite.
    pub fn watching(self) -> Self {
        ForwardContext { watch: Some(RefCell::default()), ..self }
    }

    /// Whether layers are in training mode.
    pub fn is_training(&self) -> bool {
        self.training
    }

    /// The random streams, if there are any.
    pub(crate) fn random(&self) -> Option<&Random> {
        self.random.as_ref()
    }

    /// As [`random`](Self::random), if layers are in training mode.
    pub(crate) fn training_random(&self) -> Option<&Random> {
        self.random().filter(|_| self.training)
    }

    /// Runs a layer under its name, for the profiler and the check for finite outputs.
    pub fn layer(&self, name: &str, forward: impl FnOnce() -> Result<Var<B>>) -> Result<Var<B>> {
        let _scope = self.params.backend().profiler().map(|profiler| profiler.enter(name));
        let y = forward()?;
        if let Some(first) = &self.watch
            && first.borrow().is_none()
            && !is_finite(&y)?
        {
            first.replace(Some(name.to_owned()));
        }
        Ok(y)
    }

    /// The first layer whose output was not finite, if the context is [`watching`](Self::watching).
    pub fn first_not_finite(&self) -> Option<String> {
        self.watch.as_ref()?.borrow().clone()
    }

    /// A parameter as a variable, the same one each time.
    pub fn var(&self, id: ParamId) -> Var<B> {
        let value = || self.params.get(id).value().clone();
        let Some(tape) = &self.tape else { return Var::constant(value()) };
        self.leaves.borrow_mut().entry(id).or_insert_with(|| tape.leaf(value())).clone()
    }

    /// The current value of a buffer, updated in this pass or else the network's, or of a frozen parameter.
    pub fn buffer(&self, id: ParamId) -> Tensor<B> {
        self.buffers.borrow().get(&id).unwrap_or_else(|| self.params.get(id).value()).clone()
    }

    /// Sets a buffer's new value.
    pub fn update_buffer(&self, id: ParamId, value: Tensor<B>) {
        self.buffers.borrow_mut().insert(id, value);
    }

    /// The normalized form of a weight, computed once per pass.
    pub(super) fn normalized(&self, id: ParamId, normalize: impl FnOnce() -> Result<Var<B>>) -> Result<Var<B>> {
        if let Some(weight) = self.normalized.borrow().get(&id) {
            return Ok(weight.clone());
        }
        let weight = normalize()?;
        self.normalized.borrow_mut().insert(id, weight.clone());
        Ok(weight)
    }

    /// Ends the pass.
    pub fn finish(self) -> Finished<B> {
        let key = |(id, leaf)| (self.params.get(id).key().to_owned(), leaf);
        let leaves = self.leaves.into_inner().into_iter().map(key).collect();
        Finished { leaves, buffers: self.buffers.into_inner() }
    }
}

impl<B: Backend> Finished<B> {
    /// The gradient of every parameter that was used, by key, and the updates of buffers. It consumes the leaves, so that nothing
    /// shares the parameters' values when the optimizer updates them in place.
    pub fn gradients(self, gradients: &Gradients<B>) -> (BTreeMap<String, Tensor<B>>, BufferUpdates<B>) {
        let gradient = |(key, leaf)| Some((key, gradients.of(&leaf)?.clone()));
        (self.leaves.into_iter().filter_map(gradient).collect(), self.buffers)
    }
}

/// Whether every value is finite.
pub(crate) fn is_finite<B: Backend>(x: &Var<B>) -> Result<bool> {
    Ok(sum(x.value())?.item()?.is_finite())
}

//! Spatially-adaptive normalisation (Park et al. 2019): batch norm whose scale and shift are those that convolutions of
//! the conditions give each pixel.

use asap_autograd::{Var, vjp};
use asap_tensor::Backend;

use super::layer::{Layer, Norm, Size};
use crate::Result;
use crate::layers::{BatchNorm, Stack};
use crate::network::{Binding, Initialiser, Parameter};

/// The norm.
#[derive(Clone, Debug)]
pub(super) struct Adaptive<B: Backend> {
    norm: BatchNorm<B>,
    /// To the hidden channels; from them to scales, to shifts.
    maps: [Layer<B>; 3],
}

impl<B: Backend> Adaptive<B> {
    /// Of `channels` channels by `conditions` others, by way of `hidden` ones.
    pub fn new(
        backend: &B,
        init: &mut dyn Initialiser,
        name: &str,
        [conditions, hidden, channels]: [usize; 3],
    ) -> Result<Self> {
        let mut map = |key: &str, size, slope| {
            Layer::named(backend, &mut *init, format!("{name}.{key}"), size, Norm::None { bias: true }, slope)
        };
        let maps = [
            map("mlp_shared.0", Size::same(conditions, hidden), 0.0)?,
            map("mlp_gamma", Size::same(hidden, channels), 1.0)?,
            map("mlp_beta", Size::same(hidden, channels), 1.0)?,
        ];
        let norm = BatchNorm::new(backend, init, &format!("{name}.param_free_norm"), channels, false)?;
        Ok(Adaptive { norm, maps })
    }

    /// (N, C, H, W) by conditions of the same H and W.
    pub fn forward(&self, binding: &Binding<B>, x: &Var<B>, conditions: &Stack<B>) -> Result<Var<B>> {
        let [shared, scale, shift] = &self.maps;
        let hidden = Stack::dense(shared.convolved(binding, conditions)?);
        let scale = vjp::affine(&scale.convolved(binding, &hidden)?, 1.0, 1.0)?;
        let shift = shift.convolved(binding, &hidden)?;
        Ok(vjp::add(&vjp::mul(&self.norm.forward(binding, x)?, &scale)?, &shift)?)
    }

    pub fn parameters(&self) -> Vec<&Parameter<B>> {
        self.norm.parameters().into_iter().chain(self.maps.iter().flat_map(Layer::parameters)).collect()
    }

    pub fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>> {
        let maps = self.maps.iter_mut().flat_map(Layer::parameters_mut);
        self.norm.parameters_mut().into_iter().chain(maps).collect()
    }
}

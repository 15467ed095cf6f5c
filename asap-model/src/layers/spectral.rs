//! Spectral normalisation (Miyato et al. 2018): a weight divided by its largest singular value.
//!
//! The value is followed by power iteration, one step a forward pass: with W the weight as (O, I·R·S),
//! v ← Wᵀu/‖Wᵀu‖, u ← Wv/‖Wv‖, σ = uᵀWv. The vectors are constants in the gradient, so
//! ∂σ/∂W = u vᵀ and the gradient of W/σ follows from the tape's rules for products and quotients.

use asap_autograd::{Var, vjp};
use asap_tensor::ops::{Transpose, Unary, div, matmul, mul, sum, unary};
use asap_tensor::{Backend, Tensor};

use crate::Result;
use crate::network::{Binding, Initialiser, Kind, Parameter};

/// What a length is at least, so that a weight of zeros does not divide by zero (published code: PyTorch's value).
const SHORTEST: f64 = 1e-12;

/// A convolution's weight, spectrally normalised or not.
#[derive(Clone, Debug)]
pub struct SpectralWeight<B: Backend> {
    weight: Parameter<B>,
    /// u, (O), and v, (I·R·S).
    vectors: Option<(Parameter<B>, Parameter<B>)>,
}

impl<B: Backend> SpectralWeight<B> {
    /// A weight of `shape` (O, I, R, S). Its key is `name`.weight; with normalisation `name`.weight_orig, beside
    /// `name`.weight_u and `name`.weight_v.
    ///
    /// # Errors
    /// If the device fails.
    pub fn new(
        backend: &B,
        init: &mut dyn Initialiser,
        name: &str,
        shape: [usize; 4],
        normalised: bool,
    ) -> Result<Self> {
        let mut parameter =
            |key: &str, shape: &[usize], kind| Parameter::new(backend, init, format!("{name}.{key}"), shape, kind);
        if !normalised {
            return Ok(SpectralWeight { weight: parameter("weight", &shape, Kind::Weight)?, vectors: None });
        }
        let [outputs, patch] = [shape[0], shape[1..].iter().product()];
        Ok(SpectralWeight {
            weight: parameter("weight_orig", &shape, Kind::Weight)?,
            vectors: Some((
                parameter("weight_u", &[outputs], Kind::SpectralVector)?,
                parameter("weight_v", &[patch], Kind::SpectralVector)?,
            )),
        })
    }

    /// W/σ, or W where it is not normalised. In training makes one power iteration, of which the binding gathers u and
    /// v; in evaluation takes the vectors as they are.
    ///
    /// # Errors
    /// If a kernel fails.
    pub fn bound(&self, binding: &Binding<B>) -> Result<Var<B>> {
        let weight = binding.var(&self.weight);
        let Some((left, right)) = &self.vectors else { return Ok(weight) };
        if !binding.is_training() {
            return divided(&weight, left.value(), right.value());
        }
        let (u, v) = self.iterated(&binding.buffer(left))?;
        let y = divided(&weight, &u, &v)?;
        binding.set_buffer(left, u);
        binding.set_buffer(right, v);
        Ok(y)
    }

    /// W/σ, or W where it is not normalised. Makes one power iteration: updates u and v.
    ///
    /// # Errors
    /// If a kernel fails.
    pub fn forward(&mut self, binding: &Binding<B>) -> Result<Var<B>> {
        let weight = binding.var(&self.weight);
        let Some((left, _)) = &self.vectors else { return Ok(weight) };
        let (u, v) = self.iterated(left.value())?;
        let y = divided(&weight, &u, &v)?;
        if let Some((left, right)) = &mut self.vectors {
            *left.value_mut() = u;
            *right.value_mut() = v;
        }
        Ok(y)
    }

    /// The next u, (O), and v, (I·R·S).
    fn iterated(&self, u: &Tensor<B>) -> Result<(Tensor<B>, Tensor<B>)> {
        let outputs = u.count();
        let patch = self.weight.value().count() / outputs.max(1);
        let matrix = self.weight.value().reshape([outputs, patch])?;
        let v = unit(&matmul(&matrix, &u.reshape([outputs, 1])?, Transpose { a: true, b: false })?)?;
        let u = unit(&matmul(&matrix, &v, Transpose::default())?)?;
        Ok((u.reshape([outputs])?, v.reshape([patch])?))
    }

    /// The weight, and u and v where it is normalised.
    pub fn parameters(&self) -> Vec<&Parameter<B>> {
        let vectors = self.vectors.iter().flat_map(|(u, v)| [u, v]);
        std::iter::once(&self.weight).chain(vectors).collect()
    }

    /// The same, to update.
    pub fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>> {
        let vectors = self.vectors.iter_mut().flat_map(|(u, v)| [u, v]);
        std::iter::once(&mut self.weight).chain(vectors).collect()
    }
}

/// W/(uᵀWv) for W (O, I, R, S), u (O) and v (I·R·S).
fn divided<B: Backend>(weight: &Var<B>, u: &Tensor<B>, v: &Tensor<B>) -> Result<Var<B>> {
    let (outputs, patch) = (u.count(), v.count());
    let [u, v] = [u.reshape([outputs, 1])?, v.reshape([patch, 1])?].map(Var::constant);
    let image = vjp::matmul(&vjp::reshape(weight, [outputs, patch])?, &v, Transpose::default())?;
    let sigma = vjp::sum(&vjp::mul(&image, &u)?)?;
    Ok(vjp::div(weight, &sigma)?)
}

/// x / max(‖x‖, [`SHORTEST`]).
fn unit<B: Backend>(x: &Tensor<B>) -> Result<Tensor<B>> {
    let length = unary(Unary::Sqrt, &sum(&mul(x, x)?)?)?;
    let beyond = unary(Unary::RELU, &unary(Unary::Affine { scale: 1.0, shift: -SHORTEST }, &length)?)?;
    let length = unary(Unary::Affine { scale: 1.0, shift: SHORTEST }, &beyond)?;
    Ok(div(x, &length)?)
}

//! Sums, differences, products and quotients: y = a ∘ b, where b may be spread over a.
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod plan;
mod reference;

use crate::error::{Result, require};
use crate::profile::Cost;
use crate::shape::Shape;
use crate::storage::{Element, Storage};
use crate::tensor::Tensor;

/// The functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// a + b.
    Add,
    /// a − b.
    Sub,
    /// a · b.
    Mul,
    /// a / b.
    Div,
}

impl Binary {
    /// a ∘ b.
    #[inline(always)]
    pub fn apply<E: Element>(self, a: E, b: E) -> E {
        match self {
            Binary::Add => a + b,
            Binary::Sub => a - b,
            Binary::Mul => a * b,
            Binary::Div => a / b,
        }
    }
}

/// How b's values are spread over a's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broadcast {
    /// One for each of a's.
    Same,
    /// One for all.
    Scalar,
    /// One for each channel of (N, C, …): number i of a meets number (i / `plane`) mod `channels` of b.
    Channel {
        /// C.
        channels: usize,
        /// The product of the sizes after C.
        plane: usize,
    },
}

impl Broadcast {
    /// How a tensor of shape `b` is spread over one of shape `a`, if at all.
    pub fn between(a: Shape, b: Shape) -> Option<Self> {
        match (a.dims(), b.dims()) {
            (x, y) if x == y => Some(Broadcast::Same),
            (_, []) => Some(Broadcast::Scalar),
            ([_, c, plane @ ..], [only]) if c == only => {
                Some(Broadcast::Channel { channels: *c, plane: plane.iter().product() })
            }
            _ => None,
        }
    }

    /// Which number of b meets number `i` of a.
    #[inline(always)]
    pub fn index(self, i: usize) -> usize {
        match self {
            Broadcast::Same => i,
            Broadcast::Scalar => 0,
            Broadcast::Channel { channels, plane } => (i / plane) % channels,
        }
    }
}

/// Kernels of this family.
pub trait BinaryOps: Storage {
    /// a ∘ b, as long as a.
    fn binary(&self, op: Binary, a: &Self::Buffer, b: &Self::Buffer, broadcast: Broadcast) -> Result<Self::Buffer>;
}

/// y = a ∘ b, of a's shape; b has a's shape, or none (), or that of a's channels (C).
pub fn binary<B: BinaryOps>(op: Binary, a: &Tensor<B>, b: &Tensor<B>) -> Result<Tensor<B>> {
    let broadcast = Broadcast::between(a.shape(), b.shape());
    require(broadcast.is_some(), "binary", a.shape(), b.shape(), || {
        "the second must have the first's shape, or none, or that of its channels".into()
    })?;
    let broadcast = broadcast.unwrap_or(Broadcast::Same);
    let backend = a.backend();
    let cost = Cost { macs: 0, elements: (2 * a.count() + b.count()) as u64 };
    let y = backend.measure("binary", cost, || backend.binary(op, a.buffer(), b.buffer(), broadcast))?;
    Ok(Tensor::from_parts(backend, a.shape(), y))
}

/// a + b; see [`binary`].
pub fn add<B: BinaryOps>(a: &Tensor<B>, b: &Tensor<B>) -> Result<Tensor<B>> {
    binary(Binary::Add, a, b)
}

/// a − b; see [`binary`].
pub fn sub<B: BinaryOps>(a: &Tensor<B>, b: &Tensor<B>) -> Result<Tensor<B>> {
    binary(Binary::Sub, a, b)
}

/// a · b; see [`binary`].
pub fn mul<B: BinaryOps>(a: &Tensor<B>, b: &Tensor<B>) -> Result<Tensor<B>> {
    binary(Binary::Mul, a, b)
}

/// a / b; see [`binary`].
pub fn div<B: BinaryOps>(a: &Tensor<B>, b: &Tensor<B>) -> Result<Tensor<B>> {
    binary(Binary::Div, a, b)
}

//! Sums, differences, products and quotients: y = a ∘ b, where b may be broadcast over a.
#![doc = include_str!("README.md")]

mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod reference;

use crate::error::{Error, Result};
use crate::op::{Kernel, Op, op};
use crate::profile::Cost;
use crate::shape::Shape;
use crate::storage::Element;
use crate::tensor::Tensor;

macro_rules! functions {
    (|$a:ident, $b:ident| $($doc:literal $variant:ident $name:ident: $f:expr,)+) => {
        /// The functions.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Binary {
            $(#[doc = $doc] $variant,)+
        }

        impl Binary {
            /// a ∘ b.
            #[inline(always)]
            pub fn apply<E: Element>(self, $a: E, $b: E) -> E {
                match self {
                    $(Binary::$variant => $f,)+
                }
            }
        }

        $(
            #[doc = $doc]
            pub fn $name<B: Kernel<BinaryOp>>(a: &Tensor<B>, b: &Tensor<B>) -> Result<Tensor<B>> {
                binary(Binary::$variant, a, b)
            }
        )+
    };
}
functions! { |a, b|
    "a + b; see [`binary`]." Add add: a + b,
    "a − b; see [`binary`]." Sub sub: a - b,
    "a · b; see [`binary`]." Mul mul: a * b,
    "a / b; see [`binary`]." Div div: a / b,
}

/// How b's elements are broadcast over a's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broadcast {
    /// b has a's shape.
    Same,
    /// b is a scalar.
    Scalar,
    /// b has one element per channel of (N, C, …): element i of a meets element (i / `plane`) mod `channels` of b.
    Channel {
        /// C.
        channels: usize,
        /// The product of the sizes after C.
        plane: usize,
    },
}

impl Broadcast {
    /// How a tensor of shape `b` is broadcast over one of shape `a`, if at all.
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

    /// How many elements b has for an a of `count`.
    fn count(self, count: usize) -> usize {
        match self {
            Broadcast::Same => count,
            Broadcast::Scalar => 1,
            Broadcast::Channel { channels, .. } => channels,
        }
    }
}

op! {
    /// a ∘ b for each element of a.
    BinaryOp { f: Binary, a: Shape, b: Broadcast }
    "binary", for<'a, B> [&'a B::Buffer; 2] => Shape: |op| op.a,
    cost: Cost::elements(2 * op.a.count() + op.b.count(op.a.count()))
}

/// y = a ∘ b, of a's shape; b has a's shape, or is a scalar (), or has the shape of a's channels (C).
pub fn binary<B: Kernel<BinaryOp>>(f: Binary, a: &Tensor<B>, b: &Tensor<B>) -> Result<Tensor<B>> {
    let Some(broadcast) = Broadcast::between(a.shape(), b.shape()) else {
        let why = "the second must have the first's shape, or none, or that of its channels".into();
        return Err(Error::Shapes { op: "binary", left: a.shape().into(), right: b.shape().into(), why });
    };
    BinaryOp { f, a: a.shape(), b: broadcast }.run(a.backend(), [a.buffer(), b.buffer()])
}

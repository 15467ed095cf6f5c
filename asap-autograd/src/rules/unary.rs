//! Elementwise functions: g·f′(x).

use asap_tensor::ops::{self, Unary};
use asap_tensor::{Backend, Result};

use crate::tape::Var;

impl<B: Backend> Var<B> {
    /// f(x), elementwise.
    pub fn unary(&self, f: Unary) -> Result<Self> {
        let y = ops::unary(f, self.value())?;
        if let Unary::Affine { scale, .. } = f {
            let slope = Unary::Affine { scale, shift: 0.0 };
            return Var::record(y, [self], move |g, _| Ok([Some(ops::unary(slope, g)?)]));
        }
        // The gradient uses x or y, and the other may be freed.
        let saved = if f.needs_input() { self.value() } else { &y }.clone();
        Var::record(y, [self], move |g, _| Ok([Some(ops::unary_grad(f, &saved, &saved, g)?)]))
    }

    /// |x|.
    pub fn abs(&self) -> Result<Self> {
        self.unary(Unary::Abs)
    }

    /// √x.
    pub fn sqrt(&self) -> Result<Self> {
        self.unary(Unary::Sqrt)
    }

    /// tanh x.
    pub fn tanh(&self) -> Result<Self> {
        self.unary(Unary::Tanh)
    }

    /// 1/(1 + e⁻ˣ).
    pub fn sigmoid(&self) -> Result<Self> {
        self.unary(Unary::Sigmoid)
    }

    /// max(0, x).
    pub fn relu(&self) -> Result<Self> {
        self.unary(Unary::RELU)
    }

    /// x where x > 0, else `slope`·x.
    pub fn leaky_relu(&self, slope: f64) -> Result<Self> {
        self.unary(Unary::LeakyRelu { slope })
    }

    /// `scale`·x + `shift`.
    pub fn affine(&self, scale: f64, shift: f64) -> Result<Self> {
        self.unary(Unary::Affine { scale, shift })
    }

    /// −x.
    pub fn neg(&self) -> Result<Self> {
        self.affine(-1.0, 0.0)
    }
}

//! Elementwise functions: g·f′(x).

use asap_tensor::ops::{self, Needs, Unary};
use asap_tensor::{Backend, Result};

use crate::tape::Var;

impl<B: Backend> Var<B> {
    /// f(x), elementwise.
    pub fn unary(&self, f: Unary) -> Result<Self> {
        let y = ops::unary(f, self.value())?;
        // The gradient uses x or y or neither, and what it doesn't use may be freed.
        let saved = match f.needs() {
            Needs::Input => self.value().clone(),
            Needs::Output => y.clone(),
            Needs::Nothing => {
                let times = Unary::Affine { scale: f.derivative(0.0, 0.0), shift: 0.0 };
                return Var::record(y, [self], move |g, _| Ok([Some(ops::unary(times, g)?)]));
            }
        };
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

    /// `factor`·x.
    pub fn scale(&self, factor: f64) -> Result<Self> {
        self.affine(factor, 0.0)
    }

    /// −x.
    pub fn neg(&self) -> Result<Self> {
        self.scale(-1.0)
    }
}

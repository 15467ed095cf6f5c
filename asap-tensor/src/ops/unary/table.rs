//! The table of functions. A new function is one row here, one in its property test and one in the README.

/// Hands the rows to the macro `$use`, which makes of them what one file needs: the enum, `Cpu`'s loops, CUDA code.
///
/// `f` is f(x), for any [`Element`](crate::Element) type `E`; `cpu`, where there is one, computes it faster in single
/// precision. `derivative of x` is f′ in terms of x, `of y` in terms of y = f(x), `of nothing` a constant. `cuda` has
/// the same two expressions for CUDA, where `a` and `b` are the function's first and second constant.
macro_rules! functions {
    ($use:ident) => {
        $use! { |x, y|
            /// |x|; the derivative at 0 is 0.
            Abs {
                f: x.abs(),
                derivative of x: if x == E::zero() { E::zero() } else { x.signum() },
                cuda: "fabsf(x)", "x == 0.0f ? 0.0f : x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x",
            }
            /// √x.
            Sqrt {
                f: x.sqrt(),
                derivative of y: E::from_f64(0.5) / y,
                cuda: "sqrtf(x)", "0.5f / y",
            }
            /// tanh x.
            Tanh {
                f: x.tanh(),
                cpu: math::tanh(x),
                derivative of y: E::one() - y * y,
                cuda: "tanhf(x)", "1.0f - y * y",
            }
            /// 1/(1 + e⁻ˣ).
            Sigmoid {
                f: E::one() / (E::one() + (-x).exp()),
                cpu: math::sigmoid(x),
                derivative of y: y * (E::one() - y),
                cuda: "1.0f / (1.0f + expf(-x))", "y * (1.0f - y)",
            }
            /// x where x > 0, else `slope`·x; the derivative at 0 is `slope`. Slope 0 is ReLU.
            LeakyRelu(slope: "The factor of negative values.") {
                f: if x > E::zero() { x } else { x * E::from_f64(slope) },
                derivative of x: if x > E::zero() { E::one() } else { E::from_f64(slope) },
                cuda: "x > 0.0f ? x : x * a", "x > 0.0f ? 1.0f : a",
            }
            /// `scale`·x + `shift`.
            Affine(scale: "The factor.", shift: "The term that is added.") {
                f: x * E::from_f64(scale) + E::from_f64(shift),
                derivative of nothing: E::from_f64(scale),
                cuda: "x * a + b", "a",
            }
        }
    };
}
pub(super) use functions;

//! The table of functions. A new function is a row here and a line in the README. If its rounding error exceeds that of
//! one operation, as where terms cancel, it also needs a row in `magnitudes` of its property test.

use std::sync::Arc;

use num_traits::{One, Zero};

use crate::cpu::{Array, Cpu, math};
use crate::storage::Element;

/// Passes the rows to the macro `$use`.
///
/// `f` is f(x), for any [`Element`] type `E`; `cpu`, where there is one, computes it faster in single precision.
/// `derivative of x` is f′ in terms of x, `of y` in terms of y = f(x), `of nothing` a constant. `cuda` has the same two
/// expressions for CUDA, where `a` and `b` are the function's first and second constant, of two at most. A function of
/// constants has `examples`, which tests compute. `needs` replaces what follows from `derivative of`.
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
            /// ln(1 + eˣ), a smooth ReLU.
            Softplus {
                f: x.max(E::zero()) + (-x.abs()).exp().ln_1p(),
                derivative of y: -(-y).exp_m1(),
                cuda: "fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x)))", "-expm1f(-y)",
            }
            /// x where x > 0, else `slope`·x; the derivative at 0 is `slope`. Slope 0 is ReLU.
            LeakyRelu(slope: "The factor of negative values.") {
                f: if x > E::zero() { x } else { x * E::from_f64(slope) },
                derivative of x: if x > E::zero() { E::one() } else { E::from_f64(slope) },
                // y has the sign of x, if the slope is not negative.
                needs: if slope >= 0.0 { Needs::Output } else { Needs::Input },
                cuda: "x > 0.0f ? x : x * a", "x > 0.0f ? 1.0f : a",
                examples: [0.01, 0.2, 1.0, -0.5].map(|slope| Unary::LeakyRelu { slope }),
            }
            /// `scale`·x + `shift`.
            Affine(scale: "The factor.", shift: "The term that is added.") {
                f: x * E::from_f64(scale) + E::from_f64(shift),
                derivative of nothing: E::from_f64(scale),
                cuda: "x * a + b", "a",
                examples: [Unary::Affine { scale: -1.7, shift: 0.3 }],
            }
        }
    };
}

/// What a derivative needs: the gradient may be given anything in place of the other operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// x.
    Input,
    /// y. It may be given in place of x, too.
    Output,
    /// Neither: the derivative is constant.
    Nothing,
}

/// One of three expressions, by what a derivative is given in terms of.
macro_rules! by {
    (x: $x:expr, $y:expr, $nothing:expr) => {
        $x
    };
    (y: $x:expr, $y:expr, $nothing:expr) => {
        $y
    };
    (nothing: $x:expr, $y:expr, $nothing:expr) => {
        $nothing
    };
}

macro_rules! first {
    ($first:expr $(, $rest:expr)*) => {
        $first
    };
}

/// All that follows from the rows.
macro_rules! define {
    (|$x:ident, $y:ident| $(
        #[doc = $doc:literal]
        $name:ident $(($($field:ident: $about:literal),*))? {
            f: $f:expr,
            $(cpu: $cpu:expr,)?
            derivative of $of:ident: $derivative:expr,
            $(needs: $needs:expr,)?
            cuda: $f_cuda:literal, $derivative_cuda:literal,
            $(examples: $examples:expr,)?
        }
    )*) => {
        /// The functions. Backends only decide how to run over many elements.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Unary {
            $(
                #[doc = $doc]
                $name $({ $(#[doc = $about] $field: f64),* })?,
            )*
        }

        #[allow(unused_variables, reason = "a derivative needs some of x, y and the constants")]
        impl Unary {
            /// f(x).
            #[inline(always)]
            pub fn apply<E: Element>(self, $x: E) -> E {
                match self {
                    $(Unary::$name $({ $($field),* })? => $f,)*
                }
            }

            /// f′(x), given x and y = f(x).
            #[inline(always)]
            pub fn derivative<E: Element>(self, $x: E, $y: E) -> E {
                match self {
                    $(Unary::$name $({ $($field),* })? => $derivative,)*
                }
            }

            /// What the derivative needs.
            pub fn needs(self) -> Needs {
                match self {
                    $(Unary::$name $({ $($field),* })? => {
                        first!($($needs,)? by!($of: Needs::Input, Needs::Output, Needs::Nothing))
                    })*
                }
            }

            /// Every function, with some values of its constants.
            pub fn examples() -> Vec<Unary> {
                [$(first!($($examples.to_vec(),)? vec![Unary::$name])),*].concat()
            }

            /// f of each element, by a loop for each function: none branches inside it.
            pub(super) fn map(self, cpu: &Cpu, x: &[f32]) -> Arc<Array> {
                type E = f32;
                match self {
                    $(Unary::$name $({ $($field),* })? => cpu.map(x, move |$x| first!($($cpu,)? $f)),)*
                }
            }

            /// g·f′(x), likewise.
            pub(super) fn map_grad(self, cpu: &Cpu, x: &[f32], y: &[f32], g: &[f32]) -> Arc<Array> {
                type E = f32;
                match self {
                    $(Unary::$name $({ $($field),* })? => by!(
                        $of:
                        cpu.map2(x, g, move |$x, g| g * $derivative),
                        cpu.map2(y, g, move |$y, g| g * $derivative),
                        cpu.map(g, move |g| g * $derivative)
                    ),)*
                }
            }

            /// The cases of `unary.cu`, one for each function and one for each derivative.
            #[cfg(feature = "cuda")]
            pub(super) const CASES: &str = concat!(
                "enum Function { ", $(stringify!($name), ", ",)* "};\n",
                "#define FUNCTIONS ", $("case ", stringify!($name), ": y = ", $f_cuda, "; break; ",)* "\n",
                "#define DERIVATIVES ",
                $(
                    "case ", stringify!($name), ": { ", by!($of: "float x = xs[i]; ", "float y = ys[i]; ", ""),
                    "derivative = ", $derivative_cuda, "; break; } ",
                )* "\n",
            );

            /// The function as `unary.cu` takes it: its place in the table and its constants.
            #[cfg(feature = "cuda")]
            pub(super) fn code(self) -> (i32, [f32; 2]) {
                enum Place { $($name),* }
                $(const { assert!(<[&str]>::len(&[$($(stringify!($field)),*)?]) <= 2, "unary.cu takes two constants") };)*
                let (place, fields) = match self {
                    $(Unary::$name $({ $($field),* })? => (Place::$name, &[$($($field),*)?][..]),)*
                };
                let mut constants = [0.0; 2];
                constants.iter_mut().zip(fields).for_each(|(to, &field): (&mut f32, &f64)| *to = field as f32);
                (place as i32, constants)
            }
        }
    };
}
functions!(define);

impl Unary {
    /// max(0, x).
    pub const RELU: Unary = Unary::LeakyRelu { slope: 0.0 };
}

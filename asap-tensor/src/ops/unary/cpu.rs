//! Kernels of `Cpu`. Each function gets a loop of its own, so that none decides inside it.

use num_traits::{One, Zero};

use super::{Unary, UnaryOps, table};
use crate::cpu::Cpu;
use crate::cpu::math;
use crate::error::Result;
use crate::storage::Element;

/// The element type in the table's formulas.
type E = f32;

macro_rules! first {
    ($first:expr $(, $rest:expr)*) => {
        $first
    };
}

/// A loop over g, and over what the derivative needs.
macro_rules! grad_loop {
    (x, $v:ident, $cpu:ident, $inputs:ident, $outputs:ident, $grads:ident, $derivative:expr) => {
        $cpu.map2($inputs, $grads, |$v, g| g * $derivative)
    };
    (y, $v:ident, $cpu:ident, $inputs:ident, $outputs:ident, $grads:ident, $derivative:expr) => {
        $cpu.map2($outputs, $grads, |$v, g| g * $derivative)
    };
    (nothing, $v:ident, $cpu:ident, $inputs:ident, $outputs:ident, $grads:ident, $derivative:expr) => {
        $cpu.map($grads, |g| g * $derivative)
    };
}

macro_rules! loops {
    (|$x:ident, $y:ident| $(
        #[doc = $doc:literal]
        $name:ident $(($($field:ident: $about:literal),*))? {
            f: $f:expr,
            $(cpu: $cpu:expr,)?
            derivative of $of:ident: $derivative:expr,
            cuda: $f_cuda:literal, $derivative_cuda:literal,
        }
    )*) => {
        impl UnaryOps for Cpu {
            fn unary(&self, op: Unary, x: &Self::Buffer) -> Result<Self::Buffer> {
                Ok(match op {
                    $(Unary::$name $({ $($field),* })? => self.map(x, |$x| first!($($cpu,)? $f)),)*
                })
            }

            #[allow(unused_variables, reason = "a derivative needs some of the constants")]
            fn unary_grad(
                &self,
                op: Unary,
                x: &Self::Buffer,
                y: &Self::Buffer,
                grad_output: &Self::Buffer,
            ) -> Result<Self::Buffer> {
                let cpu = self;
                Ok(match op {
                    $(Unary::$name $({ $($field),* })? => {
                        grad_loop!($of, $of, cpu, x, y, grad_output, $derivative)
                    })*
                })
            }
        }
    };
}
table::functions!(loops);

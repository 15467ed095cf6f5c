//! Kernels of `Cuda`.

use std::sync::Arc;

use super::{Unary, UnaryOps, table};
use crate::cuda::{Cuda, Source};
use crate::error::Result;

/// Reads what a derivative needs.
macro_rules! read {
    (x) => {
        "float x = xs[i]; "
    };
    (y) => {
        "float y = ys[i]; "
    };
    (nothing) => {
        ""
    };
}

macro_rules! cases {
    (|$x:ident, $y:ident| $(
        #[doc = $doc:literal]
        $name:ident $(($($field:ident: $about:literal),*))? {
            f: $f:expr,
            $(cpu: $cpu:expr,)?
            derivative of $of:ident: $derivative:expr,
            cuda: $f_cuda:literal, $derivative_cuda:literal,
        }
    )*) => {
        /// The table for `unary.cu`: a case for each function and for each derivative.
        const CASES: &str = concat!(
            "enum Function { ", $(stringify!($name), ", ",)* "};\n",
            "#define FUNCTIONS ", $("case ", stringify!($name), ": y = ", $f_cuda, "; break; ",)* "\n",
            "#define DERIVATIVES ",
            $("case ", stringify!($name), ": { ", read!($of), "derivative = ", $derivative_cuda, "; break; } ",)* "\n",
        );

        /// The places of the functions in the table.
        enum Place {
            $($name),*
        }

        /// A function as the kernels take it: its place and its two constants.
        fn code(op: Unary) -> (i32, [f32; 2]) {
            let (place, fields) = match op {
                $(Unary::$name $({ $($field),* })? => (Place::$name, vec![$($($field),*)?]),)*
            };
            let mut constants = [0.0; 2];
            constants.iter_mut().zip(fields).for_each(|(to, field): (&mut f32, f64)| *to = field as f32);
            (place as i32, constants)
        }
    };
}
table::functions!(cases);

pub(crate) const SOURCE: Source = Source::new("unary.cu", include_str!("unary.cu"), &[("unary table", CASES)]);

impl UnaryOps for Cuda {
    // ANCHOR: launch
    fn unary(&self, op: Unary, x: &Self::Buffer) -> Result<Self::Buffer> {
        let (op, [a, b]) = code(op);
        let mut y = self.array(x.count())?;
        let launch = self.kernel(&SOURCE, "unary")?.output(&mut y).input(x).count(x.count());
        launch.value(op).value(a).value(b).for_each(x.count())?;
        Ok(Arc::new(y))
    }
    // ANCHOR_END: launch

    fn unary_grad(
        &self,
        op: Unary,
        x: &Self::Buffer,
        y: &Self::Buffer,
        grad_output: &Self::Buffer,
    ) -> Result<Self::Buffer> {
        let (op, [a, _]) = code(op);
        let mut grad = self.array(x.count())?;
        let launch = self.kernel(&SOURCE, "unary_grad")?.output(&mut grad).input(x).input(y).input(grad_output);
        launch.count(x.count()).value(op).value(a).for_each(x.count())?;
        Ok(Arc::new(grad))
    }
}

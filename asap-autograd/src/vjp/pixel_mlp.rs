//! The paper's op: one gradient kernel computes the layers again and returns both gradients.

use asap_tensor::ops::{self, PixelMlp, Pixels};
use asap_tensor::{Backend, Ids, Result, Tensor};

use super::with_optional;
use crate::tape::Var;

/// What a pixel shows the network besides its position: [`Pixels`], where numbers may stand on a tape.
pub enum VarPixels<'a, B: Backend> {
    /// A label.
    Ids {
        /// The label map, (N, 1, H, W).
        ids: &'a Ids<B>,
        /// How many labels there are.
        classes: usize,
    },
    /// Numbers, (N, C, H, W): a colour, or a one-hot label.
    Dense(&'a Var<B>),
}

/// What the gradient needs of the pixels.
enum Saved<B: Backend> {
    Ids(Ids<B>, usize),
    Dense(Tensor<B>),
}

impl<B: Backend> Saved<B> {
    fn pixels(&self) -> Pixels<'_, B> {
        match self {
            Saved::Ids(ids, classes) => Pixels::Ids { ids, classes: *classes },
            Saved::Dense(x) => Pixels::Dense(x),
        }
    }
}

/// Each cell's parameters (N, P, h, w) applied to the pixels of its S×S tile → (N, C_n, h·S, w·S) in (−1, 1).
/// `positions` is `position_table(S)` as (log2 S, 2, S), or empty, (0, 2, S), for networks without positions.
///
/// # Errors
/// As [`ops::pixel_mlp`](fn@ops::pixel_mlp).
pub fn pixel_mlp<B: Backend>(
    mlp: &PixelMlp,
    params: &Var<B>,
    pixels: VarPixels<'_, B>,
    positions: &Tensor<B>,
) -> Result<Var<B>> {
    let (saved, dense) = match pixels {
        VarPixels::Ids { ids, classes } => (Saved::Ids(ids.clone(), classes), None),
        VarPixels::Dense(x) => (Saved::Dense(x.value().clone()), Some(x)),
    };
    let y = ops::pixel_mlp(mlp, params.value(), saved.pixels(), positions)?;
    let (mlp, values, positions) = (mlp.clone(), params.value().clone(), positions.clone());
    Var::record(y, &with_optional(&[params], dense), move |g, wants| {
        let wants_pixels = wants.get(1) == Some(&true);
        let (grad_params, grad_pixels) =
            ops::pixel_mlp_grad(&mlp, &values, saved.pixels(), &positions, g, wants_pixels)?;
        Ok(vec![Some(grad_params), grad_pixels])
    })
}

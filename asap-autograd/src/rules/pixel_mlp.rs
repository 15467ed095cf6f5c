//! The paper's op: one kernel recomputes the layers and returns both gradients.

use asap_tensor::ops::{self, PixelMlp, Pixels};
use asap_tensor::{Backend, Ids, Result, Tensor};

use crate::tape::Var;

/// What each pixel feeds the network besides its position: [`Pixels`], with dense channels as a variable.
pub enum VarPixels<'a, B: Backend> {
    /// A label.
    Ids {
        /// The label map, (N, 1, H, W).
        ids: &'a Ids<B>,
        /// The number of labels.
        classes: usize,
    },
    /// Channels, (N, C, H, W): a color, or a one-hot label.
    Dense(&'a Var<B>),
}

/// [`Pixels`] as the backward pass needs them.
enum SavedPixels<B: Backend> {
    Ids(Ids<B>, usize),
    Dense(Tensor<B>),
}

impl<B: Backend> SavedPixels<B> {
    fn pixels(&self) -> Pixels<'_, B> {
        match self {
            SavedPixels::Ids(ids, classes) => Pixels::Ids { ids, classes: *classes },
            SavedPixels::Dense(x) => Pixels::Dense(x),
        }
    }
}

impl<B: Backend> Var<B> {
    /// Applies each cell's parameters, (N, P, h, w), to the pixels of its S×S tile → (N, C_n, h·S, w·S) in (−1, 1).
    /// `positions` is `position_table(S)` as (log2 S, 2, S), or empty, (0, 2, S), for networks without positions.
    pub fn pixel_mlp(mlp: &PixelMlp, params: &Self, pixels: VarPixels<'_, B>, positions: &Tensor<B>) -> Result<Self> {
        let (saved_pixels, dense) = match pixels {
            VarPixels::Ids { ids, classes } => (SavedPixels::Ids(ids.clone(), classes), None),
            VarPixels::Dense(x) => (SavedPixels::Dense(x.value().clone()), Some(x)),
        };
        let y = ops::pixel_mlp(mlp, params.value(), saved_pixels.pixels(), positions)?;
        let (mlp, saved_params, positions) = (mlp.clone(), params.value().clone(), positions.clone());
        Var::record(y, [Some(params), dense], move |g, [_, wants_pixels]| {
            let pixels = saved_pixels.pixels();
            let (grad_params, grad_pixels) =
                ops::pixel_mlp_grad(&mlp, &saved_params, pixels, &positions, g, wants_pixels)?;
            Ok([Some(grad_params), grad_pixels])
        })
    }
}

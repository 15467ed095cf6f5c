//! The paper's op: one kernel recomputes the layers and returns both gradients.

use asap_tensor::ops::{self, PixelMlp, Pixels};
use asap_tensor::{Backend, Ids, Result, Tensor};

use crate::tape::Var;

/// The pixels' inputs besides their positions: [`Pixels`], with dense channels as a variable.
pub enum VarPixels<B: Backend> {
    /// Labels.
    Ids {
        /// The label maps, (N, H, W).
        ids: Ids<B>,
        /// The number of labels.
        classes: usize,
    },
    /// Channels, (N, C, H, W): colors, or one-hot labels.
    Dense(Var<B>),
}

impl<B: Backend> VarPixels<B> {
    fn values(&self) -> Pixels<'_, B> {
        match self {
            VarPixels::Ids { ids, classes } => Pixels::Ids { ids, classes: *classes },
            VarPixels::Dense(x) => Pixels::Dense(x.value()),
        }
    }
}

impl<B: Backend> Var<B> {
    /// Applies each cell's parameters, (N, P, h, w), to the pixels of its S×S tile → (N, C_n, h·S, w·S) in (−1, 1).
    /// `positions` is `position_table(S)` as (log2 S, 2, S), or empty, (0, 2, S), for networks without positions.
    pub fn pixel_mlp(mlp: &PixelMlp, params: &Self, pixels: VarPixels<B>, positions: &Tensor<B>) -> Result<Self> {
        Self::blended_pixel_mlp(mlp, 0, params, pixels, positions)
    }

    /// [`Var::pixel_mlp`] with tiles that overlap: within `band`/2 pixels of a border a pixel is the weighted mean of the
    /// outputs of the networks around. `positions` is `Bands::position_table` as (log2 S, 2, S + `band`), or empty.
    pub fn blended_pixel_mlp(
        mlp: &PixelMlp,
        band: usize,
        params: &Self,
        pixels: VarPixels<B>,
        positions: &Tensor<B>,
    ) -> Result<Self> {
        let (saved_pixels, dense) = match pixels {
            VarPixels::Dense(x) => (VarPixels::Dense(x.detach()), Some(x)),
            ids => (ids, None),
        };
        let y = ops::blended_pixel_mlp(mlp, band, params.value(), saved_pixels.values(), positions)?;
        let (mlp, saved_params, positions) = (mlp.clone(), params.value().clone(), positions.clone());
        Var::record(y, [Some(params), dense.as_ref()], move |g, [_, wants_pixels]| {
            let pixels = saved_pixels.values();
            let (grad_params, grad_pixels) =
                ops::blended_pixel_mlp_grad(&mlp, band, &saved_params, pixels, &positions, g, wants_pixels)?;
            Ok([Some(grad_params), grad_pixels])
        })
    }
}

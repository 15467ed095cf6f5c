//! `[discriminator]`: scales, widths, depth.

use super::schema::{WIDTHS, section};

section! {
    /// `[discriminator]`: PatchGANs on the image and on downsampled versions of it.
    pub struct DiscriminatorConfig in "discriminator" {
        /// Number of scales, each half the size of the one before. The paper has 2, and 3 at 1024×1024.
        scales: usize = 2, in 1..=8, published "num_D";
        /// Convolutions before the final output convolution.
        layers: usize = 4, in 1..=10, published "n_layers_D";
        /// Channels of the first convolution; each later one has twice as many.
        width: usize = 64, in WIDTHS, published "ndf";
        /// Maximum number of channels.
        max_width: usize = 512, in WIDTHS, published "ndf_max";
        /// Spectral normalization of the weights, as in the published code.
        spectral_norm: bool = true;
    }
}

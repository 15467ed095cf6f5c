//! The baselines that the paper compares with, by the keys of their published checkpoints.
//!
//! | file | contents |
//! |---|---|
//! | `unet` | pix2pix's U-Net |
//! | `resnet` | pix2pix's residual network, which is also pix2pixHD's global generator |
//! | `enhancer` | pix2pixHD's local enhancers |
//! | `spade` | SPADE's generator |
//! | `cc_fpse` | CC-FPSE's generator |
//! | `conv_block` | convolution, norm and activation |
//! | `growth`, `adaptive_norm` | what SPADE and CC-FPSE share |
//!
//! Their keys are in [`config::generators`](crate::config::generators).

mod adaptive_norm;
mod cc_fpse;
mod conv_block;
mod enhancer;
mod growth;
mod resnet;
mod spade;
#[cfg(test)]
mod tests;
mod unet;

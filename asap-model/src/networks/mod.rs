//! The networks, each of which reads as its layers.
//!
//! | module | contents |
//! |---|---|
//! | [`asap_net`] | the paper's generator |
//! | [`baselines`] | the baselines that the paper compares with |
//! | [`generator`] | [`Generator`]: a generator of any kind |
//! | [`discriminator`] | [`Discriminator`]: PatchGANs at several scales, or OASIS's segmentation U-Net |
//! | [`vgg`] | the layers of VGG19 that the perceptual loss needs |
//! | [`identify`](mod@identify) | which network a checkpoint's keys belong to |
//! | [`inception`] | Inception v3, whose features the Fréchet inception distance compares |

pub mod asap_net;
pub mod baselines;
pub mod discriminator;
pub mod generator;
pub mod identify;
pub mod inception;
pub mod vgg;

pub use asap_net::AsapNet;
pub use discriminator::Discriminator;
pub use generator::Generator;
pub use inception::Inception;
pub use vgg::Vgg19;

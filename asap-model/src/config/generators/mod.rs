//! The keys of each kind of generator, one file per family.

pub mod asap_net;
pub mod pix2pix;
pub mod pix2pixhd;
pub mod spade;

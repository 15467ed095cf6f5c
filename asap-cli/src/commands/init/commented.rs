//! A configuration with comments.

use asap_model::Config;

/// A configuration, a comment at its head, and comments on keys.
pub struct Commented {
    pub config: Config,
    pub head: String,
    pub notes: Vec<(&'static str, String)>,
}

/// How to switch on the perceptual loss.
pub const VGG: &str = "Off, as VGG19's weights are not part of this program. To switch it on: download them \
                   (https://download.pytorch.org/models/vgg19-dcbb9e9d.pth), set vgg_weights to the file and this to 10, the \
                   paper's weight.";

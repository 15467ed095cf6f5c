//! What a training step measures besides its losses, and the list of it.

/// A quantity of training steps.
pub struct Stat {
    /// Name in logs.
    pub name: &'static str,
    /// Title of its chart.
    pub title: &'static str,
    /// Caption of its chart.
    pub about: &'static str,
}

/// The norm of the generator's gradients.
pub(super) const GENERATOR_NORM: &str = "gradient_norm_generator";
/// The norm of the discriminators' gradients.
pub(super) const DISCRIMINATOR_NORM: &str = "gradient_norm_discriminator";

/// The discriminators' accuracy.
pub(super) const ACCURACY: &str = "discriminator_accuracy";

/// The mean sign of D(real).
pub(super) const REAL_SIGN: &str = "discriminator_sign_real";
/// The probability of augmentations.
pub(super) const AUGMENT_PROBABILITY: &str = "augment_probability";

/// Every quantity. A step measures those that its configuration uses.
pub const STATS: [Stat; 5] = [
    Stat { name: GENERATOR_NORM, title: "Gradient norm, generator", about: "over all parameters, before clipping" },
    Stat {
        name: ACCURACY,
        title: "Discriminator accuracy",
        about: "share of patches, or with OASIS of pixels, taken for what they are",
    },
    Stat {
        name: REAL_SIGN,
        title: "Sign of D(real)",
        about: "mean over patches; 1 where the discriminators know the training images by heart",
    },
    Stat { name: AUGMENT_PROBABILITY, title: "Augmentation", about: "probability of each augmentation" },
    Stat {
        name: DISCRIMINATOR_NORM,
        title: "Gradient norm, discriminators",
        about: "over all parameters, before clipping",
    },
];

/// What one step measured, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats(pub Vec<(&'static str, f64)>);

impl Stats {
    /// The quantity of that name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find_map(|(known, value)| (*known == name).then_some(*value))
    }

    /// A JSON object; values that are not finite are null.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::Value::Object(self.0.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }
}

//! Which augmentations the discriminators see.

use toml::Value as Toml;

use super::schema::{Value, choices};

choices! {
    /// An augmentation of what the discriminators see.
    pub enum DiscriminatorAugmentation {
        /// Brightness, saturation and contrast of the image.
        Color = "color",
        /// Input and image moved by up to an eighth of the side; zeros move in.
        Translation = "translation",
        /// A square of half the side erased from input and image.
        Cutout = "cutout",
    }
}

impl Value for Vec<DiscriminatorAugmentation> {
    type Item = DiscriminatorAugmentation;
    fn expected() -> String {
        "a list of color, translation and cutout".into()
    }
    fn items(&self) -> &[DiscriminatorAugmentation] {
        self
    }
    /// Also reads names with commas between them, which need no quotes on a command line.
    fn from_toml(value: &Toml) -> Option<Self> {
        let Some(text) = value.as_str() else { return value.clone().try_into().ok() };
        let names = text.trim_matches(['[', ']']).split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(|name| Toml::from(name).try_into().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn augmentations_are_a_list_or_names() {
        use DiscriminatorAugmentation::{Color, Cutout, Translation};
        let mut config = Config::default();
        for (text, expected) in [
            ("[\"color\"]", vec![Color]),
            ("translation,cutout", vec![Translation, Cutout]),
            ("[cutout, color]", vec![Cutout, Color]),
            ("[]", vec![]),
            ("color", vec![Color]),
            ("", vec![]),
        ] {
            config.set(&format!("discriminator.augment={text}")).unwrap();
            assert_eq!(config.discriminator.patch().unwrap().augment, expected, "{text}");
            let read = Config::parse(&config.to_toml().unwrap(), "test").unwrap();
            assert_eq!(read.discriminator.patch().unwrap().augment, expected, "as written");
        }
        let error = config.set("discriminator.augment=blur").unwrap_err().to_string();
        assert!(error.contains("a list of color, translation and cutout"), "{error}");
    }

    #[test]
    fn augmentations_without_effect_are_refused() {
        let mut config = Config::default();
        config.set("discriminator.augment_target=0.6").unwrap();
        let error = config.validate().unwrap_err().to_string();
        assert!(error.contains("augment_target = 0.6") && error.contains("discriminator.augment"), "{error}");
        config.set("discriminator.augment=translation").unwrap();
        config.validate().unwrap();
        let mut depth = Config::preset("depth-synthetic").unwrap();
        depth.set("discriminator.augment=color,cutout").unwrap();
        assert!(depth.validate().unwrap_err().to_string().contains("depth has no colors"));
        let mut oasis = Config::default();
        oasis.set("discriminator.kind=oasis").unwrap();
        let error = oasis.set("discriminator.augment=cutout").unwrap_err().to_string();
        assert!(error.contains("discriminator.augment belongs to kind = \"patch\""), "{error}");
    }
}

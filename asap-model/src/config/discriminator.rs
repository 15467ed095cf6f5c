//! `[discriminator]`: a kind, and the keys of that kind.

use std::ops::Bound::Excluded;

use super::augment::DiscriminatorAugmentation;
use super::data::{DataConfig, InputKind, OutputKind};
use super::kinds::Kinds;
use super::schema::{KeyError, Section, WIDTHS, section};

section! {
    /// `kind = "patch"`: PatchGANs on the image and on downsampled versions of it.
    pub struct PatchConfig in "discriminator" {
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
        /// Augmentations of the generated and real images that the discriminators see, which keep them from learning a
        /// small training set by heart. Empty: off.
        ///
        /// Differentiable: the generator's gradient flows through them (Zhao et al., *Differentiable Augmentation for
        /// Data-Efficient GAN Training*, NeurIPS 2020). The generated and the real image of a pair get the same ones, and
        /// translation and cutout change the input with the image, whose labels become dense: memory grows by a channel for
        /// each class. Losses without discriminators see the images as they are.
        augment: Vec<DiscriminatorAugmentation> = Vec::new();
        /// Probability of each augmentation, for each pair and pass. Unset: 1; with augment_target 0, from which it rises.
        augment_probability: Option<f64> = None, in 0.0..=1.0;
        /// The mean sign of D(real) at which to hold the discriminators: the probability rises while it is higher, and falls
        /// while it is lower. Unset: the probability is constant.
        ///
        /// Discriminators that know the training images by heart give all of them positive scores. The paper has 0.6 (Karras
        /// et al., *Training Generative Adversarial Networks with Limited Data*, NeurIPS 2020, which changes the probability
        /// by 1 over 500,000 images). Here the mean is a moving average over about 20 updates, and the probability changes by
        /// 0.001 per update.
        augment_target: Option<f64> = None, in (Excluded(-1.0), Excluded(1.0));
    }
}

impl PatchConfig {
    fn check_augment(&self, data: &DataConfig) -> Result<(), KeyError> {
        let needs = "has no effect without discriminator.augment: set that too, as to translation,cutout";
        for (name, is_set) in [
            ("augment_probability", self.augment_probability.is_some()),
            ("augment_target", self.augment_target.is_some()),
        ] {
            if is_set && self.augment.is_empty() {
                return Err(self.conflict(name, needs));
            }
        }
        if data.output == OutputKind::Depth && self.augment.contains(&DiscriminatorAugmentation::Color) {
            return Err(self.conflict("augment", "depth has no colors: use translation and cutout"));
        }
        Ok(())
    }

    /// The probability of augmentations before the first step.
    pub fn first_augment_probability(&self) -> f64 {
        self.augment_probability.unwrap_or(if self.augment_target.is_some() { 0.0 } else { 1.0 })
    }
}

section! {
    /// `kind = "oasis"`: a U-Net that classifies each pixel; defaults of Schönfeld et al. 2021, appendix.
    pub struct OasisConfig in "discriminator" {
        /// Levels of the U-Net, each half the size of the one before. The sides of images are multiples of 2^levels.
        levels: usize = 6, in 1..=10;
        /// Channels of the first two levels; each later two have twice as many.
        width: usize = 128, in WIDTHS;
        /// Maximum number of channels.
        max_width: usize = 512, in WIDTHS;
        /// Spectral normalization of the weights of all blocks, as in the paper.
        spectral_norm: bool = true;
    }
}

/// `[discriminator]`: which discriminator, and its keys.
#[derive(Clone, Debug, PartialEq)]
pub enum DiscriminatorConfig {
    /// PatchGANs, which tell generated from real images by patches.
    Patch(PatchConfig),
    /// OASIS, which tells generated pixels from those of each class.
    Oasis(OasisConfig),
}

impl Kinds for DiscriminatorConfig {
    const SECTION: &'static str = "discriminator";
    const HELP: &'static [&'static str] = &[
        " Discriminator: patch, the paper's PatchGANs; or oasis, a U-Net that classifies each pixel into the label classes or",
        " generated, for label maps. Each kind has keys of its own.",
    ];
    const NAMES: &'static [(&'static str, &'static str)] =
        &[("patch", "PatchGANs at several scales"), ("oasis", "OASIS: a segmentation U-Net")];

    fn named(name: &str) -> Option<Self> {
        match name {
            "patch" => Some(PatchConfig::default().into()),
            "oasis" => Some(OasisConfig::default().into()),
            _ => None,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            DiscriminatorConfig::Patch(_) => "patch",
            DiscriminatorConfig::Oasis(_) => "oasis",
        }
    }

    fn own(&self) -> &dyn Section {
        match self {
            DiscriminatorConfig::Patch(config) => config,
            DiscriminatorConfig::Oasis(config) => config,
        }
    }

    fn own_mut(&mut self) -> &mut dyn Section {
        match self {
            DiscriminatorConfig::Patch(config) => config,
            DiscriminatorConfig::Oasis(config) => config,
        }
    }
}

impl Default for DiscriminatorConfig {
    fn default() -> Self {
        PatchConfig::default().into()
    }
}

impl From<PatchConfig> for DiscriminatorConfig {
    fn from(config: PatchConfig) -> Self {
        DiscriminatorConfig::Patch(config)
    }
}

impl From<OasisConfig> for DiscriminatorConfig {
    fn from(config: OasisConfig) -> Self {
        DiscriminatorConfig::Oasis(config)
    }
}

impl DiscriminatorConfig {
    /// Every kind with its defaults.
    pub fn kinds() -> impl Iterator<Item = DiscriminatorConfig> {
        Self::all()
    }

    /// The name of its kind.
    pub fn kind(&self) -> &'static str {
        self.name()
    }

    /// The keys of the PatchGANs; `None` for another kind.
    pub fn patch(&self) -> Option<&PatchConfig> {
        match self {
            DiscriminatorConfig::Patch(config) => Some(config),
            DiscriminatorConfig::Oasis(_) => None,
        }
    }

    /// The sides of images must be multiples of this.
    pub(super) fn multiple(&self) -> usize {
        match self {
            DiscriminatorConfig::Patch(_) => 1,
            DiscriminatorConfig::Oasis(config) => 1 << config.levels,
        }
    }

    /// Checks that values agree with the data.
    pub(super) fn check_values(&self, data: &DataConfig) -> Result<(), KeyError> {
        let levels = match self {
            DiscriminatorConfig::Patch(config) => return config.check_augment(data),
            DiscriminatorConfig::Oasis(config) => config.levels,
        };
        if data.input == InputKind::Image {
            let problem = "classifies pixels by their labels, but data.input is image; set it to patch";
            return Err(self.conflict("kind", problem));
        }
        if data.counted_classes() > 255 {
            return Err(self.conflict("kind", "has a class for generated pixels: at most 255 label classes; use patch"));
        }
        let multiple = self.multiple();
        match data.size.iter().find(|side| !side.is_multiple_of(multiple)) {
            Some(side) => {
                let problem = format!(
                    "the sides of images must be multiples of 2^{levels} = {multiple}, but data.size = {:?} has {side}; use \
                     fewer levels or another size",
                    data.size
                );
                Err(self.conflict("levels", &problem))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, DiscriminatorConfig};

    fn oasis(changes: &[&str]) -> Config {
        let mut config = Config::default();
        let all = ["discriminator.kind=oasis"].iter().chain(changes).map(|change| (*change).to_owned());
        config.set_all(&all.collect::<Vec<_>>()).unwrap();
        config
    }

    #[test]
    fn kinds_share_keys_and_have_their_own() {
        let config = oasis(&["discriminator.width=32", "discriminator.levels=4"]);
        config.validate().unwrap();
        assert_eq!(config.discriminator.kind(), "oasis");
        let error = config.clone().set("discriminator.scales=3").unwrap_err().to_string();
        assert!(error.contains("discriminator.scales belongs to kind = \"patch\"; oasis has levels, width"), "{error}");
        let text = config.to_toml().unwrap();
        assert!(text.contains("[discriminator]\nkind = \"oasis\"\nlevels = 4\nwidth = 32\n"), "{text}");
        assert_eq!(Config::parse(&text, "run.toml").unwrap(), config);
        let mut patch = config;
        patch.set("discriminator.kind=").unwrap();
        assert_eq!(patch.discriminator.patch().unwrap().width, 32);
        assert_eq!(Config::default().discriminator, DiscriminatorConfig::kinds().next().unwrap());
    }

    #[test]
    fn oasis_without_labels_is_refused() {
        let images: &[&str] = &["data.layout=pairs", "data.input=image"];
        for (changes, parts) in [
            (images, ["discriminator.kind = \"oasis\"", "data.input is image; set it to patch"]),
            (&["data.size=[256, 272]"], ["discriminator.levels = 6", "multiples of 2^6 = 64"]),
            (&["data.classes=256"], ["discriminator.kind", "at most 255 label classes"]),
        ] {
            let error = oasis(changes).validate().unwrap_err().to_string();
            assert!(parts.iter().all(|part| error.contains(part)), "{changes:?}: {error}");
        }
    }

    #[test]
    fn label_mix_belongs_to_oasis() {
        oasis(&["loss.lambda_label_mix=5"]).validate().unwrap();
        let mut config = Config::default();
        config.set("loss.lambda_label_mix=5").unwrap();
        let error = config.validate().unwrap_err().to_string();
        assert!(error.contains("loss.lambda_label_mix = 5") && error.contains("discriminator.kind"), "{error}");
    }
}

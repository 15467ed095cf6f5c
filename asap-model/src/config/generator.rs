//! `[generator]`: a kind, and the keys of that kind.

use serde_json::Value as Json;
use toml::Value as Toml;

use super::data::DataConfig;
use super::generators::asap_net::AsapNetConfig;
use super::generators::pix2pix::{ResNetConfig, UnetConfig};
use super::generators::pix2pixhd::{Pix2PixHdConfig, Pix2PixHdLocalConfig};
use super::generators::spade::{CcFpseConfig, SpadeConfig};
use super::kind::Kind;
use super::published::{ORIGIN, Options};
use super::schema::{Fault, Key, Section, either};
use crate::{Error, Result};

/// Lists the kinds of generators: description, name in a configuration, variant and its keys.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:literal => $variant:ident($config:ty),)*) => {
        /// `[generator]`: which generator, and its keys.
        #[derive(Clone, Debug, PartialEq)]
        pub enum GeneratorConfig {
            $($(#[doc = $doc])* $variant($config),)*
        }

        impl GeneratorConfig {
            /// Name and description of every kind; the first is the paper's, the others are baselines.
            pub const KINDS: &'static [(&'static str, &'static str)] =
                &[$(($name, concat!($($doc),*).trim_ascii()),)*];

            /// The generator of that kind with its defaults: the published sizes.
            pub fn of_kind(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(GeneratorConfig::$variant(<$config>::default())),)*
                    _ => None,
                }
            }

            /// The name of its kind.
            pub fn kind(&self) -> &'static str {
                match self { $(GeneratorConfig::$variant(_) => $name,)* }
            }

            fn own(&self) -> &dyn Kind {
                match self { $(GeneratorConfig::$variant(config) => config,)* }
            }

            fn own_mut(&mut self) -> &mut dyn Kind {
                match self { $(GeneratorConfig::$variant(config) => config,)* }
            }
        }

        $(impl From<$config> for GeneratorConfig {
            fn from(config: $config) -> Self {
                GeneratorConfig::$variant(config)
            }
        })*
    };
}

kinds! {
    /// ASAP-Net: spatially adaptive pixelwise networks
    "asap" => Asap(AsapNetConfig),
    /// pix2pix: U-Net of eight levels
    "pix2pix-unet" => Pix2PixUnet(UnetConfig),
    /// pix2pix: residual network of nine blocks
    "pix2pix-resnet" => Pix2PixResNet(ResNetConfig),
    /// pix2pixHD: global generator
    "pix2pixhd" => Pix2PixHd(Pix2PixHdConfig),
    /// pix2pixHD: global generator and one local enhancer
    "pix2pixhd-local" => Pix2PixHdLocal(Pix2PixHdLocalConfig),
    /// SPADE, for Cityscapes: six doublings
    "spade" => Spade(SpadeConfig),
    /// CC-FPSE, for Cityscapes: six doublings
    "cc-fpse" => CcFpse(CcFpseConfig),
}

impl Default for GeneratorConfig {
    fn default() -> Self {
        GeneratorConfig::Asap(AsapNetConfig::default())
    }
}

impl GeneratorConfig {
    /// Every kind with its defaults.
    pub(super) fn all() -> impl Iterator<Item = GeneratorConfig> {
        Self::KINDS.iter().filter_map(|(name, _)| Self::of_kind(name))
    }

    /// The keys of ASAP-Net; `None` for a baseline.
    pub fn asap(&self) -> Option<&AsapNetConfig> {
        match self {
            GeneratorConfig::Asap(asap) => Some(asap),
            _ => None,
        }
    }

    /// The paper's figures for the generator at these sizes and 256×512 (table 1): millions of parameters and 10⁹
    /// multiply-accumulates.
    pub fn paper_figures(&self) -> Option<[f64; 2]> {
        self.own().paper_figures().filter(|_| Self::of_kind(self.kind()).as_ref() == Some(self))
    }

    /// Height and width of an image must be multiples of this.
    pub fn multiple(&self) -> usize {
        self.own().multiple()
    }

    /// Minimum height and width of an image.
    pub fn min_side(&self) -> usize {
        self.own().min_side()
    }

    /// The length that a side is padded to.
    pub fn padded_side(&self, length: usize) -> usize {
        length.next_multiple_of(self.multiple().max(1)).max(self.min_side())
    }

    /// A baseline from the options of a published project (a JSON object), `pix2pix`, `pix2pixhd`, `spade` or `cc-fpse`;
    /// options left out have that code's defaults.
    ///
    /// # Errors
    /// [`Error::Config`] for another project, an option of the wrong type or out of range, or one without a counterpart.
    pub fn from_published(project: &str, options: &Json) -> Result<Self> {
        let options = Options(options);
        if options.count("output_nc", 3)? != 3 {
            return Err(options.refused("output_nc", "it must be 3 (rgb)"));
        }
        let config: GeneratorConfig = match (project, options.text("netG", "")?) {
            ("pix2pix", "" | "unet") => UnetConfig::from_published(&options)?.into(),
            ("pix2pix", "resnet") => ResNetConfig::from_published(&options)?.into(),
            ("pix2pix", _) => return Err(options.refused("netG", "it must be unet or resnet")),
            ("pix2pixhd", "" | "global") => Pix2PixHdConfig::from_published(&options)?.into(),
            ("pix2pixhd", "local") => Pix2PixHdLocalConfig::from_published(&options)?.into(),
            ("pix2pixhd", _) => return Err(options.refused("netG", "it must be global or local")),
            ("spade", _) => SpadeConfig::from_published(&options)?.into(),
            ("cc-fpse", _) => CcFpseConfig::from_published(&options)?.into(),
            (other, _) => {
                let problem =
                    format!("{other} has no counterpart here: there are pix2pix, pix2pixhd, spade and cc-fpse");
                return Err(Error::Config { origin: ORIGIN.into(), problem });
            }
        };
        config.check_ranges().map_err(|fault| Error::Config { origin: ORIGIN.into(), problem: fault.problem })?;
        Ok(config)
    }

    /// Checks that values agree with each other and with the data.
    pub(super) fn check_values(&self, data: &DataConfig) -> Result<(), Fault> {
        self.own().check_values(data)?;
        let (size, multiple, least) = (data.size, self.multiple(), self.min_side());
        for (side, length) in size.into_iter().zip(["height", "width"]) {
            if !side.is_multiple_of(multiple) || side < least {
                let what = self.own().multiple_name();
                let problem = format!(
                    "data.size = {size:?}: the {length} {side} must be a multiple of {what} = {multiple}, at least {least}"
                );
                return Err(Fault::new("data.size", problem));
            }
        }
        Ok(())
    }
}

impl Section for GeneratorConfig {
    fn keys(&self) -> Vec<Key> {
        let names: Vec<&str> = Self::KINDS.iter().map(|(name, _)| *name).collect();
        let kind = Key {
            section: "generator",
            name: "kind",
            docs: &[" Generator: asap, or a baseline of the paper. Each kind has keys of its own."],
            default: Self::default().get("kind"),
            expected: either(&names),
        };
        std::iter::once(kind).chain(self.own().keys()).collect()
    }

    fn get(&self, name: &str) -> Option<Toml> {
        if name == "kind" { Some(Toml::String(self.kind().into())) } else { self.own().get(name) }
    }

    /// Another kind keeps the values of keys that both kinds have, where they are not the defaults.
    fn set(&mut self, name: &str, value: Option<&Toml>) -> bool {
        if name != "kind" {
            return self.own_mut().set(name, value);
        }
        let kind = value.map_or(Some(Self::KINDS[0].0), Toml::as_str);
        let Some(mut other) = kind.and_then(Self::of_kind) else { return false };
        if other.kind() == self.kind() {
            return true;
        }
        for key in self.own().keys() {
            let value = self.get(key.name).filter(|value| Some(value) != key.default.as_ref());
            if value.is_some() {
                other.own_mut().set(key.name, value.as_ref());
            }
        }
        *self = other;
        true
    }

    fn out_of_range(&self) -> Option<&'static str> {
        self.own().out_of_range()
    }
}

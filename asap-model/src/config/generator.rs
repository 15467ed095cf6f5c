//! `[generator]`: a kind, and the keys of that kind.

use serde_json::Value as Json;

use super::data::DataConfig;
use super::generators::asap_net::AsapNetConfig;
use super::generators::pix2pix::{ResNetConfig, UnetConfig};
use super::generators::pix2pixhd::{Pix2PixHdConfig, Pix2PixHdLocalConfig};
use super::generators::spade::{CcFpseConfig, SpadeConfig};
use super::kind::GeneratorKind;
use super::kinds::Kinds;
use super::published::{ORIGIN, Options};
use super::schema::{KeyError, Section, optional};
use crate::{Error, Result};

/// Defines the configuration of a list of generators: description, name in a configuration, variant and its keys.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:literal => $variant:ident($config:ty) $(, paper $figures:expr)?;)*) => {
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

            /// The paper's figures for the generator at these sizes and 256×512 (table 1): millions of parameters and 10⁹
            /// multiply-accumulates.
            pub fn paper_figures(&self) -> Option<[f64; 2]> {
                let figures = match self { $(GeneratorConfig::$variant(_) => optional!($($figures)?),)* };
                figures.filter(|_| Self::of_kind(self.kind()).as_ref() == Some(self))
            }

            fn of_its_kind(&self) -> &dyn GeneratorKind {
                match self { $(GeneratorConfig::$variant(config) => config,)* }
            }

            fn of_its_kind_mut(&mut self) -> &mut dyn GeneratorKind {
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

/// The one list of generators, as the input of a macro.
macro_rules! generators {
    ($apply:ident) => {
        $apply! {
            // By counting convolutions and matrix products, with each weight of an MLP once per pixel, it has 83.20 and 48.9 on 35
            // labels and edges.
            /// ASAP-Net: spatially adaptive pixelwise networks
            "asap" => Asap(AsapNetConfig), paper [83.2, 55.1];
            // The parameters are those of the U-Net, but 56.8 is reported of the residual network at 256×256, with each output
            // pixel of a transposed convolution counted for the whole kernel.
            /// pix2pix: U-Net of eight levels
            "pix2pix-unet" => Pix2PixUnet(UnetConfig), paper [54.4, 56.8];
            /// pix2pix: residual network of nine blocks
            "pix2pix-resnet" => Pix2PixResNet(ResNetConfig);
            /// pix2pixHD: global generator
            "pix2pixhd" => Pix2PixHd(Pix2PixHdConfig);
            /// pix2pixHD: global generator and one local enhancer
            "pix2pixhd-local" => Pix2PixHdLocal(Pix2PixHdLocalConfig);
            // By counting convolutions, it has 93.05 and 281.3.
            /// SPADE, for Cityscapes: six doublings
            "spade" => Spade(SpadeConfig), paper [93.0, 281.0];
            /// CC-FPSE, for Cityscapes: six doublings
            "cc-fpse" => CcFpse(CcFpseConfig);
        }
    };
}
pub(crate) use generators;
generators!(kinds);

impl Default for GeneratorConfig {
    fn default() -> Self {
        GeneratorConfig::Asap(AsapNetConfig::default())
    }
}

impl GeneratorConfig {
    /// The keys of ASAP-Net; `None` for a baseline.
    pub fn asap(&self) -> Option<&AsapNetConfig> {
        match self {
            GeneratorConfig::Asap(asap) => Some(asap),
            _ => None,
        }
    }

    /// Whether it makes many images of an input.
    pub fn has_noise(&self) -> bool {
        self.asap().is_some_and(|asap| asap.noise > 0)
    }

    /// Height and width of an image must be multiples of this.
    pub fn multiple(&self) -> usize {
        self.of_its_kind().multiple().0
    }

    /// Minimum height and width of an image.
    pub fn min_side(&self) -> usize {
        self.of_its_kind().min_side()
    }

    /// The length that a side is padded to.
    pub fn padded_side(&self, length: usize) -> usize {
        length.next_multiple_of(self.multiple().max(1)).max(self.min_side())
    }

    /// A baseline from the options of a published project (a JSON object), `pix2pix`, `pix2pixhd`, `spade` or `cc-fpse`;
    /// options left out have that code's defaults.
    pub fn from_published(project: &str, options: &Json) -> Result<Self> {
        let options = Options(options);
        options.only("output_nc", 3usize)?;
        Ok(match (project, options.get("netG", String::new())?.as_str()) {
            ("pix2pix", "" | "unet") => UnetConfig::from_published(&options)?.into(),
            ("pix2pix", "resnet") => ResNetConfig::from_published(&options)?.into(),
            ("pix2pix", _) => return Err(options.refused("netG", "expected unet or resnet")),
            ("pix2pixhd", "" | "global") => options.read(Pix2PixHdConfig::default())?.into(),
            ("pix2pixhd", "local") => options.read(Pix2PixHdLocalConfig::default())?.into(),
            ("pix2pixhd", _) => return Err(options.refused("netG", "expected global or local")),
            ("spade", _) => SpadeConfig::from_published(&options)?.into(),
            ("cc-fpse", _) => CcFpseConfig::from_published(&options)?.into(),
            (other, _) => {
                let problem = format!("{other} is not supported: expected pix2pix, pix2pixhd, spade or cc-fpse");
                return Err(Error::Config { origin: ORIGIN.into(), problem });
            }
        })
    }

    /// Checks that values agree with each other and with the data.
    pub(super) fn check_values(&self, data: &DataConfig) -> Result<(), KeyError> {
        self.of_its_kind().check_values(data)?;
        let ((multiple, formula), min) = (self.of_its_kind().multiple(), self.min_side());
        for (side, name) in data.size.into_iter().zip(["height", "width"]) {
            if !side.is_multiple_of(multiple) || side < min {
                let problem = format!("the {name} {side} must be a multiple of {formula} = {multiple}, at least {min}");
                return Err(data.conflict("size", &problem));
            }
        }
        Ok(())
    }
}

impl Kinds for GeneratorConfig {
    const SECTION: &'static str = "generator";
    const HELP: &'static [&'static str] =
        &[" Generator: asap, or a baseline of the paper. Each kind has keys of its own."];
    const NAMES: &'static [(&'static str, &'static str)] = Self::KINDS;

    fn named(name: &str) -> Option<Self> {
        Self::of_kind(name)
    }

    fn name(&self) -> &'static str {
        self.kind()
    }

    fn own(&self) -> &dyn Section {
        self.of_its_kind()
    }

    fn own_mut(&mut self) -> &mut dyn Section {
        self.of_its_kind_mut()
    }
}

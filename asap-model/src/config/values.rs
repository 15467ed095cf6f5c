//! What the values of image files mean.

use serde::{Deserialize, Serialize};
use toml::Value as Toml;

use super::schema::{Value, choices};

choices! {
    /// What becomes of an alpha channel.
    pub enum Alpha {
        /// It is left out.
        Drop = "drop",
        /// It is the last channel.
        Keep = "keep",
    }
}

choices! {
    /// What becomes of the orientation that a file's EXIF data ask for.
    pub enum Orientation {
        /// The pixels are turned as viewers do.
        Apply = "apply",
        /// The pixels stay as they are stored.
        Ignore = "ignore",
    }
}

choices! {
    /// The formats of files that are written.
    pub enum FileFormat {
        /// 8 or 16 bits, 1 to 4 channels.
        Png = "png",
        /// 8, 16 or 32 bits, any number of channels.
        Tiff = "tiff",
        /// 8, 16 or 32 bits, any number of channels: an array (H, W) or (H, W, C).
        Npy = "npy",
        /// 8 bits, 1 or 3 channels.
        Bmp = "bmp",
        /// 8 bits, 3 or 4 channels, lossless.
        Webp = "webp",
    }
}

impl FileFormat {
    /// The extension of its files.
    pub fn extension(self) -> &'static str {
        if self == FileFormat::Tiff { "tif" } else { self.name() }
    }

    /// The format that writes what files of this extension hold: the same, or PNG for photos and unknown files.
    pub fn of_extension(extension: &str) -> FileFormat {
        match extension.to_ascii_lowercase().as_str() {
            "tif" | "tiff" => FileFormat::Tiff,
            "npy" => FileFormat::Npy,
            "bmp" => FileFormat::Bmp,
            "webp" => FileFormat::Webp,
            _ => FileFormat::Png,
        }
    }

    /// Whether it can hold so many channels of so many bits.
    pub fn can_hold(self, channels: usize, bits: u32) -> bool {
        match self {
            FileFormat::Png => bits <= 16 && channels <= 4,
            FileFormat::Tiff | FileFormat::Npy => true,
            FileFormat::Bmp => bits == 8 && matches!(channels, 1 | 3),
            FileFormat::Webp => bits == 8 && matches!(channels, 3 | 4),
        }
    }
}

/// The stored values that become −1 and 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Ranges {
    /// Found in the training images: the [1st and 99th percentile](Ranges::PERCENTILES) of each channel.
    Percentiles(Percentiles),
    /// [low, high] of all channels.
    All([f64; 2]),
    /// [low, high] of each channel.
    Each(Vec<[f64; 2]>),
}

/// The word for [`Ranges::Percentiles`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Percentiles {
    /// The word itself.
    #[serde(rename = "percentiles")]
    Percentiles,
}

impl Ranges {
    /// Percentiles that are not found yet.
    pub const TO_FIND: Ranges = Ranges::Percentiles(Percentiles::Percentiles);

    /// Which percentiles.
    pub const PERCENTILES: [f64; 2] = [1.0, 99.0];

    /// Why they can't be used for so many channels.
    pub(super) fn problem(&self, channels: usize) -> Option<String> {
        let ranges: &[[f64; 2]] = match self {
            Ranges::Percentiles(_) => &[],
            Ranges::All(range) => std::slice::from_ref(range),
            Ranges::Each(ranges) if ranges.len() != channels => {
                return Some(format!("has {} ranges, but there are {channels} channels", ranges.len()));
            }
            Ranges::Each(ranges) => ranges,
        };
        (!ranges.iter().all(is_range))
            .then(|| "expected finite values, low below high, also in single precision".into())
    }
}

/// Whether values can be scaled by these ends, which networks see in single precision.
pub fn is_range(&[low, high]: &[f64; 2]) -> bool {
    let [low, high] = [low as f32, high as f32];
    low.is_finite() && high.is_finite() && low < high
}

impl Value for Ranges {
    type Item = Ranges;
    fn expected() -> String {
        "[low, high], a list of such pairs, one for each channel, or percentiles".into()
    }
    fn items(&self) -> &[Ranges] {
        std::slice::from_ref(self)
    }
}

/// Three channels, counted from 0.
impl Value for [usize; 3] {
    type Item = usize;
    fn expected() -> String {
        "three channels, as in [0, 1, 2]".into()
    }
    fn items(&self) -> &[usize] {
        self
    }
    fn from_toml(value: &Toml) -> Option<Self> {
        value.clone().try_into().ok()
    }
}

/// What stored values mean: the ends of each channel's range are −1 and 1, and values outside it are clamped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValueScale {
    /// [low, high] of each channel, or one for all; none: the range of the file's type, [0, 255] or [0, 65535].
    pub ranges: Vec<[f64; 2]>,
    /// The stored value that means "not measured".
    pub invalid: Option<f64>,
}

impl ValueScale {
    pub(super) fn new(ranges: Option<&Ranges>) -> ValueScale {
        let ranges = match ranges {
            None | Some(Ranges::Percentiles(_)) => Vec::new(),
            Some(Ranges::All(range)) => vec![*range],
            Some(Ranges::Each(ranges)) => ranges.clone(),
        };
        ValueScale { ranges, invalid: None }
    }

    /// The range of a channel of files whose type's maximum is `max`, 1 for floating point.
    pub fn range(&self, channel: usize, max: f64) -> [f64; 2] {
        self.ranges.get(channel).or(self.ranges.first()).copied().unwrap_or([0.0, max])
    }

    /// Whether files of so many bits can hold every value.
    pub fn fits(&self, bits: u32) -> bool {
        let max = match bits {
            8 => 255.0,
            16 => 65535.0,
            _ => return true,
        };
        self.ranges.iter().all(|&[low, high]| low >= 0.0 && high <= max)
    }

    /// The fewest bits of a file that can hold every range: 8, 16, or 32 in floating point.
    pub fn bits(&self) -> u32 {
        let fits = |max: f64| self.ranges.iter().all(|&[low, high]| low >= 0.0 && high > 1.0 && high <= max);
        if fits(255.0) {
            8
        } else if fits(65535.0) {
            16
        } else {
            32
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn ranges_are_one_pair_pairs_or_a_word() {
        let mut config = Config::default();
        for (value, expected) in [
            ("[0, 65535]", Ranges::All([0.0, 65535.0])),
            ("[[0, 1], [-2.5, 3], [0, 9]]", Ranges::Each(vec![[0.0, 1.0], [-2.5, 3.0], [0.0, 9.0]])),
            ("percentiles", Ranges::Percentiles(Percentiles::Percentiles)),
        ] {
            config.set(&format!("data.output_range={value}")).unwrap();
            config.validate().unwrap();
            assert_eq!(config.data.output_range, Some(expected.clone()));
            let read = Config::parse(&config.to_toml().unwrap(), "test").unwrap();
            assert_eq!(read.data.output_range, Some(expected), "as written");
        }
        for (value, part) in [
            ("[1, 1]", "low below high"),
            ("[[0, 1]]", "1 ranges"),
            ("[nan, 1]", "finite"),
            ("[1e9, 1000000001]", "single"),
        ] {
            let error = config.set(&format!("data.output_range={value}")).and_then(|()| config.validate()).unwrap_err();
            assert!(error.to_string().contains(part), "{value}: {error}");
        }
        assert!(config.set("data.output_range=[0]").is_err());
        config.set("data.output_range=[0, 4000]").unwrap();
        for (bits, holds) in [(8, false), (16, true), (32, true)] {
            config.set(&format!("data.output_bits={bits}")).unwrap();
            assert_eq!(config.validate().is_ok(), holds, "{bits} bits");
        }
    }

    #[test]
    fn bits_follow_from_ranges() {
        let bits = |ranges: &[[f64; 2]]| ValueScale { ranges: ranges.to_vec(), invalid: None }.bits();
        assert_eq!([bits(&[]), bits(&[[0.0, 200.0]]), bits(&[[0.0, 4095.0]])], [8, 8, 16]);
        assert_eq!([bits(&[[0.0, 1.0]]), bits(&[[-1.0, 200.0]]), bits(&[[0.0, 255.0], [0.0, 1e6]])], [32; 3]);
    }
}

//! Decoded files of any format, before it is known what they are: an image, or a map of ids.

use std::path::Path;

use super::pixels::{Image, Samples};
use super::plane::Plane;
use super::problem::Problem;
use crate::Result;
use crate::config::{Alpha, DataConfig, Orientation, OutputKind};

/// The values of a file, channels side by side.
#[derive(Clone, Debug)]
pub(super) struct Array {
    /// [height, width].
    pub size: [usize; 2],
    pub channels: usize,
    pub values: Values,
    /// Whether the last channel is alpha.
    pub alpha: bool,
    /// The EXIF orientation, 1 to 8; 1 is upright.
    pub orientation: u8,
}

#[derive(Clone, Debug)]
pub(super) enum Values {
    U8(Vec<u8>),
    U16(Vec<u16>),
    /// Integers that are not negative.
    U32(Vec<u32>),
    F32(Vec<f32>),
}

/// The same values in another order or number, `$body`.
macro_rules! map_values {
    ($values:expr, $each:ident => $body:expr) => {
        match $values {
            Values::U8($each) => Values::U8($body),
            Values::U16($each) => Values::U16($body),
            Values::U32($each) => Values::U32($body),
            Values::F32($each) => Values::F32($body),
        }
    };
}
pub(super) use map_values;

impl Values {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Values::U8(values) => values.len(),
            Values::U16(values) => values.len(),
            Values::U32(values) => values.len(),
            Values::F32(values) => values.len(),
        }
    }

    /// Wide integers: ids if none is negative, else values.
    pub fn integers<T: Copy + TryInto<u32>>(values: &[T], float: impl Fn(T) -> f32) -> Values {
        match values.iter().map(|&value| value.try_into().ok()).collect::<Option<Vec<u32>>>() {
            Some(values) => Values::U32(values),
            None => Values::F32(values.iter().map(|&value| float(value)).collect()),
        }
    }
}

/// How image files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadOptions {
    /// Channels; `None` for those of the file.
    pub channels: Option<usize>,
    /// What becomes of an alpha channel.
    pub alpha: Alpha,
    /// What becomes of the EXIF orientation.
    pub orientation: Orientation,
    /// What to do about a file with other channels.
    pub advice: &'static str,
}

impl ReadOptions {
    /// As a photo for viewing: RGB, without alpha, upright.
    pub const PHOTO: ReadOptions = ReadOptions {
        channels: Some(3),
        alpha: Alpha::Drop,
        orientation: Orientation::Apply,
        advice: "convert it to RGB",
    };

    /// Any image, without alpha, upright.
    pub const ANY: ReadOptions = ReadOptions { channels: None, ..ReadOptions::PHOTO };

    /// Input images of a dataset.
    pub fn input(data: &DataConfig) -> ReadOptions {
        ReadOptions {
            channels: Some(data.input_channels()),
            alpha: data.alpha,
            orientation: data.orientation,
            advice: "convert it, or set data.input_channels",
        }
    }

    /// Targets of a dataset.
    pub fn target(data: &DataConfig) -> ReadOptions {
        let advice = match data.output {
            OutputKind::Image => "convert it, or set data.output_channels",
            OutputKind::Depth => "a depth map must be gray: convert it, or set data.output = \"image\"",
        };
        ReadOptions { channels: Some(data.output_channels()), advice, ..ReadOptions::input(data) }
    }
}

impl Array {
    /// As an image. Gray becomes RGB where three channels are wanted, and RGB without colors gray where one is.
    pub fn into_image(self, file: &Path, options: &ReadOptions) -> Result<Image> {
        let samples = match self.values {
            Values::U8(values) => Samples::U8(values),
            Values::U16(values) => Samples::U16(values),
            Values::U32(values) => Samples::F32(values.into_iter().map(|value| value as f32).collect()),
            Values::F32(values) => Samples::F32(values),
        };
        let mut image = Image::new(self.size, self.channels, samples);
        if self.alpha && options.alpha == Alpha::Drop {
            image = image.select(&(0..self.channels - 1).collect::<Vec<_>>());
        }
        if options.orientation == Orientation::Apply {
            image = upright(image, self.orientation);
        }
        match (image.channels(), options.channels) {
            (_, None) => Ok(image),
            (own, Some(wanted)) if own == wanted => Ok(image),
            (1, Some(3)) => Ok(image.select(&[0; 3])),
            (3, Some(1)) if image.select(&[0; 3]) == image => Ok(image.select(&[0])),
            (own, Some(wanted)) => {
                let channels = |count| if count == 1 { "1 channel (gray)".into() } else { format!("{count} channels") };
                let alpha = match (self.alpha, options.alpha) {
                    (true, Alpha::Drop) => " without its alpha channel (data.alpha = \"drop\")",
                    (true, Alpha::Keep) => " with its alpha channel (data.alpha = \"keep\")",
                    (false, _) => "",
                };
                let [own, wanted] = [channels(own), channels(wanted)];
                Problem::err(file, format!("has {own}{alpha}, but {wanted} are expected; {}", options.advice))
            }
        }
    }

    /// As a map of ids.
    pub fn into_ids(self, file: &Path) -> Result<Plane<u32>> {
        let [height, width] = self.size;
        let colors = self.channels - usize::from(self.alpha);
        // BMP and WebP have no gray pixels.
        let is_gray = match &self.values {
            Values::U8(values) => {
                values.chunks_exact(self.channels).all(|pixel| pixel[..colors] == [pixel[0]; 3][..colors.min(3)])
            }
            _ => false,
        };
        if colors != 1 && !(colors == 3 && is_gray) {
            let kind = if self.channels >= 3 { "color pixels" } else { "several channels" };
            return Problem::err(file, format!("has {kind} where ids are expected; {SAVE_IDS}"));
        }
        let data: Vec<u32> = match self.values {
            Values::U8(values) => values.into_iter().step_by(self.channels).map(u32::from).collect(),
            Values::U16(values) => values.into_iter().step_by(self.channels).map(u32::from).collect(),
            Values::U32(values) => values.into_iter().step_by(self.channels).collect(),
            Values::F32(values) => {
                let id = |value: f32| {
                    ((0.0..=16_777_216.0).contains(&value) && value.fract() == 0.0).then_some(value as u32)
                };
                match values.into_iter().step_by(self.channels).map(id).collect() {
                    Some(ids) => ids,
                    None => {
                        return Problem::err(
                            file,
                            format!("has values that are not whole where ids are expected; {SAVE_IDS}"),
                        );
                    }
                }
            }
        };
        Ok(Plane { height, width, data })
    }
}

/// What to do about a file that is no map of ids.
pub(super) const SAVE_IDS: &str = "save it as a gray or palette PNG whose raw values are the ids";

/// The pixels as viewers show them (Exif 2.32, tag 274).
fn upright(image: Image, orientation: u8) -> Image {
    match orientation {
        2 => image.flip(),
        3 => image.flip().turn_over(),
        4 => image.turn_over(),
        5 => image.transpose(),
        6 => image.transpose().flip(),
        7 => image.transpose().flip().turn_over(),
        8 => image.transpose().turn_over(),
        _ => image,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(channels: usize, alpha: bool) -> Array {
        let values = Values::U8((0..channels as u8 * 2).collect());
        Array { size: [1, 2], channels, values, alpha, orientation: 1 }
    }

    #[test]
    fn alpha_is_dropped_or_kept() {
        let read = |channels, alpha, wanted, keep| {
            let alpha_key = if keep { Alpha::Keep } else { Alpha::Drop };
            let options = ReadOptions { channels: wanted, alpha: alpha_key, ..ReadOptions::ANY };
            array(channels, alpha).into_image(Path::new("a"), &options).map(|image| image.channels())
        };
        assert_eq!([read(4, true, None, false).unwrap(), read(4, true, None, true).unwrap()], [3, 4]);
        assert_eq!([read(2, true, Some(1), false).unwrap(), read(1, false, Some(3), false).unwrap()], [1, 3]);
        assert_eq!(read(4, false, Some(4), false).unwrap(), 4, "four channels without alpha");
        for (channels, alpha, wanted, keep) in
            [(4, true, 4, false), (4, true, 3, true), (3, false, 1, false), (6, false, 3, false)]
        {
            let error = read(channels, alpha, Some(wanted), keep).unwrap_err().to_string();
            assert!(error.contains("channels") && error.contains("convert it"), "{error}");
        }
    }

    #[test]
    fn orientations_turn_pixels_upright() {
        // The letters of a 2×3 image whose upper left pixel is A, as each orientation stores them.
        let stored = |orientation| match orientation {
            1 => ([2, 3], "ABCDEF"),
            2 => ([2, 3], "CBAFED"),
            3 => ([2, 3], "FEDCBA"),
            4 => ([2, 3], "DEFABC"),
            5 => ([3, 2], "ADBECF"),
            6 => ([3, 2], "CFBEAD"),
            7 => ([3, 2], "FCEBDA"),
            _ => ([3, 2], "DAEBFC"),
        };
        for orientation in 1..=8 {
            let (size, letters) = stored(orientation);
            let image = Image::new(size, 1, Samples::U8(letters.bytes().collect()));
            let expected = Image::new([2, 3], 1, Samples::U8(b"ABCDEF".to_vec()));
            assert_eq!(upright(image, orientation), expected, "orientation {orientation}");
        }
    }

    #[test]
    fn ids_are_whole() {
        let ids = |values| Array { values, ..array(1, false) }.into_ids(Path::new("a"));
        assert_eq!(ids(Values::F32(vec![0.0, 7.0])).unwrap().data, [0, 7]);
        assert_eq!(ids(Values::integers(&[5i64, 70000], |v| v as f32)).unwrap().data, [5, 70000]);
        assert!(ids(Values::F32(vec![0.5, 1.0])).unwrap_err().to_string().contains("not whole"));
        assert!(ids(Values::integers(&[-1i64, 3], |v| v as f32)).unwrap_err().to_string().contains("not whole"));
        assert!(array(3, false).into_ids(Path::new("a")).unwrap_err().to_string().contains("color"));
    }
}

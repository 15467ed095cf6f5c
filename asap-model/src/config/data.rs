//! `[data]`: which pairs, at which size, with which augmentation.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::DepthScale;

/// How a data set lies on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// `train_img`, `train_label`, `val_img`, `val_label`, as the published code reads the CMP facades.
    Facades,
    /// `train_images`, `train_labels`, ... of the published code, or the data set's own `leftImg8bit` and `gtFine`.
    Cityscapes,
    /// `labels/`, `images/` and optionally `instances/`, with equal file names.
    Pairs,
    /// The built-in seeded pictures; nothing on disk. Facades for labels to colours, scenes for colours to depth.
    Synthetic,
}

/// What the generator is fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    /// A map of class ids, one-hot inside the network.
    Labels,
    /// A colour image with three channels in [−1, 1].
    Rgb,
}

/// What the generator draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    /// A colour image: three channels in [−1, 1].
    Rgb,
    /// A depth map: one channel in [−1, 1].
    Depth,
}

/// How a picture of any size becomes one of `size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resize {
    /// Resize to `load_size` without keeping the aspect ratio, then cut out a random `size`; in validation resize
    /// to `size`. The published facades are loaded so.
    ResizeAndCrop,
    /// Resize to `size` without keeping the aspect ratio; `load_size` is not used. The published Cityscapes are
    /// loaded so.
    Fixed,
    /// Cut out a random `size` without resizing; in validation the middle one. `load_size` is not used.
    Crop,
    /// Pictures already have `size`; another size is an error. `load_size` is not used.
    None,
}

/// `[data]`: which pairs, at which size, with which augmentation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// How the data set lies on disk.
    pub layout: Layout,
    /// The data set's folder, relative to the working directory; `asap train --data` sets it. Not used by
    /// [`Layout::Synthetic`].
    pub dir: Option<PathBuf>,
    /// The number of label classes, 2 to 256; ids run from 0 to `classes` − 1. Not used with [`Input::Rgb`].
    pub classes: usize,
    /// Whether an instance edge map is fed to the low-resolution stream and the discriminators.
    pub instances: bool,
    /// What the generator is fed.
    pub input: Input,
    /// What the generator draws.
    pub output: Output,
    /// Levels of a depth map that make one unit of depth, level 0 being depth 0: 1000 for maps in millimetres whose
    /// depths are to be told in metres. Without it the largest level of a map's format, 255 or 65535, stands for
    /// `depth_max`. Only for [`Output::Depth`], as all keys of depth; [`DataConfig::depth`] is what they mean together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth_scale: Option<f64>,
    /// The depth that the network's 1 stands for, −1 being depth 0; what lies farther counts as this far. Without it the
    /// depth of level 65535, or 1 where there is no `depth_scale` either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth_max: Option<f64>,
    /// The level of a depth map that means "not measured", 0 to 65535. With it such pixels count in no loss and no
    /// measure, and maps are resized nearest, so that it is never mixed with depths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth_invalid: Option<u32>,
    /// Height and width of a training picture in pixels, multiples of the generator's tile. In TOML `[height, width]`, or one
    /// number for a square.
    #[serde(deserialize_with = "size")]
    pub size: [usize; 2],
    /// Height and width to resize to before the crop of [`Resize::ResizeAndCrop`]; without it `size`, and nothing
    /// is cut off.
    #[serde(deserialize_with = "optional_size", skip_serializing_if = "Option::is_none")]
    pub load_size: Option<[usize; 2]>,
    /// How a picture of any size becomes one of `size`.
    pub resize: Resize,
    /// Whether a training pair is mirrored left to right with probability 1/2.
    pub flip: bool,
    /// Threads that prepare batches while the network works; 0 prepares them in the training thread.
    pub workers: usize,
    /// The number of synthetic training pairs; only for [`Layout::Synthetic`].
    pub count: usize,
    /// The number of synthetic validation pairs; only for [`Layout::Synthetic`].
    pub val_count: usize,
}

impl Default for DataConfig {
    fn default() -> Self {
        DataConfig {
            layout: Layout::Facades,
            dir: None,
            classes: 13,
            instances: false,
            input: Input::Labels,
            output: Output::Rgb,
            depth_scale: None,
            depth_max: None,
            depth_invalid: None,
            size: [256, 256],
            load_size: None,
            resize: Resize::ResizeAndCrop,
            flip: true,
            workers: 2,
            count: 400,
            val_count: 40,
        }
    }
}

impl DataConfig {
    /// Channels of the picture that each pixel's network sees: the classes, or 3 for a colour image. Instance
    /// edges are not among them.
    pub fn input_channels(&self) -> usize {
        match self.input {
            Input::Labels => self.classes,
            Input::Rgb => 3,
        }
    }

    /// Channels of the picture that the generator draws: 3, or 1 for depth.
    pub fn output_channels(&self) -> usize {
        match self.output {
            Output::Rgb => 3,
            Output::Depth => 1,
        }
    }

    /// Channels that the low-resolution stream sees: [`input_channels`](Self::input_channels) and the instance edges.
    pub fn lowres_channels(&self) -> usize {
        self.input_channels() + usize::from(self.instances)
    }

    /// What the levels of depth maps mean; `None` where the generator draws colours.
    pub fn depth(&self) -> Option<DepthScale> {
        if self.output != Output::Depth {
            return None;
        }
        let farthest = |per_unit| f64::from(u16::MAX) / per_unit;
        Some(DepthScale {
            per_unit: self.depth_scale,
            max: self.depth_max.unwrap_or_else(|| self.depth_scale.map_or(1.0, farthest)),
            // Validation refuses what is no level.
            invalid: self.depth_invalid.and_then(|level| u16::try_from(level).ok()),
        })
    }

    /// Whether a batch tells which of its pixels were measured.
    pub fn is_masked(&self) -> bool {
        self.depth().is_some_and(|depth| depth.invalid.is_some())
    }

    /// Channels that a discriminator sees: the input, the instance edges and the drawn or real picture.
    pub fn discriminator_channels(&self) -> usize {
        self.lowres_channels() + self.output_channels()
    }
}

/// `[height, width]`, or one number for a square.
fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[usize; 2], D::Error> {
    struct Size;
    impl<'de> de::Visitor<'de> for Size {
        type Value = [usize; 2];

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("[height, width] in pixels, or one number for a square")
        }

        fn visit_i64<E: de::Error>(self, side: i64) -> Result<[usize; 2], E> {
            let side = usize::try_from(side).map_err(|_| E::invalid_value(de::Unexpected::Signed(side), &self))?;
            Ok([side, side])
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut sides: A) -> Result<[usize; 2], A::Error> {
            let wrong = |count: usize| de::Error::invalid_length(count, &Size);
            let height = sides.next_element()?.ok_or_else(|| wrong(0))?;
            let width = sides.next_element()?.ok_or_else(|| wrong(1))?;
            if sides.next_element::<de::IgnoredAny>()?.is_some() {
                return Err(wrong(3));
            }
            Ok([height, width])
        }
    }
    deserializer.deserialize_any(Size)
}

/// As [`size`], for a key that may be left out.
fn optional_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<[usize; 2]>, D::Error> {
    size(deserializer).map(Some)
}

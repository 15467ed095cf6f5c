//! `[data]`: dataset, sizes, augmentation.

use std::path::PathBuf;

use super::classes::{ClassColors, ClassNames};
use super::depth::DepthScale;
use super::labels::{IdList, IgnoreAs, Remap};
use super::schema::{KeyError, POSITIVE, Range, Section, choices, section};
use super::values::{Alpha, FileFormat, Orientation, Ranges, ValueScale};

choices! {
    /// Dataset layout on disk.
    pub enum Layout {
        /// `train_img`, `train_label`, `val_img`, `val_label`: the CMP facades as the published code reads them.
        Facades = "facades",
        /// `train_images`, `train_labels`, … as the published code has it, or the original `leftImg8bit` and `gtFine`.
        Cityscapes = "cityscapes",
        /// `labels/`, `images/` and optionally `instances/`, with equal file names; split as `train/labels` or `labels/train`.
        Pairs = "pairs",
        /// The folders of facades with the file names of Cityscapes, as pix2pixHD's samples.
        Pix2PixHd = "pix2pixhd",
        /// Folders `A` and `B` with equal file names; split as `trainA`, `A/train` or `train/A`.
        Ab = "a-b",
        /// Images with A on the left and B on the right, as pix2pix reads them; split as `train` and `val`.
        SideBySide = "side-by-side",
        /// Built-in and seeded, nothing on disk: facades from labels to images, scenes from images to depth.
        Synthetic = "synthetic",
    }
}

choices! {
    /// Which side of A and B is the input.
    pub enum Direction {
        /// A is the input, B the image to generate.
        AtoB = "AtoB",
        /// B is the input, A the image to generate, as the published facades are trained.
        BtoA = "BtoA",
    }
}

choices! {
    /// What the generator takes.
    pub enum InputKind {
        /// A map of class ids, one-hot inside the network.
        Labels = "labels",
        /// An image: `input_channels` channels in [−1, 1].
        Image = "image",
    }
}

choices! {
    /// What the generator returns.
    pub enum OutputKind {
        /// An image: `output_channels` channels in [−1, 1].
        Image = "image",
        /// A depth map: one channel in [−1, 1].
        Depth = "depth",
    }
}

choices! {
    /// How images of any size get the training size.
    pub enum Resize {
        /// Resize to `load_size`, ignoring the aspect ratio, then crop `size` at random; in validation, resize to `size`.
        /// The published facades are loaded so.
        ResizeAndCrop = "resize-and-crop",
        /// Resize to `size`, ignoring the aspect ratio. The published Cityscapes are loaded so.
        Fixed = "fixed",
        /// Crop `size` at random, without resizing; in validation, at the center.
        Crop = "crop",
        /// No resizing: images of another size are an error.
        None = "none",
    }
}

/// Channels of an image.
const CHANNELS: std::ops::RangeInclusive<usize> = 1..=MAX_CHANNELS;
const MAX_CHANNELS: usize = 256;

/// 8, 16 or 32.
struct Bits;

impl Range<u32> for Bits {
    fn has(&self, item: &u32) -> bool {
        matches!(item, 8 | 16 | 32)
    }
    fn describe(&self, _: &str) -> String {
        "8, 16 or 32".into()
    }
}

section! {
    /// `[data]`: dataset, sizes, augmentation.
    pub struct DataConfig in "data" {
        /// Dataset layout on disk; synthetic needs no files.
        layout: Layout = Layout::Facades;
        /// Dataset folder, relative to the working directory; `asap train --data` sets it. A run keeps its absolute path.
        dir: Option<PathBuf> = None;
        /// Which side is the input in the layouts a-b and side-by-side, where A is on the left. Unset: the side of the label
        /// maps, told from the pixels, or A if neither side has label maps.
        direction: Option<Direction> = None;
        /// Number of label classes; ids run from 0 to classes − 1. Unused with image input.
        classes: usize = 13, in 2..=256, published "label_nc";
        /// Ids instead of those in label maps, as for masks of 0 and 255 the pair of 255 and 1. Other ids stay.
        remap: Option<Remap> = None, in 0..=65535;
        /// Ids of label maps, after remap, that are no class, such as 255 for unlabeled pixels. They become an extra class
        /// behind the others.
        ignore: Option<IdList> = None, in 0..=65535;
        /// What ignored pixels are: a class like the others (class), or one that counts in no loss and no measure (mask).
        ignore_as: IgnoreAs = IgnoreAs::Class;
        /// Names of the classes, for tables, legends and pages: a list by id, or the name of a public dataset. Unset: those of
        /// data.colors if that is a dataset, else the ids.
        names: Option<ClassNames> = None;
        /// Colors of the classes, a list by id or the name of a public dataset: how labels are shown, and how color-coded label
        /// maps (RGB PNGs) are read. Unset: those of data.names if that is a dataset, else colors that differ clearly.
        ///
        /// Gray and palette PNGs keep their raw values, whatever colors a palette has.
        colors: Option<ClassColors> = None;
        /// Feed an instance edge map to the low-resolution stream and the discriminators.
        instances: bool = false;
        /// What the generator takes.
        input: InputKind = InputKind::Labels;
        /// Channels of input images.
        input_channels: usize = 3, in CHANNELS;
        /// Values of input files that become −1 and 1: a pair for all channels, one for each, or percentiles, which are found
        /// in the training images. Unset: the range of the files' type, 0 to 255 or 65535.
        input_range: Option<Ranges> = None;
        /// Input channels that sheets and pages show as red, green and blue, counted from 0. Unset: the first three, or
        /// the last one again where there are fewer.
        input_shown: Option<[usize; 3]> = None, in 0..=MAX_CHANNELS - 1;
        /// What the generator returns.
        output: OutputKind = OutputKind::Image;
        /// Channels of output images. A depth map has one.
        output_channels: usize = 3, in CHANNELS;
        /// Values of output files that stand for −1 and 1; as input_range. Depth maps have depth_scale and depth_max.
        output_range: Option<Ranges> = None;
        /// Output channels that VGG, FID, KID and SWD, sheets and pages take as red, green and blue; as input_shown.
        output_shown: Option<[usize; 3]> = None, in 0..=MAX_CHANNELS - 1;
        /// Format of the files that inference writes. Unset: that of the training targets, or PNG for photos.
        output_format: Option<FileFormat> = None;
        /// Bits of each value in those files: 8, 16, or 32 in floating point. Unset: those of the training targets.
        output_bits: Option<u32> = None, in Bits;
        /// Whether alpha channels of input and target files are dropped or kept.
        alpha: Alpha = Alpha::Drop;
        /// Whether the EXIF orientation of photos is applied, or ignored for label maps of the stored pixels.
        orientation: Orientation = Orientation::Apply;
        /// Depth-map levels per unit of depth: 1000 for maps in millimeters and depths in meters. Unset: the largest
        /// level of the format, 255 or 65535, is depth_max.
        ///
        /// The depth keys need [`OutputKind::Depth`]; [`DataConfig::depth`] is what they mean together.
        depth_scale: Option<f64> = None, in POSITIVE;
        /// Depth that an output of 1 stands for, −1 being depth 0; larger depths are clipped. Unset: the depth of level
        /// 65535, or 1 without depth_scale.
        depth_max: Option<f64> = None, in POSITIVE;
        /// Depth-map level that means "not measured". Such pixels count in no loss and no measure.
        ///
        /// Maps with this level are resized by nearest neighbor, so that it never mixes with depths.
        depth_invalid: Option<u32> = None, in 0..=65535;
        /// Training size in pixels: multiples of generator.tile, or of the factor by which a baseline shrinks its input.
        size: [usize; 2] = [256, 256], in 4..=16384;
        /// Size to resize to before the random crop of resize-and-crop. Unset: size, and nothing is cropped.
        load_size: Option<[usize; 2]> = None, in 4..=16384;
        /// Before the random crop of resize-and-crop, load_size is multiplied by a random factor, from 1/load_jitter to
        /// load_jitter, for each pair and epoch; the sides remain at least those of size. 1: the published code.
        load_jitter: f64 = 1.0, in 1.0..=8.0;
        /// How images get the training size: resize to load_size, then random crop (resize-and-crop); resize (fixed); random
        /// crop (crop); images already have that size (none).
        resize: Resize = Resize::ResizeAndCrop;
        /// Random horizontal flip, p = 0.5.
        flip: bool = true;
        /// Threads that prepare batches. 0: the training thread does.
        workers: usize = 2, in 0..=256;
        /// Number of synthetic training pairs.
        count: usize = 400, in 1..=10_000_000;
        /// Number of synthetic validation pairs.
        val_count: usize = 40, in 1..=10_000_000;
    }
}

impl DataConfig {
    /// Channels of the input: the classes with that of ignored labels, or those of the images. Instance edges are not among them.
    pub fn input_channels(&self) -> usize {
        match self.input {
            InputKind::Labels => self.label_channels(),
            InputKind::Image => self.input_channels,
        }
    }

    /// Channels of the output; 1 for depth.
    pub fn output_channels(&self) -> usize {
        match self.output {
            OutputKind::Image => self.output_channels,
            OutputKind::Depth => 1,
        }
    }

    /// Whether the dataset is read from files.
    pub fn needs_files(&self) -> bool {
        self.layout != Layout::Synthetic
    }

    /// What the values of input images mean.
    pub fn input_scale(&self) -> ValueScale {
        ValueScale::new(self.input_range.as_ref())
    }

    /// What the values of targets, and of files that inference writes, mean.
    pub fn output_scale(&self) -> ValueScale {
        match self.depth() {
            None => ValueScale::new(self.output_range.as_ref()),
            Some(depth) => ValueScale {
                ranges: depth.per_unit.map(|per_unit| [0.0, per_unit * depth.max]).into_iter().collect(),
                invalid: depth.invalid.map(f64::from),
            },
        }
    }

    /// The input channels to show as red, green and blue.
    pub fn input_shown(&self) -> [usize; 3] {
        shown(self.input_shown, self.input_channels)
    }

    /// The output channels to show as red, green and blue.
    pub fn output_shown(&self) -> [usize; 3] {
        shown(self.output_shown, self.output_channels())
    }

    /// Bits of each value in the files that inference writes.
    pub fn output_bits(&self) -> u32 {
        let of_kind = || if self.output == OutputKind::Depth { 16 } else { self.output_scale().bits() };
        self.output_bits.unwrap_or_else(of_kind)
    }

    /// The format of the files that inference writes.
    pub fn output_format(&self) -> FileFormat {
        let formats = [self.output_format.unwrap_or(FileFormat::Png), FileFormat::Png];
        let holds = |format: &FileFormat| format.can_hold(self.output_channels(), self.output_bits());
        formats.into_iter().find(holds).unwrap_or(FileFormat::Tiff)
    }

    /// Channels of the low-resolution stream's input: [`input_channels`](Self::input_channels) and the instance edges.
    pub fn lowres_channels(&self) -> usize {
        self.input_channels() + usize::from(self.instances)
    }

    /// Channels of the discriminators' input: the generator's input, the instance edges and an output.
    pub fn discriminator_channels(&self) -> usize {
        self.lowres_channels() + self.output_channels()
    }

    /// What the levels of depth maps mean; `None` for other images.
    pub fn depth(&self) -> Option<DepthScale> {
        if self.output != OutputKind::Depth {
            return None;
        }
        let farthest = |per_unit| f64::from(u16::MAX) / per_unit;
        Some(DepthScale {
            per_unit: self.depth_scale,
            max: self.depth_max.unwrap_or_else(|| self.depth_scale.map_or(1.0, farthest)),
            invalid: self.depth_invalid.and_then(|level| u16::try_from(level).ok()),
        })
    }

    /// Whether batches carry a mask of the pixels that count.
    pub fn is_masked(&self) -> bool {
        self.has_unmeasured() || self.masked_class().is_some()
    }

    /// Whether depth maps have a level that means "not measured".
    pub fn has_unmeasured(&self) -> bool {
        self.depth().is_some_and(|depth| depth.invalid.is_some())
    }

    /// Checks that values agree.
    pub(super) fn check_values(&self) -> Result<(), KeyError> {
        if self.resize == Resize::ResizeAndCrop
            && let Some([height, width]) = self.load_size
            && (height < self.size[0] || width < self.size[1])
        {
            let problem = format!("must be at least data.size = {:?}, the crop", self.size);
            return Err(self.conflict("load_size", &problem));
        }
        if self.load_jitter > 1.0 && self.resize != Resize::ResizeAndCrop {
            let problem = "has no effect on what is not resized and cropped; set data.resize to \"resize-and-crop\"";
            return Err(self.conflict("load_jitter", problem));
        }
        self.check_depth()?;
        self.check_labels()?;
        self.check_classes()?;
        self.check_channels()?;
        if self.layout != Layout::Synthetic {
            let has_images = matches!(self.layout, Layout::Pairs | Layout::Ab | Layout::SideBySide);
            if self.input == InputKind::Image && !has_images {
                let problem =
                    "needs data.layout = \"pairs\", \"a-b\" or \"side-by-side\"; other layouts have label maps";
                return Err(self.conflict("input", problem));
            } else if self.instances && self.layout == Layout::SideBySide {
                return Err(self.conflict("instances", "this layout has no instance maps; set it to false"));
            }
        } else if (self.input == InputKind::Image) != (self.output == OutputKind::Depth) {
            let problem = "synthetic data are facades, from labels to images, or scenes, from images to depth; change \
                           data.input or data.output";
            return Err(self.conflict("output", problem));
        } else if self.input == InputKind::Image && self.input_channels != 3 {
            return Err(self.conflict("input_channels", "synthetic scenes have 3 channels"));
        } else if self.output == OutputKind::Image && self.output_channels != 3 {
            return Err(self.conflict("output_channels", "synthetic facades have 3 channels"));
        } else if self.instances {
            return Err(self.conflict("instances", "synthetic data have no instance maps; set it to false"));
        } else if self.input == InputKind::Labels && self.classes < 13 {
            return Err(self.conflict("classes", "must be at least 13, the classes of synthetic facades"));
        }
        Ok(())
    }

    fn check_channels(&self) -> Result<(), KeyError> {
        for (name, ranges, channels) in [
            ("input_range", &self.input_range, self.input_channels),
            ("output_range", &self.output_range, self.output_channels()),
        ] {
            if let Some(problem) = ranges.as_ref().and_then(|ranges| ranges.problem(channels)) {
                return Err(self.conflict(name, &problem));
            }
        }
        for (name, shown, channels) in [
            ("input_shown", self.input_shown, self.input_channels),
            ("output_shown", self.output_shown, self.output_channels()),
        ] {
            if shown.into_iter().flatten().any(|channel| channel >= channels) {
                return Err(self.conflict(name, &format!("there are {channels} channels, counted from 0")));
            }
        }
        let [channels, bits] = [self.output_channels(), self.output_bits() as usize];
        if let Some(format) = self.output_format.filter(|format| !format.can_hold(channels, bits as u32)) {
            let name = format.name();
            let problem = format!("{name} can't hold {channels} channels of {bits} bits; set it to tiff or npy");
            return Err(self.conflict("output_format", &problem));
        }
        if let Some(bits) = self.output_bits.filter(|&bits| !self.output_scale().fits(bits)) {
            let key = if self.output == OutputKind::Depth { "depth_scale and data.depth_max" } else { "output_range" };
            let problem = format!("files of {bits} bits can't hold the values of data.{key}; set it to 16 or 32");
            return Err(self.conflict("output_bits", &problem));
        }
        if self.output == OutputKind::Depth && self.output_range.is_some() {
            return Err(self.conflict("output_range", "depth maps have data.depth_scale and data.depth_max instead"));
        }
        Ok(())
    }

    fn check_depth(&self) -> Result<(), KeyError> {
        let Some(depth) = self.depth() else {
            let set = [
                ("depth_scale", self.depth_scale.is_some()),
                ("depth_max", self.depth_max.is_some()),
                ("depth_invalid", self.depth_invalid.is_some()),
            ];
            let problem = "only for depth maps; set data.output = \"depth\", or leave it out";
            return match set.into_iter().find(|(_, is_set)| *is_set) {
                Some((name, _)) => Err(self.conflict(name, problem)),
                None => Ok(()),
            };
        };
        let largest = f64::from(u16::MAX);
        let level = depth.full_level(largest);
        match self.depth_scale {
            Some(scale) if self.depth_max.is_some() && !(1.0..=largest).contains(&level) => {
                let problem = format!(
                    "at data.depth_scale = {scale} levels per unit this is level {level}; 16-bit maps have 1 to {largest}"
                );
                Err(self.conflict("depth_max", &problem))
            }
            _ => Ok(()),
        }
    }
}

/// The configured channels, or the first three, the last again where there are fewer.
fn shown(configured: Option<[usize; 3]>, channels: usize) -> [usize; 3] {
    configured.unwrap_or([0, 1, 2].map(|channel: usize| channel.min(channels - 1)))
}

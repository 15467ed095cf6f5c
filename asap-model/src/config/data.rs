//! `[data]`: dataset, sizes, augmentation.

use std::path::PathBuf;

use super::classes::{ClassColors, ClassNames};
use super::depth::DepthScale;
use super::labels::{IdList, IgnoreAs, Remap};
use super::schema::{KeyError, POSITIVE, Section, choices, section};

choices! {
    /// Dataset layout on disk.
    pub enum Layout {
        /// `train_img`, `train_label`, `val_img`, `val_label`: the CMP facades as the published code reads them.
        Facades = "facades",
        /// `train_images`, `train_labels`, … as the published code has it, or the original `leftImg8bit` and `gtFine`.
        Cityscapes = "cityscapes",
        /// `labels/`, `images/` and optionally `instances/`, with equal file names.
        Pairs = "pairs",
        /// Built-in and seeded, nothing on disk: facades from labels to RGB, scenes from RGB to depth.
        Synthetic = "synthetic",
    }
}

choices! {
    /// What the generator takes.
    pub enum InputKind {
        /// A map of class ids, one-hot inside the network.
        Labels = "labels",
        /// An RGB image: three channels in [−1, 1].
        Rgb = "rgb",
    }
}

choices! {
    /// What the generator returns.
    pub enum OutputKind {
        /// An RGB image: three channels in [−1, 1].
        Rgb = "rgb",
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

section! {
    /// `[data]`: dataset, sizes, augmentation.
    pub struct DataConfig in "data" {
        /// Dataset layout on disk; synthetic needs no files.
        layout: Layout = Layout::Facades;
        /// Dataset folder, relative to the working directory; `asap train --data` sets it.
        dir: Option<PathBuf> = None;
        /// Number of label classes; ids run from 0 to classes − 1. Unused with RGB input.
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
        /// What the generator returns.
        output: OutputKind = OutputKind::Rgb;
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
    /// Channels of the input: the classes with that of ignored labels, or 3 for RGB. Instance edges are not among them.
    pub fn input_channels(&self) -> usize {
        match self.input {
            InputKind::Labels => self.label_channels(),
            InputKind::Rgb => 3,
        }
    }

    /// Channels of the output: 3, or 1 for depth.
    pub fn output_channels(&self) -> usize {
        match self.output {
            OutputKind::Rgb => 3,
            OutputKind::Depth => 1,
        }
    }

    /// Channels of the low-resolution stream's input: [`input_channels`](Self::input_channels) and the instance edges.
    pub fn lowres_channels(&self) -> usize {
        self.input_channels() + usize::from(self.instances)
    }

    /// Channels of the discriminators' input: the generator's input, the instance edges and an output.
    pub fn discriminator_channels(&self) -> usize {
        self.lowres_channels() + self.output_channels()
    }

    /// What the levels of depth maps mean; `None` for RGB output.
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
        self.check_depth()?;
        self.check_labels()?;
        self.check_classes()?;
        if self.layout != Layout::Synthetic {
            if self.input == InputKind::Rgb && self.layout != Layout::Pairs {
                return Err(self.conflict("input", "needs data.layout = \"pairs\"; other layouts have label maps"));
            }
        } else if (self.input == InputKind::Rgb) != (self.output == OutputKind::Depth) {
            let problem = "synthetic data are facades, from labels to rgb, or scenes, from rgb to depth; change data.input \
                           or data.output";
            return Err(self.conflict("output", problem));
        } else if self.instances {
            return Err(self.conflict("instances", "synthetic data have no instance maps; set it to false"));
        } else if self.input == InputKind::Labels && self.classes < 13 {
            return Err(self.conflict("classes", "must be at least 13, the classes of synthetic facades"));
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

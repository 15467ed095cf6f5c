//! `[data]`: dataset, sizes, augmentation.

use std::path::PathBuf;

use super::depth::DepthScale;
use super::schema::{Fault, POSITIVE, choices, section};

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
    pub enum Input {
        /// A map of class ids, one-hot inside the network.
        Labels = "labels",
        /// An RGB image: three channels in [−1, 1].
        Rgb = "rgb",
    }
}

choices! {
    /// What the generator returns.
    pub enum Output {
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
        classes: usize = 13, in 2..=256;
        /// Feed an instance edge map to the low-resolution stream and the discriminators.
        instances: bool = false;
        /// What the generator takes.
        input: Input = Input::Labels;
        /// What the generator returns.
        output: Output = Output::Rgb;
        /// Depth-map levels per unit of depth: 1000 for maps in millimeters and depths in meters. Unset: the largest
        /// level of the format, 255 or 65535, is depth_max.
        ///
        /// The depth keys need [`Output::Depth`]; [`DataConfig::depth`] is what they mean together.
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
    /// Channels of the input: the classes, or 3 for RGB. Instance edges are not among them.
    pub fn input_channels(&self) -> usize {
        match self.input {
            Input::Labels => self.classes,
            Input::Rgb => 3,
        }
    }

    /// Channels of the output: 3, or 1 for depth.
    pub fn output_channels(&self) -> usize {
        match self.output {
            Output::Rgb => 3,
            Output::Depth => 1,
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
        if self.output != Output::Depth {
            return None;
        }
        let farthest = |per_unit| f64::from(u16::MAX) / per_unit;
        Some(DepthScale {
            per_unit: self.depth_scale,
            max: self.depth_max.unwrap_or_else(|| self.depth_scale.map_or(1.0, farthest)),
            invalid: self.depth_invalid.and_then(|level| u16::try_from(level).ok()),
        })
    }

    /// Whether batches carry a mask of measured pixels.
    pub fn is_masked(&self) -> bool {
        self.depth().is_some_and(|depth| depth.invalid.is_some())
    }

    /// Checks that values agree.
    pub(super) fn check_values(&self) -> Result<(), Fault> {
        if self.resize == Resize::ResizeAndCrop
            && let Some([height, width]) = self.load_size
            && (height < self.size[0] || width < self.size[1])
        {
            let size = self.size;
            let problem =
                format!("data.load_size = [{height}, {width}]: must be at least data.size = {size:?}, the crop");
            return Err(Fault::new("data.load_size", problem));
        }
        self.check_depth()?;
        if self.layout == Layout::Synthetic {
            return self.check_synthetic();
        }
        if self.input == Input::Rgb && self.layout != Layout::Pairs {
            let problem = "data.input = \"rgb\" needs data.layout = \"pairs\": the other layouts hold label maps";
            return Err(Fault::new("data.input", problem));
        }
        Ok(())
    }

    fn check_synthetic(&self) -> Result<(), Fault> {
        if (self.input == Input::Rgb) != (self.output == Output::Depth) {
            let problem = "data.layout = \"synthetic\" has facades, from labels to rgb, and scenes, from rgb to depth: set \
                           data.input and data.output to one of these";
            return Err(Fault::new("data.output", problem));
        }
        if self.instances {
            let problem = "data.instances = true: synthetic images have no instance maps; set it to false";
            return Err(Fault::new("data.instances", problem));
        }
        if self.input == Input::Labels && self.classes < 13 {
            let problem = format!("data.classes = {}: synthetic facades have 13, so at least 13", self.classes);
            return Err(Fault::new("data.classes", problem));
        }
        Ok(())
    }

    fn check_depth(&self) -> Result<(), Fault> {
        let Some(depth) = self.depth() else {
            let set = [
                ("data.depth_scale", self.depth_scale.map(|scale| scale.to_string())),
                ("data.depth_max", self.depth_max.map(|max| max.to_string())),
                ("data.depth_invalid", self.depth_invalid.map(|level| level.to_string())),
            ];
            let set = set.into_iter().find_map(|(key, value)| Some((key, value?)));
            return set.map_or(Ok(()), |(key, value)| {
                let problem =
                    format!("{key} = {value}: only for depth maps; set data.output = \"depth\", or leave it out");
                Err(Fault::new(key, problem))
            });
        };
        let largest = f64::from(u16::MAX);
        if let (Some(per_unit), Some(max)) = (self.depth_scale, self.depth_max)
            && !(1.0..=largest).contains(&depth.full_level(largest))
        {
            let level = depth.full_level(largest);
            let problem = format!(
                "data.depth_max = {max}: at data.depth_scale = {per_unit} levels per unit this is level {level}; 16-bit maps \
                 have 1 to {largest}"
            );
            return Err(Fault::new("data.depth_max", problem));
        }
        Ok(())
    }
}

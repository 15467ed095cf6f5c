//! What a data set is and how its pictures are prepared: the part of the configuration that this module needs.

use crate::{Error, Result};

/// How the files of a data set lie in its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// The published code's facades: `train_img`, `train_label`, `val_img`, `val_label`.
    Facades,
    /// Cityscapes: `leftImg8bit/{train,val}/CITY` with `gtFine/{train,val}/CITY`, or the published code's
    /// `train_images`, `train_labels`, `val_images`, `val_labels`.
    Cityscapes,
    /// Plain pairs: `labels` or `inputs`, `images`, and `instances` where asked for; inside `train` and `val` if those exist.
    Pairs,
}

impl Layout {
    /// The name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Layout::Facades => "facades",
            Layout::Cityscapes => "cityscapes",
            Layout::Pairs => "pairs",
        }
    }
}

/// What the generator is fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A map of class ids.
    Labels,
    /// An RGB picture.
    Rgb,
}

/// What the generator draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// An RGB photo, three channels.
    Rgb,
    /// A depth map, one channel, from a gray picture of 8 or 16 bits.
    Depth,
}

/// Which part of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// The pictures to train on.
    Train,
    /// The pictures to measure on.
    Val,
}

impl Split {
    /// The name in folder names.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Val => "val",
        }
    }
}

/// How a training picture gets its size (the published code's preprocessing). In validation every picture is resized to `size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resize {
    /// To `size`, whatever the proportions. The published Cityscapes runs.
    Fixed,
    /// To `load_size`, whatever the proportions, then a random crop of `size`. The published facades runs.
    ResizeAndCrop,
    /// To the width of `load_size`, the height in proportion (rounded down), then a random crop of `size`.
    ScaleWidthAndCrop,
}

/// What a data set is and how its pictures are prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataOptions {
    /// How the files lie.
    pub layout: Layout,
    /// The number of label classes, 1 to 256: ids go from 0 to `classes - 1`. Unused for RGB input.
    pub classes: usize,
    /// Whether each picture has an instance map, from which the edge channel is made.
    pub instances: bool,
    /// What the generator is fed.
    pub input: Input,
    /// What it draws.
    pub output: Output,
    /// [height, width] of the prepared pictures.
    pub size: [usize; 2],
    /// [height, width] before a random crop; unused by [`Resize::Fixed`], and only the width is used by
    /// [`Resize::ScaleWidthAndCrop`].
    pub load_size: [usize; 2],
    /// How a training picture gets its size.
    pub resize: Resize,
    /// Whether training pictures are mirrored left to right, each with probability ½.
    pub flip: bool,
}

impl DataOptions {
    /// The published code's options for a layout: 13 classes, 286 then 256 for facades; 35 classes, instances and
    /// 256×512 for Cityscapes; as facades, without a crop, for plain pairs.
    pub fn published(layout: Layout) -> DataOptions {
        let (classes, size, load_size, resize) = match layout {
            Layout::Facades => (13, [256, 256], [286, 286], Resize::ResizeAndCrop),
            Layout::Cityscapes => (35, [256, 512], [256, 512], Resize::Fixed),
            Layout::Pairs => (13, [256, 256], [256, 256], Resize::Fixed),
        };
        DataOptions {
            layout,
            classes,
            instances: layout == Layout::Cityscapes,
            input: Input::Labels,
            output: Output::Rgb,
            size,
            load_size,
            resize,
            flip: true,
        }
    }

    /// Refuses options that contradict each other.
    ///
    /// # Errors
    /// [`Error::Config`] naming the key.
    pub fn validate(&self) -> Result<()> {
        let wrong = |problem: String| Err(Error::Config { origin: "[data]".to_string(), problem });
        if self.input == Input::Labels && !(1..=256).contains(&self.classes) {
            return wrong(format!("classes = {} must be from 1 to 256: label maps hold 8-bit ids", self.classes));
        }
        if self.input == Input::Rgb && self.layout != Layout::Pairs {
            return wrong(format!("input = \"rgb\" needs layout = \"pairs\", not \"{}\"", self.layout.name()));
        }
        let [height, width] = self.size;
        if height == 0 || width == 0 {
            return wrong(format!("size = [{height}, {width}] must not be zero"));
        }
        let [load_height, load_width] = self.load_size;
        let too_small = match self.resize {
            Resize::Fixed => false,
            Resize::ResizeAndCrop => load_height < height || load_width < width,
            Resize::ScaleWidthAndCrop => load_width < width,
        };
        if too_small {
            return wrong(format!(
                "load_size = [{load_height}, {load_width}] is smaller than size = [{height}, {width}], which is cropped from it"
            ));
        }
        Ok(())
    }

    /// Channels of the picture that the generator draws: 3, or 1 for depth.
    pub fn image_channels(&self) -> usize {
        match self.output {
            Output::Rgb => 3,
            Output::Depth => 1,
        }
    }
}

//! What a dataset is, by its folders and files: layout, kinds of input and output, classes.

use std::collections::BTreeMap;
use std::path::Path;

use super::array::ReadOptions;
use super::counts::ClassCount;
use super::decode::read_image;
use super::direction::{direction, input_kind};
use super::label_hint::LabelHint;
use super::layout::{Sides, Split, detect_layout, rules};
use super::pixels::{Image, Samples};
use super::scan::scan;
use crate::Result;
use crate::config::{DataConfig, Direction, InputKind, LabelIds, Layout, OutputKind};

/// What a dataset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detected {
    /// Which files belong together.
    pub layout: Layout,
    /// For layouts with sides A and B: from the label map to the image, or from A to B where there is no label map.
    pub direction: Option<Direction>,
    /// Label maps or images.
    pub input: InputKind,
    /// The first input image; `None` for label maps.
    pub input_image: Option<ImageKind>,
    /// Images, or depth maps: gray with 16 bits, for inputs with three channels.
    pub output: OutputKind,
    /// The first target; `None` if there is none or it can't be read.
    pub output_image: Option<ImageKind>,
    /// Whether there are instance maps.
    pub instances: bool,
}

/// What an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageKind {
    /// Channels, without alpha.
    pub channels: usize,
    /// Bits of each value.
    pub bits: u32,
    /// Whether the range of its type says little about its values: floating point, or 16 bits of which the largest value leaves
    /// more than half unused, as of a camera with 12 bits.
    pub needs_range: bool,
}

impl ImageKind {
    fn of(image: &Image) -> ImageKind {
        let needs_range = match image.samples() {
            Samples::U8(_) => false,
            Samples::U16(values) => values.iter().all(|&value| value < 1 << 15),
            Samples::F32(_) => true,
        };
        ImageKind { channels: image.channels(), bits: image.samples().bits(), needs_range }
    }
}

/// Detects what the dataset in a folder is; reads one pair.
///
/// # Errors
/// [`Error::Data`](crate::Error::Data) if no layout matches.
pub fn detect(dir: &Path) -> Result<Detected> {
    detect_as(dir, detect_layout(dir)?)
}

/// As [`detect`], of a dataset whose layout is known.
pub fn detect_as(dir: &Path, layout: Layout) -> Result<Detected> {
    let direction = direction(dir, &DataConfig { layout, ..DataConfig::default() });
    let input = input_kind(dir, layout, direction);
    let instances = has_instances(dir, layout, Sides { input, direction: direction.unwrap_or(Direction::AtoB) });
    let data = DataConfig { layout, direction, input, ..DataConfig::default() };
    let pairs = [Split::Train, Split::Val].map(|split| scan(dir, &data, split, true));
    let first = pairs.into_iter().flatten().flat_map(|(found, _)| found.examples).next();
    let image = |file: &Path| read_image(file, &ReadOptions::ANY).ok().map(|image| ImageKind::of(&image));
    let input_image = first.as_ref().filter(|_| input == InputKind::Image).and_then(|first| image(&first.input));
    let output_image = first.and_then(|first| image(first.target.as_deref()?));
    let is_depth = matches!(
        (input_image, output_image),
        (Some(ImageKind { channels: 3, .. }), Some(ImageKind { channels: 1, bits: 16, .. }))
    );
    let output = if is_depth { OutputKind::Depth } else { OutputKind::Image };
    Ok(Detected { layout, direction, input, input_image, output, output_image, instances })
}

/// Whether there are instance maps: in a folder of their own, or in that of Cityscapes.
fn has_instances(dir: &Path, layout: Layout, sides: Sides) -> bool {
    let of_split = |split| {
        let [inputs, _, instances] = rules(layout)?.split(dir, split, false, sides);
        Some(instances.is_dir() && instances != inputs)
    };
    dir.join("gtFine").is_dir() || [Split::Train, Split::Val].into_iter().filter_map(of_split).any(|has| has)
}

/// The classes of the label maps of a dataset, in which these ids were found: those that the layout's dataset has, if more than
/// half of them occur; else all up to the largest id. `data.classes` if ids are no classes.
pub fn count_classes(ids: &BTreeMap<u16, ClassCount>, data: &DataConfig) -> usize {
    let known = match data.layout {
        Layout::Facades => 13,
        Layout::Cityscapes | Layout::Pix2PixHd => 35,
        _ => 0,
    };
    let of = data.label_ids();
    let is_ignored = |id: &u16| of.class(*id).is_some_and(|class| usize::from(class) == of.classes);
    let found = || ids.keys().filter(|id| !is_ignored(id)).map(|&id| of.remapped(id));
    let needed = found().max().map_or(0, |largest| usize::from(largest) + 1);
    if (known / 2 + 1..=known).contains(&needed) {
        return known;
    }
    // With the fewest classes, what other keys would help?
    match LabelHint::new(found(), &LabelIds::from(2)) {
        None => 2,
        Some(hint) => match &hint.assignments[..] {
            [one] if *one == format!("data.classes={needed}") && needed + usize::from(data.ignore.is_some()) <= 256 => {
                needed
            }
            _ if needed <= data.classes => needed,
            _ => data.classes,
        },
    }
}

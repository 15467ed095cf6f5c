//! What a dataset is, by its folders and files: layout, kinds of input and output, classes.

use std::collections::BTreeMap;
use std::path::Path;

use super::array::ReadOptions;
use super::counts::ClassCount;
use super::decode::read_image;
use super::label_hint::LabelHint;
use super::layout::{Split, detect_layout, scan};
use crate::Result;
use crate::config::{DataConfig, InputKind, LabelIds, Layout, OutputKind};

/// Folders with inputs that are images, not label maps.
const IMAGE_INPUTS: [&str; 4] = ["inputs", "train/inputs", "val/inputs", "inputs/train"];

/// Folders with instance maps.
const INSTANCES: [&str; 6] = ["instances", "train/instances", "val/instances", "train_inst", "val_inst", "gtFine"];

/// What a dataset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detected {
    /// Which files belong together.
    pub layout: Layout,
    /// Label maps or images.
    pub input: InputKind,
    /// The first input image: channels and bits; `None` for label maps.
    pub input_image: Option<[usize; 2]>,
    /// Images, or depth maps: gray with 16 bits, for inputs with three channels.
    pub output: OutputKind,
    /// The first target: channels and bits; `None` if there is none or it can't be read.
    pub output_image: Option<[usize; 2]>,
    /// Whether there are instance maps.
    pub instances: bool,
}

/// Detects what the dataset in a folder is; reads one pair.
///
/// # Errors
/// [`Error::Data`](crate::Error::Data) if no layout matches.
pub fn detect(dir: &Path) -> Result<Detected> {
    let layout = detect_layout(dir)?;
    let has = |folders: &[&str]| folders.iter().any(|folder| dir.join(folder).is_dir());
    let is_image = layout == Layout::Pairs && has(&IMAGE_INPUTS);
    let input = if is_image { InputKind::Image } else { InputKind::Labels };
    let data = DataConfig { layout, input, ..DataConfig::default() };
    let pairs = [Split::Train, Split::Val].map(|split| scan(dir, &data, split, true));
    let first = pairs.into_iter().flatten().flat_map(|(pairs, _)| pairs).next();
    let image = |file: &Path| {
        let image = read_image(file, &ReadOptions::ANY).ok()?;
        Some([image.channels(), image.samples().bits() as usize])
    };
    let input_image = first.as_ref().filter(|_| is_image).and_then(|first| image(&first.input));
    let output_image = first.and_then(|first| image(first.target.as_deref()?));
    let is_depth = matches!((input_image, output_image), (Some([3, _]), Some([1, 16])));
    let output = if is_depth { OutputKind::Depth } else { OutputKind::Image };
    Ok(Detected { layout, input, input_image, output, output_image, instances: has(&INSTANCES) })
}

/// The classes of the label maps of a dataset, in which these ids were found: those that the layout's dataset has, if more than
/// half of them occur; else all up to the largest id. `data.classes` if ids are no classes.
pub fn count_classes(ids: &BTreeMap<u16, ClassCount>, data: &DataConfig) -> usize {
    let known = match data.layout {
        Layout::Facades => 13,
        Layout::Cityscapes => 35,
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

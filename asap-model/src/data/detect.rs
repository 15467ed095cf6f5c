//! What a dataset is, by its folders and files: layout, kinds of input and output, classes.

use std::collections::BTreeMap;
use std::path::Path;

use super::counts::ClassCount;
use super::decode::read_depth;
use super::label_hint::LabelHint;
use super::layout::{Split, detect_layout, scan};
use super::plane::Picture;
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
    /// Photos, or depth maps: gray images of 16 bits.
    pub output: OutputKind,
    /// Whether there are instance maps.
    pub instances: bool,
}

/// Detects what the dataset in a folder is; reads one target.
///
/// # Errors
/// [`Error::Data`](crate::Error::Data) if no layout matches.
pub fn detect(dir: &Path) -> Result<Detected> {
    let layout = detect_layout(dir)?;
    let has = |folders: &[&str]| folders.iter().any(|folder| dir.join(folder).is_dir());
    let is_image = layout == Layout::Pairs && has(&IMAGE_INPUTS);
    let mut found = Detected {
        layout,
        input: if is_image { InputKind::Rgb } else { InputKind::Labels },
        output: OutputKind::Rgb,
        instances: has(&INSTANCES),
    };
    let data = DataConfig { layout, input: found.input, ..DataConfig::default() };
    let pairs = [Split::Train, Split::Val].map(|split| scan(dir, &data, split, true));
    let target = pairs.into_iter().flatten().flat_map(|(pairs, _)| pairs).find_map(|pair| pair.target);
    if target.is_some_and(|file| matches!(read_depth(&file), Ok(Picture::Gray16(_)))) {
        found.output = OutputKind::Depth;
    }
    Ok(found)
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

//! Dataset layouts: how they are recognized, and where their files are.

use std::path::{Path, PathBuf};

use super::files::image_files;
use super::names::{Role, has_ending, name_below};
use super::problem::Problem;
use super::sides::are_side_by_side;
use crate::Result;
use crate::config::schema::either;
use crate::config::{Direction, InputKind, Layout};

/// A part of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Training pairs.
    Train,
    /// Validation pairs.
    Val,
}

impl Split {
    /// The name in folder names: `train`, `val`.
    pub fn name(self) -> &'static str {
        self.parts()[0]
    }

    /// The names that folders of this split have, the first that exists wins.
    fn parts(self) -> &'static [&'static str] {
        match self {
            Split::Train => &["train", "training"],
            Split::Val => &["val", "valid", "validation", TEST[0], TEST[1]],
        }
    }
}

/// Parts whose photos are often not published; without them they are not for validation.
const TEST: [&str; 2] = ["test", "testing"];

/// The files of one example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleFiles {
    /// The common part of the file names, with the folders below the dataset's but without extension; in Cityscapes
    /// CITY_SEQUENCE_FRAME.
    pub name: String,
    /// The label map or input image.
    pub input: PathBuf,
    /// The instance map, if `data.instances`.
    pub instances: Option<PathBuf>,
    /// The target, a photo or depth map; not needed for inference.
    pub target: Option<PathBuf>,
    /// Input and target are the halves of one file: from which to which.
    pub halves: Option<Direction>,
}

/// Folders of a dataset's part with inputs, targets and instance maps.
pub(super) type Folders = [PathBuf; 3];

/// What the input of a layout is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides {
    pub input: InputKind,
    pub direction: Direction,
}

/// Every way to take inputs from a dataset.
const SIDES: [Sides; 4] = [
    Sides { input: InputKind::Labels, direction: Direction::AtoB },
    Sides { input: InputKind::Labels, direction: Direction::BtoA },
    Sides { input: InputKind::Image, direction: Direction::AtoB },
    Sides { input: InputKind::Image, direction: Direction::BtoA },
];

/// A layout: how it is recognized, and where its files are. A new one is a new entry of [`LAYOUTS`].
pub(super) struct Rules {
    layout: Layout,
    /// What a dataset of this layout contains, for messages.
    looked_for: &'static str,
    /// The folders of a part such as `train`; without a part, those of a dataset that is not split. A dataset has this layout if
    /// the folder with inputs of one of its parts exists.
    pub folders: fn(&Path, Option<&str>, Sides) -> Option<Folders>,
    /// What else such a folder must be.
    is: fn(&Path) -> bool,
    /// Whether names are Cityscapes', whose files are matched without their folders.
    pub cityscapes_names: bool,
    /// Whether its sides are called A and B, so that `data.direction` decides which one is the input.
    pub has_direction: bool,
}

impl Rules {
    /// Whether a part has inputs and, if wanted, targets, whatever the configuration takes for these.
    fn has(&self, dir: &Path, part: Option<&str>, targets: bool) -> bool {
        let folders = SIDES.iter().filter_map(|&sides| (self.folders)(dir, part, sides));
        folders.into_iter().any(|[inputs, images, _]| inputs.is_dir() && (!targets || images.is_dir()))
    }

    fn part(&self, dir: &Path, split: Split, targets: bool) -> Option<&'static str> {
        split.parts().iter().copied().find(|part| self.has(dir, Some(part), targets && TEST.contains(part)))
    }

    /// The folders of a split. Without validation pairs, these are the training pairs; without any parts, all pairs.
    pub fn split(&self, dir: &Path, split: Split, targets: bool, sides: Sides) -> Folders {
        let parts = [split, Split::Train, Split::Val].map(|split| self.part(dir, split, targets));
        let part = match (split, parts) {
            (_, [Some(part), ..]) | (Split::Val, [_, Some(part), _]) => Some(part),
            (_, [_, _, Some(_)]) => Some(split.name()),
            _ => None,
        };
        let unsplit = || (self.folders)(dir, None, sides);
        let of_part = |part| (self.folders)(dir, Some(part), sides).expect("every layout has parts");
        match part {
            Some(part) => of_part(part),
            None => unsplit().unwrap_or_else(|| of_part(split.name())),
        }
    }

    fn is_layout_of(&self, dir: &Path) -> bool {
        let parts = [Split::Train, Split::Val].into_iter().flat_map(Split::parts).map(|&part| Some(part)).chain([None]);
        let folders = parts.flat_map(|part| SIDES.map(|sides| (self.folders)(dir, part, sides))).flatten();
        folders.into_iter().any(|[inputs, ..]| inputs.is_dir() && (self.is)(&inputs))
    }
}

const LAYOUTS: [Rules; 6] = [
    Rules {
        layout: Layout::Pix2PixHd,
        looked_for: "train_label, train_img with the names of Cityscapes",
        folders: |dir, part, _| {
            part.map(|part| ["label", "img", "inst"].map(|kind| dir.join(format!("{part}_{kind}"))))
        },
        is: has_cityscapes_names,
        cityscapes_names: true,
        has_direction: false,
    },
    Rules {
        layout: Layout::Facades,
        looked_for: "train_label, train_img, val_label, val_img",
        folders: |dir, part, _| {
            part.map(|part| ["label", "img", "inst"].map(|kind| dir.join(format!("{part}_{kind}"))))
        },
        is: |_| true,
        cityscapes_names: false,
        has_direction: false,
    },
    Rules {
        layout: Layout::Cityscapes,
        looked_for: "gtFine, leftImg8bit; train_labels, train_images",
        folders: |dir, part, _| {
            let part = part?;
            if dir.join("gtFine").is_dir() {
                return Some(["gtFine", "leftImg8bit", "gtFine"].map(|kind| dir.join(kind).join(part)));
            }
            let [labels, images, own] = ["labels", "images", "inst"].map(|kind| dir.join(format!("{part}_{kind}")));
            // The published code reads instance maps from among the label maps.
            let instances = if own.is_dir() { own } else { labels.clone() };
            Some([labels, images, instances])
        },
        is: |_| true,
        cityscapes_names: true,
        has_direction: false,
    },
    Rules {
        layout: Layout::Pairs,
        looked_for: "labels or inputs, images; train/labels, train/images; labels/train, images/train",
        folders: |dir, part, sides| {
            let [inputs, labels, images, instances] = [
                &["inputs", "input"][..],
                &["labels", "label", "masks", "annotations"],
                &["images", "image", "img", "photos"],
                &["instances", "inst"],
            ]
            .map(|names| place(dir, part, names));
            let from_images = sides.input != InputKind::Labels && (inputs.is_dir() || !labels.is_dir());
            Some([if from_images { inputs } else { labels }, images, instances])
        },
        is: |_| true,
        cityscapes_names: false,
        has_direction: false,
    },
    Rules {
        layout: Layout::Ab,
        looked_for: "A, B; A/train, B/train; train/A, train/B; trainA, trainB",
        folders: |dir, part, sides| {
            let [a, b] = ["A", "B"].map(|side| {
                let joined = part.map(|part| dir.join(format!("{part}{side}")));
                joined.filter(|folder| folder.is_dir()).unwrap_or_else(|| place(dir, part, &[side]))
            });
            let instances = place(dir, part, &["instances", "inst"]);
            Some(if sides.direction == Direction::AtoB { [a, b, instances] } else { [b, a, instances] })
        },
        is: |_| true,
        cityscapes_names: false,
        has_direction: true,
    },
    Rules {
        layout: Layout::SideBySide,
        looked_for: "train with images that are twice as wide as high, or half label map, pairs side by side",
        folders: |dir, part, _| {
            let pairs = part.map_or(dir.to_owned(), |part| dir.join(part));
            Some([pairs.clone(), pairs.clone(), pairs])
        },
        is: |folder| image_files(folder, Some(0)).is_ok_and(|files| are_side_by_side(&files)),
        cityscapes_names: false,
        has_direction: true,
    },
];

/// The folder of a part with one kind of file, which may have one of several names: `train/labels` or `labels/train`.
fn place(dir: &Path, part: Option<&str>, names: &[&str]) -> PathBuf {
    let orders = |name: &&str| match part {
        Some(part) => [dir.join(part).join(name), dir.join(name).join(part)],
        None => [dir.join(name), dir.join(name)],
    };
    if let Some(folder) = names.iter().flat_map(orders).find(|folder| folder.is_dir()) {
        return folder;
    }
    let [inside, outside] = orders(&names[0]);
    if part.is_some_and(|part| dir.join(part).is_dir()) { inside } else { outside }
}

fn has_cityscapes_names(folder: &Path) -> bool {
    let is_named_so = |file: &PathBuf| name_below(folder, file).is_some_and(|name| has_ending(&name, Role::Input));
    image_files(folder, None).is_ok_and(|files| files.iter().any(is_named_so))
}

/// The rules of a layout; `None` for synthetic data, which is not on disk.
pub(super) fn rules(layout: Layout) -> Option<&'static Rules> {
    LAYOUTS.iter().find(|rules| rules.layout == layout)
}

/// The layouts that are read from folders, as values of `data.layout`.
pub(super) fn names_of_layouts() -> String {
    let names: Vec<String> = LAYOUTS.iter().map(|rules| format!("\"{}\"", rules.layout.name())).collect();
    either(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Detects the layout of a dataset by the names of its folders and, for pairs side by side, the shape of its images.
///
/// # Errors
/// [`Error::Data`](crate::Error::Data) if no layout matches; the message lists what was looked for.
pub fn detect_layout(dir: &Path) -> Result<Layout> {
    if !dir.is_dir() {
        return Err(Problem::new(dir, "is not a folder; give the folder of a dataset").into());
    }
    let found = LAYOUTS.iter().find(|rules| rules.is_layout_of(dir));
    found.map(|rules| rules.layout).ok_or_else(|| {
        let looked_for = LAYOUTS.iter().map(|rules| format!("{} ({})", rules.looked_for, rules.layout.name()));
        let looked_for = looked_for.collect::<Vec<_>>().join("; ");
        let problem = format!(
            "has no recognized dataset layout; looked for these folders, also with val or test for train: {looked_for}"
        );
        Problem::new(dir, problem).into()
    })
}

/// The layout of a dataset for a configuration of this layout: as [`detect_layout`], but pairs side by side may have any shape
/// where they are expected.
pub fn layout_for(dir: &Path, configured: Layout) -> Result<Layout> {
    match detect_layout(dir) {
        Err(_) if configured == Layout::SideBySide && dir.is_dir() => Ok(Layout::SideBySide),
        found => found,
    }
}

/// Whether a dataset has validation pairs of its own. If not, its training pairs are used for validation.
pub fn is_split(dir: &Path, layout: Layout) -> bool {
    rules(layout).is_some_and(|rules| rules.part(dir, Split::Val, true).is_some())
}

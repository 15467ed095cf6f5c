//! Which files of a folder make pairs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::fault::Fault;
use crate::config::{DataConfig, Input, Layout, Output};
use crate::{Error, Result};

/// Which part of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// The pictures to train on.
    Train,
    /// The pictures to measure on.
    Val,
}

impl Split {
    /// The name in folder names: `train`, `val`.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Val => "val",
        }
    }
}

/// How deep Cityscapes' city folders may lie below their split's folder.
const MAX_DEPTH: usize = 3;

/// Endings of Cityscapes file names after CITY_SEQUENCE_FRAME.
const PHOTO: [&str; 1] = ["_leftImg8bit"];
const LABELS: [&str; 3] = ["_gtFine_labelIds", "_gtCoarse_labelIds", "_labelIds"];
const INSTANCES: [&str; 3] = ["_gtFine_instanceIds", "_gtCoarse_instanceIds", "_instanceIds"];
/// Endings of Cityscapes pictures that are neither: colours, and ids for other purposes.
const OTHERS: [&str; 4] = ["_color", "_labelTrainIds", "_instanceTrainIds", "_labelLevel3Ids"];

/// The files of one picture that a network is fed: what inference needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFiles {
    /// What the files have in common: the file name without its ending, in Cityscapes CITY_SEQUENCE_FRAME.
    pub name: String,
    /// The label map or RGB input.
    pub input: PathBuf,
    /// The instance map, where the configuration asks for one.
    pub instances: Option<PathBuf>,
}

/// The files of one picture with the photo that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// What the files have in common: the file name without its ending, in Cityscapes CITY_SEQUENCE_FRAME.
    pub name: String,
    /// The label map or RGB input.
    pub input: PathBuf,
    /// The instance map, where the configuration asks for one.
    pub instances: Option<PathBuf>,
    /// The photo or depth map to draw.
    pub image: PathBuf,
}

/// What a folder holds: pairs in order of their names, and what is wrong.
pub(crate) struct Scan<T> {
    pub found: Vec<T>,
    pub faults: Vec<Fault>,
}

/// The layout of a data set, by the names of its folders.
///
/// # Errors
/// [`Error::Data`] if `dir` is no folder, or if its folders fit no layout; the message lists what was looked for.
pub fn detect_layout(dir: &Path) -> Result<Layout> {
    if !dir.is_dir() {
        return Err(Fault::new(dir, "is not a folder; give the folder of a data set").into());
    }
    let has = |names: &[&str]| names.iter().any(|name| dir.join(name).is_dir());
    if has(&["train_label", "val_label"]) {
        Ok(Layout::Facades)
    } else if has(&["gtFine", "train_labels", "val_labels"]) {
        Ok(Layout::Cityscapes)
    } else if has(&["labels", "inputs", "train/labels", "train/inputs", "val/labels", "val/inputs"]) {
        Ok(Layout::Pairs)
    } else {
        Err(Fault::new(
            dir,
            "holds no data set that is known; looked for train_label or val_label (facades), gtFine, train_labels or val_labels (Cityscapes), \
             labels or inputs, also inside train and val (pairs)",
        )
        .into())
    }
}

/// Whether training and validation pictures of a data set lie apart. Only plain pairs can be without.
pub fn is_split(dir: &Path, layout: Layout) -> bool {
    layout != Layout::Pairs || dir.join("train").is_dir() || dir.join("val").is_dir()
}

/// The input files of one split, in order of their names; photos need not be there.
///
/// # Errors
/// [`Error::Data`] for the first missing folder, partner, or doubled name; [`Error::Config`] for a configuration that can't be used.
pub fn discover_inputs(dir: &Path, data: &DataConfig, split: Split) -> Result<Vec<InputFiles>> {
    validate(data)?;
    first_fault(scan_inputs(dir, data, split))
}

/// The pairs of one split, in order of their names.
pub(crate) fn discover_pairs(dir: &Path, data: &DataConfig, split: Split) -> Result<Vec<Pair>> {
    validate(data)?;
    first_fault(scan_pairs(dir, data, split))
}

/// Refuses a configuration that can't be read from a folder.
pub(crate) fn validate(data: &DataConfig) -> Result<()> {
    data.validate()?;
    if data.layout == Layout::Synthetic {
        return Err(Error::Config {
            origin: "configuration".to_string(),
            problem: "data.layout is \"synthetic\", which is not read from a folder: set it to \"facades\", \"cityscapes\" or \"pairs\""
                .to_string(),
        });
    }
    Ok(())
}

fn first_fault<T>(scan: Scan<T>) -> Result<Vec<T>> {
    match scan.faults.into_iter().next() {
        Some(fault) => Err(fault.into()),
        None => Ok(scan.found),
    }
}

/// The folder and the name endings of one kind of file.
struct Place {
    what: &'static str,
    dir: PathBuf,
    endings: &'static [&'static str],
}

/// Where the files of one split lie.
struct Places {
    input: Place,
    image: Place,
    instances: Place,
    depth: usize,
}

fn places(dir: &Path, data: &DataConfig, split: Split) -> Places {
    let what = match data.input {
        Input::Labels => "label map",
        Input::Rgb => "input picture",
    };
    let photo = match data.output {
        Output::Rgb => "photo",
        Output::Depth => "depth map",
    };
    let place = |what, dir: PathBuf, endings| Place { what, dir, endings };
    let split_name = split.name();
    let beside = |name: &str| dir.join(format!("{split_name}_{name}"));
    match data.layout {
        Layout::Facades => Places {
            input: place(what, beside("label"), &[]),
            image: place(photo, beside("img"), &[]),
            instances: place("instance map", beside("inst"), &[]),
            depth: 0,
        },
        Layout::Cityscapes if dir.join("gtFine").is_dir() => Places {
            input: place(what, dir.join("gtFine").join(split_name), &LABELS),
            image: place(photo, dir.join("leftImg8bit").join(split_name), &PHOTO),
            instances: place("instance map", dir.join("gtFine").join(split_name), &INSTANCES),
            depth: MAX_DEPTH,
        },
        Layout::Cityscapes => {
            // The published code reads instance maps from among the label maps.
            let own = beside("inst");
            let instances = if own.is_dir() { own } else { beside("labels") };
            Places {
                input: place(what, beside("labels"), &LABELS),
                image: place(photo, beside("images"), &PHOTO),
                instances: place("instance map", instances, &INSTANCES),
                depth: MAX_DEPTH,
            }
        }
        Layout::Pairs | Layout::Synthetic => {
            let base = if is_split(dir, Layout::Pairs) { dir.join(split_name) } else { dir.to_path_buf() };
            let [inputs, labels] = ["inputs", "labels"].map(|folder| base.join(folder));
            let input = if data.input == Input::Rgb && (inputs.is_dir() || !labels.is_dir()) { inputs } else { labels };
            Places {
                input: place(what, input, &[]),
                image: place(photo, base.join("images"), &[]),
                instances: place("instance map", base.join("instances"), &[]),
                depth: 0,
            }
        }
    }
}

pub(crate) fn scan_inputs(dir: &Path, data: &DataConfig, split: Split) -> Scan<InputFiles> {
    let places = places(dir, data, split);
    let mut faults = Vec::new();
    let inputs = list(&places.input, places.depth, &mut faults);
    let instances = data.instances.then(|| list(&places.instances, places.depth, &mut faults));
    let mut found = Vec::new();
    for (name, input) in &inputs {
        let partner = instances.as_ref().map(|files| files.get(name));
        match partner {
            Some(None) => faults.push(missing(input, &places.instances, name)),
            _ => found.push(InputFiles {
                name: name.clone(),
                input: input.clone(),
                instances: partner.flatten().cloned(),
            }),
        }
    }
    if inputs.is_empty() && faults.is_empty() {
        faults.push(Fault::new(&places.input.dir, format!("holds no {}", places.input.what)));
    }
    Scan { found, faults }
}

pub(crate) fn scan_pairs(dir: &Path, data: &DataConfig, split: Split) -> Scan<Pair> {
    let places = places(dir, data, split);
    let mut faults = Vec::new();
    let inputs = list(&places.input, places.depth, &mut faults);
    let images = list(&places.image, places.depth, &mut faults);
    let instances = data.instances.then(|| list(&places.instances, places.depth, &mut faults));
    // A missing folder is one fault, not one for each of its files.
    let folders_exist = faults.is_empty();
    let names: BTreeSet<&String> = inputs.keys().chain(images.keys()).collect();
    let mut found = Vec::new();
    for name in &names {
        let (input, image) = (inputs.get(*name), images.get(*name));
        let partner = instances.as_ref().map(|files| files.get(*name));
        match (input, image, partner) {
            (Some(input), Some(image), None | Some(Some(_))) => found.push(Pair {
                name: (*name).clone(),
                input: input.clone(),
                instances: partner.flatten().cloned(),
                image: image.clone(),
            }),
            _ if !folders_exist => {}
            (Some(input), None, _) => faults.push(missing(input, &places.image, name)),
            (None, Some(image), _) => faults.push(missing(image, &places.input, name)),
            (Some(input), Some(_), _) => faults.push(missing(input, &places.instances, name)),
            (None, None, _) => {}
        }
    }
    if names.is_empty() && faults.is_empty() {
        faults.push(Fault::new(&places.input.dir, format!("holds no {}", places.input.what)));
    }
    Scan { found, faults }
}

fn missing(file: &Path, partner: &Place, name: &str) -> Fault {
    let ending = partner.endings.first().unwrap_or(&"");
    Fault::new(
        file,
        format!("has no {}: looked for {name}{ending}.png (or .jpg) in {}", partner.what, partner.dir.display()),
    )
}

/// The pictures of a place by name.
fn list(place: &Place, depth: usize, faults: &mut Vec<Fault>) -> BTreeMap<String, PathBuf> {
    let mut files = Vec::new();
    if !place.dir.is_dir() {
        faults.push(Fault::new(
            &place.dir,
            format!("is not there; a folder with the {} of every pair is needed", place.what),
        ));
        return BTreeMap::new();
    }
    if let Err(error) = walk(&place.dir, depth, &mut files) {
        faults.push(error);
    }
    files.sort();
    let mut by_name: BTreeMap<String, PathBuf> = BTreeMap::new();
    for file in files {
        if file.file_stem().is_some_and(|stem| stem.to_str().is_none()) {
            faults.push(Fault::new(&file, "has a name that is not Unicode: rename it"));
            continue;
        }
        let Some(name) = name_in(&file, place.endings) else { continue };
        if let Some(other) = by_name.get(&name) {
            faults.push(Fault::new(
                &file,
                format!("has the same name as {}; which one belongs to the pair? Remove the other", other.display()),
            ));
        } else {
            by_name.insert(name, file);
        }
    }
    by_name
}

/// The name that a file shares with its partners; `None` for files of another kind. Where `endings` are given, a file has one of
/// them or, named plainly, none of those that Cityscapes knows.
fn name_in(file: &Path, endings: &[&str]) -> Option<String> {
    let stem = file.file_stem()?.to_str()?;
    if endings.is_empty() {
        return Some(stem.to_string());
    }
    if let Some(name) = endings.iter().find_map(|ending| stem.strip_suffix(ending)) {
        return Some(name.to_string());
    }
    let known = PHOTO.iter().chain(&LABELS).chain(&INSTANCES).chain(&OTHERS);
    let plain = known.into_iter().all(|ending| !stem.ends_with(ending));
    plain.then(|| stem.to_string())
}

/// All visible JPEG and PNG files below a folder.
fn walk(dir: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Fault> {
    let failed = |e: std::io::Error| Fault::new(dir, format!("cannot list the folder: {e}"));
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            continue;
        }
        if path.is_dir() {
            if depth > 0 {
                walk(&path, depth - 1, files)?;
            }
            continue;
        }
        let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        if extension.is_some_and(|e| ["png", "jpg", "jpeg"].contains(&e.as_str())) {
            files.push(path);
        }
    }
    Ok(())
}

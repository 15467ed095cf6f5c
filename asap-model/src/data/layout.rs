//! Dataset layouts: which files of a folder belong together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::problem::Problem;
use crate::config::{DataConfig, Input, Layout, Output};
use crate::{Error, Result};

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
        match self {
            Split::Train => "train",
            Split::Val => "val",
        }
    }
}

/// Maximum depth of Cityscapes' city folders below their split's folder.
const MAX_DEPTH: usize = 3;

/// Endings of Cityscapes file names after CITY_SEQUENCE_FRAME.
const PHOTO: [&str; 1] = ["_leftImg8bit"];
const LABELS: [&str; 3] = ["_gtFine_labelIds", "_gtCoarse_labelIds", "_labelIds"];
const INSTANCES: [&str; 3] = ["_gtFine_instanceIds", "_gtCoarse_instanceIds", "_instanceIds"];
/// Endings of other Cityscapes pictures: colors, and ids for other purposes.
const OTHERS: [&str; 4] = ["_color", "_labelTrainIds", "_instanceTrainIds", "_labelLevel3Ids"];

/// The input files of one pair: what inference needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFiles {
    /// The common part of the file names, without extension; in Cityscapes CITY_SEQUENCE_FRAME.
    pub name: String,
    /// The label map or RGB input.
    pub input: PathBuf,
    /// The instance map, if `data.instances`.
    pub instances: Option<PathBuf>,
}

/// The files of one pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The common part of the file names, without extension; in Cityscapes CITY_SEQUENCE_FRAME.
    pub name: String,
    /// The label map or RGB input.
    pub input: PathBuf,
    /// The instance map, if `data.instances`.
    pub instances: Option<PathBuf>,
    /// The target: a photo or depth map.
    pub image: PathBuf,
}

/// The contents of a folder, ordered by name, and its problems.
pub(crate) struct Scan<T> {
    pub found: Vec<T>,
    pub problems: Vec<Problem>,
}

/// Detects the layout of a dataset by the names of its folders.
///
/// # Errors
/// [`Error::Data`] if no layout matches; the message lists what was looked for.
pub fn detect_layout(dir: &Path) -> Result<Layout> {
    if !dir.is_dir() {
        return Err(Problem::new(dir, "is not a folder; give the folder of a dataset").into());
    }
    let has = |names: &[&str]| names.iter().any(|name| dir.join(name).is_dir());
    if has(&["train_label", "val_label"]) {
        Ok(Layout::Facades)
    } else if has(&["gtFine", "train_labels", "val_labels"]) {
        Ok(Layout::Cityscapes)
    } else if has(&["labels", "inputs", "train/labels", "train/inputs", "val/labels", "val/inputs"]) {
        Ok(Layout::Pairs)
    } else {
        Err(Problem::new(
            dir,
            "has no recognized dataset layout; looked for train_label or val_label (facades), gtFine, train_labels or val_labels (Cityscapes), \
             labels or inputs, also in train and val (pairs)",
        )
        .into())
    }
}

/// Whether a dataset has separate training and validation pairs. Only the pairs layout can be without.
pub fn is_split(dir: &Path, layout: Layout) -> bool {
    layout != Layout::Pairs || dir.join("train").is_dir() || dir.join("val").is_dir()
}

/// The input files of one split, ordered by name; photos may be missing.
pub fn discover_inputs(dir: &Path, data: &DataConfig, split: Split) -> Result<Vec<InputFiles>> {
    validate(data)?;
    first_problem(scan_inputs(dir, data, split))
}

/// The pairs of one split, ordered by name.
pub(crate) fn discover_pairs(dir: &Path, data: &DataConfig, split: Split) -> Result<Vec<Pair>> {
    validate(data)?;
    first_problem(scan_pairs(dir, data, split))
}

/// Rejects a configuration that can't be read from a folder.
pub(crate) fn validate(data: &DataConfig) -> Result<()> {
    data.validate()?;
    if data.layout == Layout::Synthetic {
        return Err(Error::Config {
            origin: "configuration".to_string(),
            problem: "data.layout = \"synthetic\" is not read from a folder: set it to \"facades\", \"cityscapes\" or \"pairs\""
                .to_string(),
        });
    }
    Ok(())
}

fn first_problem<T>(scan: Scan<T>) -> Result<Vec<T>> {
    match scan.problems.into_iter().next() {
        Some(problem) => Err(problem.into()),
        None => Ok(scan.found),
    }
}

/// The folder and file name endings of one kind of file.
struct Place {
    what: &'static str,
    dir: PathBuf,
    endings: &'static [&'static str],
}

/// The folders of one split.
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
    let mut problems = Vec::new();
    let inputs = list(&places.input, places.depth, &mut problems);
    let instances = data.instances.then(|| list(&places.instances, places.depth, &mut problems));
    let mut found = Vec::new();
    for (name, input) in &inputs {
        let partner = instances.as_ref().map(|files| files.get(name));
        match partner {
            Some(None) => problems.push(missing(input, &places.instances, name)),
            _ => found.push(InputFiles {
                name: name.clone(),
                input: input.clone(),
                instances: partner.flatten().cloned(),
            }),
        }
    }
    if inputs.is_empty() && problems.is_empty() {
        problems.push(Problem::new(&places.input.dir, format!("contains no {}", places.input.what)));
    }
    Scan { found, problems }
}

pub(crate) fn scan_pairs(dir: &Path, data: &DataConfig, split: Split) -> Scan<Pair> {
    let places = places(dir, data, split);
    let mut problems = Vec::new();
    let inputs = list(&places.input, places.depth, &mut problems);
    let images = list(&places.image, places.depth, &mut problems);
    let instances = data.instances.then(|| list(&places.instances, places.depth, &mut problems));
    // A missing folder is one problem, not one for each of its files.
    let folders_exist = problems.is_empty();
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
            (Some(input), None, _) => problems.push(missing(input, &places.image, name)),
            (None, Some(image), _) => problems.push(missing(image, &places.input, name)),
            (Some(input), Some(_), _) => problems.push(missing(input, &places.instances, name)),
            (None, None, _) => {}
        }
    }
    if names.is_empty() && problems.is_empty() {
        problems.push(Problem::new(&places.input.dir, format!("contains no {}", places.input.what)));
    }
    Scan { found, problems }
}

fn missing(file: &Path, partner: &Place, name: &str) -> Problem {
    let ending = partner.endings.first().unwrap_or(&"");
    Problem::new(
        file,
        format!("has no {}: looked for {name}{ending}.png (or .jpg) in {}", partner.what, partner.dir.display()),
    )
}

/// The pictures of a folder, by name.
fn list(place: &Place, depth: usize, problems: &mut Vec<Problem>) -> BTreeMap<String, PathBuf> {
    let mut files = Vec::new();
    if !place.dir.is_dir() {
        problems.push(Problem::new(
            &place.dir,
            format!("does not exist; it must contain the {} of every pair", place.what),
        ));
        return BTreeMap::new();
    }
    if let Err(error) = walk(&place.dir, depth, &mut files) {
        problems.push(error);
    }
    files.sort();
    let mut by_name: BTreeMap<String, PathBuf> = BTreeMap::new();
    for file in files {
        if file.file_stem().is_some_and(|stem| stem.to_str().is_none()) {
            problems.push(Problem::new(&file, "has a name that is not valid Unicode; rename it"));
            continue;
        }
        let Some(name) = name_in(&file, place.endings) else { continue };
        if let Some(other) = by_name.get(&name) {
            problems.push(Problem::new(
                &file,
                format!("has the same name as {}; remove the one that does not belong to the pair", other.display()),
            ));
        } else {
            by_name.insert(name, file);
        }
    }
    by_name
}

/// The name that the files of a pair share; `None` for files of another kind. With `endings`, a file must have one of them, or none
/// of Cityscapes'.
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
fn walk(dir: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Problem> {
    let failed = |e: std::io::Error| Problem::new(dir, format!("cannot list the folder: {e}"));
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

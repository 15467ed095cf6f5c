//! Dataset layouts: which files of a folder belong together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::files::image_files;
use super::problem::Problem;
use crate::config::{DataConfig, InputKind, Layout, OutputKind};
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

/// The files of one example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleFiles {
    /// The common part of the file names, without extension; in Cityscapes CITY_SEQUENCE_FRAME.
    pub name: String,
    /// The label map or input image.
    pub input: PathBuf,
    /// The instance map, if `data.instances`.
    pub instances: Option<PathBuf>,
    /// The target, a photo or depth map; not needed for inference.
    pub target: Option<PathBuf>,
}

/// A layout: how it is recognized, and where its files are. A new one is a new entry of [`LAYOUTS`].
struct Rules {
    layout: Layout,
    /// A dataset with one of these folders has this layout.
    marks: &'static [&'static str],
    /// The folders of a split with inputs, targets and instance maps.
    folders: fn(&Path, &str, InputKind) -> [PathBuf; 3],
    /// How the names of those files may end. A file must have one of these endings, or none of `endings` and `others`.
    endings: [&'static [&'static str]; 3],
    /// Endings of files that are none of these.
    others: &'static [&'static str],
    /// Maximum depth of folders below a split's folder.
    depth: usize,
}

const LAYOUTS: [Rules; 3] = [
    Rules {
        layout: Layout::Facades,
        marks: &["train_label", "val_label"],
        folders: |dir, split, _| ["label", "img", "inst"].map(|kind| dir.join(format!("{split}_{kind}"))),
        endings: [&[]; 3],
        others: &[],
        depth: 0,
    },
    Rules {
        layout: Layout::Cityscapes,
        marks: &["gtFine", "train_labels", "val_labels"],
        folders: |dir, split, _| {
            if dir.join("gtFine").is_dir() {
                return ["gtFine", "leftImg8bit", "gtFine"].map(|kind| dir.join(kind).join(split));
            }
            let [labels, images, own] = ["labels", "images", "inst"].map(|kind| dir.join(format!("{split}_{kind}")));
            // The published code reads instance maps from among the label maps.
            let instances = if own.is_dir() { own } else { labels.clone() };
            [labels, images, instances]
        },
        // What follows CITY_SEQUENCE_FRAME.
        endings: [
            &["_gtFine_labelIds", "_gtCoarse_labelIds", "_labelIds"],
            &["_leftImg8bit"],
            &["_gtFine_instanceIds", "_gtCoarse_instanceIds", "_instanceIds"],
        ],
        others: &["_color", "_labelTrainIds", "_instanceTrainIds", "_labelLevel3Ids"],
        depth: 3,
    },
    Rules {
        layout: Layout::Pairs,
        marks: &["labels", "inputs", "train/labels", "train/inputs", "val/labels", "val/inputs"],
        folders: |dir, split, input| {
            let dir = if is_split(dir, Layout::Pairs) { dir.join(split) } else { dir.to_path_buf() };
            let [inputs, labels, images, instances] =
                ["inputs", "labels", "images", "instances"].map(|kind| dir.join(kind));
            let rgb = input == InputKind::Image && (inputs.is_dir() || !labels.is_dir());
            [if rgb { inputs } else { labels }, images, instances]
        },
        endings: [&[]; 3],
        others: &[],
        depth: 0,
    },
];

/// Detects the layout of a dataset by the names of its folders.
///
/// # Errors
/// [`Error::Data`] if no layout matches; the message lists what was looked for.
pub fn detect_layout(dir: &Path) -> Result<Layout> {
    if !dir.is_dir() {
        return Err(Problem::new(dir, "is not a folder; give the folder of a dataset").into());
    }
    let found = LAYOUTS.iter().find(|rules| rules.marks.iter().any(|mark| dir.join(mark).is_dir()));
    found.map(|rules| rules.layout).ok_or_else(|| {
        let looked_for = LAYOUTS.iter().map(|rules| format!("{} ({})", rules.marks.join(", "), rules.layout.name()));
        let looked_for = looked_for.collect::<Vec<_>>().join("; ");
        Problem::new(dir, format!("has no recognized dataset layout; looked for the folders {looked_for}")).into()
    })
}

/// Whether a dataset has separate training and validation pairs. Only the pairs layout can be without.
pub fn is_split(dir: &Path, layout: Layout) -> bool {
    layout != Layout::Pairs || dir.join("train").is_dir() || dir.join("val").is_dir()
}

/// The input files of one split, ordered by name; targets may be missing.
pub fn discover_inputs(dir: &Path, data: &DataConfig, split: Split) -> Result<Vec<ExampleFiles>> {
    discover(dir, data, split, false)
}

/// The files of one split, ordered by name; the first problem is an error.
pub(crate) fn discover(dir: &Path, data: &DataConfig, split: Split, targets: bool) -> Result<Vec<ExampleFiles>> {
    let (found, problems) = scan(dir, data, split, targets)?;
    match problems.into_iter().next() {
        Some(problem) => Err(problem.into()),
        None => Ok(found),
    }
}

/// One kind of file in a split.
struct FileKind {
    what: &'static str,
    dir: PathBuf,
    endings: &'static [&'static str],
    /// By name.
    files: BTreeMap<String, PathBuf>,
}

/// The files of one split, ordered by name, and all problems.
///
/// # Errors
/// [`Error::Config`] for a configuration that can't be read from a folder.
pub(crate) fn scan(
    dir: &Path,
    data: &DataConfig,
    split: Split,
    targets: bool,
) -> Result<(Vec<ExampleFiles>, Vec<Problem>)> {
    data.validate()?;
    let Some(rules) = LAYOUTS.iter().find(|rules| rules.layout == data.layout) else {
        let problem =
            "data.layout = \"synthetic\" is not read from a folder: set it to \"facades\", \"cityscapes\" or \"pairs\"";
        return Err(Error::Config { origin: "configuration".into(), problem: problem.into() });
    };
    let input = if data.input == InputKind::Labels { "label map" } else { "input image" };
    let target = if data.output == OutputKind::Image { "photo" } else { "depth map" };
    let folders = (rules.folders)(dir, split.name(), data.input);
    let mut problems = Vec::new();
    let mut list = |place: usize, what, wanted: bool| {
        wanted.then(|| FileKind::list(what, folders[place].clone(), rules, rules.endings[place], &mut problems))
    };
    let kinds = [list(0, input, true), list(1, target, targets), list(2, "instance map", data.instances)];

    // A missing folder is one problem, not one for each of its files.
    let folders_exist = problems.is_empty();
    let names: BTreeSet<&String> = kinds[..2].iter().flatten().flat_map(|kind| kind.files.keys()).collect();
    let mut found = Vec::new();
    for name in &names {
        let files = kinds.each_ref().map(|kind| kind.as_ref().and_then(|kind| kind.files.get(*name)));
        let missing = kinds.iter().flatten().find(|kind| !kind.files.contains_key(*name));
        match (missing, files) {
            (None, [Some(input), target, instances]) => found.push(ExampleFiles {
                name: (*name).clone(),
                input: input.clone(),
                instances: instances.cloned(),
                target: target.cloned(),
            }),
            (Some(kind), files) if folders_exist => {
                problems.extend(files.into_iter().flatten().next().map(|file| kind.missing(file, name)));
            }
            _ => {}
        }
    }
    if let (true, true, Some(inputs)) = (names.is_empty(), problems.is_empty(), &kinds[0]) {
        problems.push(Problem::new(&inputs.dir, format!("contains no {}", inputs.what)));
    }
    Ok((found, problems))
}

impl FileKind {
    fn list(
        what: &'static str,
        dir: PathBuf,
        rules: &Rules,
        endings: &'static [&'static str],
        problems: &mut Vec<Problem>,
    ) -> FileKind {
        let mut by_name = BTreeMap::<String, PathBuf>::new();
        let files = match dir.is_dir() {
            true => image_files(&dir, Some(rules.depth)).map_err(|error| Problem::of(&dir, error)),
            false => Err(Problem::new(&dir, format!("does not exist; it must contain the {what} of every pair"))),
        };
        for file in files.unwrap_or_else(|problem| {
            problems.push(problem);
            Vec::new()
        }) {
            let Some(stem) = file.file_stem().and_then(|stem| stem.to_str()) else {
                problems.push(Problem::new(&file, "has a name that is not valid Unicode; rename it"));
                continue;
            };
            let all = rules.endings.into_iter().flatten().chain(rules.others);
            let name = match endings.iter().find_map(|ending| stem.strip_suffix(ending)) {
                Some(name) => name.to_string(),
                None if all.into_iter().any(|ending| stem.ends_with(ending)) => continue,
                None => stem.to_string(),
            };
            if let Some(other) = by_name.get(&name) {
                let other = other.display();
                let problem = format!("has the same name as {other}; remove the one that does not belong to the pair");
                problems.push(Problem::new(&file, problem));
            } else {
                by_name.insert(name, file);
            }
        }
        FileKind { what, dir, endings, files: by_name }
    }

    /// The problem of a file without a partner of this kind.
    fn missing(&self, file: &Path, name: &str) -> Problem {
        let (what, ending, dir) = (self.what, self.endings.first().unwrap_or(&""), self.dir.display());
        Problem::new(file, format!("has no {what}: looked for {name}{ending}.png (or .jpg) in {dir}"))
    }
}

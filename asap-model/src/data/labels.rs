//! Label maps: from the ids of a file to classes.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::decode::{label_ids_of, read_bytes};
use super::label_colors::read_label_ids;
use super::label_hint::LabelHint;
use super::layout::ExampleFiles;
use super::plane::{LabelMap, Plane};
use super::problem::Problem;
use crate::Result;
use crate::config::{DataConfig, LabelIds};

/// Maximum number of out-of-range ids reported one by one; a depth map read as a label map has thousands.
const REPORTED: usize = 20;

/// The pixels of an id in a label map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdCount {
    /// The id, as it is in the file.
    pub id: u16,
    /// The number of pixels.
    pub pixels: u64,
    /// [x, y] of the first one.
    pub first: [usize; 2],
}

/// Reads a label map: a gray or palette image whose raw values are ids of `ids`, a number of classes or
/// [`DataConfig::label_ids`](crate::config::DataConfig::label_ids).
pub fn read_labels(file: &Path, ids: impl Into<LabelIds>) -> Result<LabelMap> {
    labels_of(&read_bytes(file)?, file, ids)
}

/// As [`read_labels`], from the bytes of a file; `file` names them in errors.
pub fn labels_of(bytes: &[u8], file: &Path, ids: impl Into<LabelIds>) -> Result<LabelMap> {
    classes_of(&label_ids_of(bytes, file)?, file, &ids.into())
}

/// As [`read_labels`], also from an RGB image, by `data.colors`.
pub(super) fn read_label_map(files: &ExampleFiles, data: &DataConfig) -> Result<LabelMap> {
    let (map, problems) = read_label_ids(files, data)?;
    match problems.into_iter().next() {
        Some(problem) => Err(problem.into()),
        None => classes_of(&map, &files.input, &data.label_ids()),
    }
}

/// The classes of ids; `file` names them in errors.
fn classes_of(map: &Plane<u16>, file: &Path, ids: &LabelIds) -> Result<LabelMap> {
    let largest = map.data.iter().copied().max().unwrap_or(0);
    let classes: Vec<Option<u8>> = (0..=largest).map(|id| ids.class(id)).collect();
    let data: Option<Vec<u8>> = map.data.iter().map(|&id| classes[usize::from(id)]).collect();
    match data {
        Some(data) => Ok(Plane { height: map.height, width: map.width, data }),
        None => {
            let counts = id_counts(map);
            let mut problems = label_problems(file, &counts, ids);
            let mut problem = problems.swap_remove(0);
            if let Some(hint) = LabelHint::new(counts.iter().map(|count| count.id), ids) {
                problem.message += &format!("; {hint}");
            }
            Err(problem.into())
        }
    }
}

/// The ids of a label map, in order.
pub(super) fn id_counts(map: &Plane<u16>) -> Vec<IdCount> {
    let mut counts: BTreeMap<u16, (u64, usize)> = BTreeMap::new();
    let mut start = 0;
    for run in map.data.chunk_by(|a, b| a == b) {
        counts.entry(run[0]).or_insert((0, start)).0 += run.len() as u64;
        start += run.len();
    }
    let place = |first: usize| [first % map.width, first / map.width];
    counts.into_iter().map(|(id, (pixels, first))| IdCount { id, pixels, first: place(first) }).collect()
}

/// One problem for each id that is no class, with its first pixel and the number of pixels, in the order of those pixels.
pub(super) fn label_problems(file: &Path, counts: &[IdCount], ids: &LabelIds) -> Vec<Problem> {
    let mut wrong: Vec<&IdCount> = counts.iter().filter(|count| ids.class(count.id).is_none()).collect();
    wrong.sort_by_key(|IdCount { first: [x, y], .. }| (*y, *x));
    let classes = ids.classes;
    let problem = |&&IdCount { id, pixels, first: [x, y] }: &&IdCount| {
        let others = if pixels > 1 { format!(" (and {} more pixels)", pixels - 1) } else { String::new() };
        let remapped = match ids.remapped(id) {
            to if to == id => String::new(),
            to => format!(", by data.remap {to}"),
        };
        let message = format!(
            "pixel ({x}, {y}) has label {id}{others}{remapped}, but data.classes = {classes} allows 0 to {}",
            classes - 1
        );
        Problem { file: file.to_path_buf(), message, pixel: Some([x, y]), value: Some(id.into()) }
    };
    let mut problems: Vec<Problem> = wrong.iter().take(REPORTED).map(problem).collect();
    if let Some(others @ 1..) = wrong.len().checked_sub(REPORTED) {
        problems
            .push(Problem::new(file, format!("has {others} more labels out of range for data.classes = {classes}")));
    }
    problems
}

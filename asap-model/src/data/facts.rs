//! What the files of a pair contain, whatever the classes and sizes of a configuration are.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::counts::DepthCount;
use super::decode::{is_turned, read_instances};
use super::label_colors::read_label_ids;
use super::labels::{IdCount, id_counts};
use super::layout::ExampleFiles;
use super::pixels::Image;
use super::problem::Problem;
use crate::Result;
use crate::config::{DataConfig, InputKind};

/// What was found in the files of a pair.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Facts {
    /// [height, width] of the input, the target and the instance map; `None` if there is none or it can't be read.
    pub sizes: [Option<[usize; 2]>; 3],
    /// The ids of a label map.
    pub ids: Vec<IdCount>,
    /// Of a depth map.
    pub depths: Option<DepthCount>,
    /// Whether the input and the target are images without colors.
    pub gray: [bool; 2],
    /// Whether viewers turn the input image or the target, by its EXIF orientation.
    pub turned: bool,
    /// A hash of each file, in the order of [`ExampleFiles::all`].
    pub digests: Vec<u64>,
    /// Why files can't be used; such facts are not remembered.
    #[serde(skip)]
    pub unusable: Vec<Problem>,
}

impl ExampleFiles {
    /// The files: input, target, instance map.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Path> {
        [Some(&self.input), self.target.as_ref(), self.instances.as_ref()].into_iter().flatten().map(PathBuf::as_path)
    }
}

impl Facts {
    /// Reads the files.
    pub fn read(files: &ExampleFiles, data: &DataConfig) -> Facts {
        let mut facts = Facts::default();
        match data.input {
            InputKind::Image => {
                if let Some(image) = facts.keep(&files.input, files.read_image(data)) {
                    (facts.sizes[0], facts.gray[0]) = (Some(image.size()), is_gray(&image));
                }
            }
            InputKind::Labels => {
                let read = read_label_ids(files, data).map_err(|error| files.of_side(error, data));
                if let Some((ids, problems)) = facts.keep(&files.input, read) {
                    facts.sizes[0] = Some(ids.size());
                    facts.ids = if problems.is_empty() { id_counts(&ids) } else { Vec::new() };
                    facts.unusable.extend(problems);
                }
            }
        }
        if let Some(file) = &files.target
            && let Some(target) = facts.keep(file, files.read_target(data))
        {
            facts.sizes[1] = Some(target.size());
            facts.gray[1] = is_gray(&target);
            facts.count_depths(file, &target, data);
        }
        if let Some(file) = &files.instances {
            facts.sizes[2] = facts.keep(file, read_instances(file)).map(|map| map.size());
        }
        let digest = |file: &Path| {
            let hash = Sha256::digest(fs::read(file).unwrap_or_default());
            hash.iter().take(8).fold(0, |digest, byte| digest << 8 | u64::from(*byte))
        };
        let images = files.target.iter().chain((data.input == InputKind::Image).then_some(&files.input));
        facts.turned = images.into_iter().any(|file| is_turned(file).unwrap_or(false));
        facts.digests = files.all().map(digest).collect();
        facts
    }

    fn count_depths(&mut self, file: &Path, map: &Image, data: &DataConfig) {
        let Some(scale) = data.depth() else { return };
        let depths = DepthCount::of(map, &scale);
        if let (0, Some(invalid)) = (depths.measured, scale.invalid) {
            let problem = format!(
                "contains no depth: every pixel is data.depth_invalid = {invalid}; remove the pair or change the key"
            );
            self.unusable.push(Problem::new(file, problem));
        }
        self.depths = Some(depths);
    }

    /// The value; an error is a problem.
    fn keep<T>(&mut self, file: &Path, read: Result<T>) -> Option<T> {
        read.map_err(|error| self.unusable.push(Problem::of(file, error))).ok()
    }
}

/// Whether it has three equal channels.
fn is_gray(image: &Image) -> bool {
    image.channels() == 3 && *image == image.select(&[0; 3])
}

/// What identifies a pair: a change of its files changes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairPrint {
    /// The pair's name.
    pub name: String,
    /// The files, input first, and a hash of each.
    pub files: Vec<(PathBuf, u64)>,
}

impl PairPrint {
    pub(super) fn new(files: &ExampleFiles, facts: &Facts) -> PairPrint {
        let files_hashed = files.all().map(Path::to_path_buf).zip(facts.digests.iter().copied());
        PairPrint { name: files.name.clone(), files: files_hashed.collect() }
    }
}

//! Reads every picture of a dataset and reports every problem.

use std::path::Path;

use rayon::prelude::*;

use super::augment::Placement;
use super::dataset::{read_target, size_problems};
use super::decode::{label_problems, read_ids, read_instances, read_photo};
use super::layout::{Pair, Split, is_split, scan_pairs, validate};
use super::plane::Picture;
use super::problem::Problem;
use crate::config::{DataConfig, DepthScale, Input, Layout};
use crate::{Error, Result};

/// The contents of a dataset, and every problem in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The layout it was read in.
    pub layout: Layout,
    /// Training pairs.
    pub train: usize,
    /// Validation pairs: 0 if the dataset is not split.
    pub val: usize,
    /// Minimum and maximum height of a photo; zeros if there is none.
    pub heights: [usize; 2],
    /// Minimum and maximum width of a photo.
    pub widths: [usize; 2],
    /// For each class, how often it occurs; empty for RGB input.
    pub classes: Vec<ClassCount>,
    /// Statistics of the depth maps; `None` for photos.
    pub depths: Option<DepthCount>,
    /// Every problem: first missing files, then by picture.
    pub problems: Vec<Problem>,
}

/// How often a class occurs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassCount {
    /// Pixels of this class.
    pub pixels: u64,
    /// Pictures in which it occurs.
    pub pictures: u64,
}

/// Statistics of depth maps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DepthCount {
    /// Minimum and maximum depth, in the unit of `data.depth_max`; minimum > maximum if there is no depth.
    pub range: [f64; 2],
    /// Pixels with a depth.
    pub measured: u64,
    /// Pixels of the level that means "not measured".
    pub invalid: u64,
    /// Pixels beyond `data.depth_max`, which are clamped to it.
    pub beyond: u64,
}

impl DepthCount {
    /// Of no map.
    const NONE: DepthCount = DepthCount { range: [f64::INFINITY, 0.0], measured: 0, invalid: 0, beyond: 0 };

    /// Of one map, with depths beyond `max` unclamped.
    fn of(map: &Picture, scale: &DepthScale) -> Self {
        let mut count = Self::NONE;
        let Some((levels, most)) = map.levels() else { return count };
        let full = scale.full_level(most.into());
        for level in levels {
            if Some(level) == scale.invalid {
                count.invalid += 1;
                continue;
            }
            let depth = f64::from(level) / full * scale.max;
            count.measured += 1;
            count.beyond += u64::from(f64::from(level) > full);
            count.range = [count.range[0].min(depth), count.range[1].max(depth)];
        }
        count
    }

    fn add(&mut self, other: &Self) {
        self.range = [self.range[0].min(other.range[0]), self.range[1].max(other.range[1])];
        self.measured += other.measured;
        self.invalid += other.invalid;
        self.beyond += other.beyond;
    }

    /// A count of pixels as a fraction of all of them.
    pub fn share(&self, pixels: u64) -> f64 {
        pixels as f64 / (self.measured + self.invalid).max(1) as f64
    }
}

impl Report {
    /// The fraction of all valid pixels that have a class.
    pub fn share(&self, class: usize) -> f64 {
        let all: u64 = self.classes.iter().map(|c| c.pixels).sum();
        if all == 0 { 0.0 } else { self.classes[class].pixels as f64 / all as f64 }
    }
}

/// Reads every pair of a dataset, in parallel, and reports every problem.
///
/// # Errors
/// [`Error::Config`] for a configuration that can't be used; [`Error::Data`] if `dir` is not a folder. Everything else is in the report.
pub fn check(dir: &Path, data: &DataConfig) -> Result<Report> {
    validate(data)?;
    if !dir.is_dir() {
        return Err(Problem::new(dir, "is not a folder; give the folder of a dataset").into());
    }
    let splits: &[Split] = if is_split(dir, data.layout) { &[Split::Train, Split::Val] } else { &[Split::Train] };
    let classes = if data.input == Input::Labels { data.classes } else { 0 };
    let mut report = Report {
        layout: data.layout,
        train: 0,
        val: 0,
        heights: [usize::MAX, 0],
        widths: [usize::MAX, 0],
        classes: vec![ClassCount::default(); classes],
        depths: data.depth().map(|_| DepthCount::NONE),
        problems: Vec::new(),
    };
    let mut pairs = Vec::new();
    for &split in splits {
        let mut scan = scan_pairs(dir, data, split);
        match split {
            Split::Train => report.train = scan.found.len(),
            Split::Val => report.val = scan.found.len(),
        }
        report.problems.append(&mut scan.problems);
        pairs.append(&mut scan.found);
    }
    let read: Vec<PairReport> = pairs.par_iter().map(|pair| read_pair(pair, data, classes)).collect();
    for pair in read {
        report.problems.extend(pair.problems);
        if let Some([height, width]) = pair.size {
            report.heights = [report.heights[0].min(height), report.heights[1].max(height)];
            report.widths = [report.widths[0].min(width), report.widths[1].max(width)];
        }
        for (all, pixels) in report.classes.iter_mut().zip(pair.pixels) {
            all.pixels += pixels;
            all.pictures += u64::from(pixels > 0);
        }
        if let (Some(all), Some(one)) = (&mut report.depths, pair.depths) {
            all.add(&one);
        }
    }
    if report.heights[1] == 0 {
        (report.heights, report.widths) = ([0, 0], [0, 0]);
    }
    Ok(report)
}

/// The contents of one pair.
#[derive(Default)]
struct PairReport {
    size: Option<[usize; 2]>,
    pixels: Vec<u64>,
    depths: Option<DepthCount>,
    problems: Vec<Problem>,
}

fn read_pair(pair: &Pair, data: &DataConfig, classes: usize) -> PairReport {
    let mut report = PairReport { pixels: vec![0; classes], ..PairReport::default() };
    let input_size = match data.input {
        Input::Rgb => report.keep(&pair.input, read_photo(&pair.input)).map(|photo| [photo.height, photo.width]),
        Input::Labels => report.keep(&pair.input, read_ids(&pair.input)).map(|ids| {
            report.problems.extend(label_problems(&pair.input, &ids, classes));
            for &id in &ids.data {
                if let Some(count) = report.pixels.get_mut(usize::from(id)) {
                    *count += 1;
                }
            }
            [ids.height, ids.width]
        }),
    };
    let image = report.keep(&pair.image, read_target(&pair.image, data));
    if let (Some(map), Some(scale)) = (&image, data.depth()) {
        let depths = DepthCount::of(map, &scale);
        if let (0, Some(invalid)) = (depths.measured, scale.invalid) {
            let problem = format!(
                "contains no depth: every pixel is data.depth_invalid = {invalid}; remove the pair or change the key"
            );
            report.problems.push(Problem::new(&pair.image, problem));
        }
        report.depths = Some(depths);
    }
    let instances = pair.instances.as_deref().and_then(|file| report.keep(file, read_instances(file)));
    report.size = image.map(|image| image.size());
    if let Some(image) = report.size {
        report.problems.extend(size_problems(pair, input_size.unwrap_or(image), image, instances.as_ref()));
        if let Err(Error::Data { problem, .. }) = Placement::new(&pair.name, image, data, None) {
            report.problems.push(Problem::new(&pair.image, problem));
        }
    }
    report
}

impl PairReport {
    /// The value; an error is added to the problems.
    fn keep<T>(&mut self, file: &Path, read: Result<T>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(Error::Data { file, problem }) => {
                self.problems.push(Problem::new(&file, problem));
                None
            }
            Err(Error::Io { action, source, .. }) => {
                self.problems.push(Problem::new(file, format!("cannot {action}: {source}")));
                None
            }
            Err(other) => {
                self.problems.push(Problem::new(file, other.to_string()));
                None
            }
        }
    }
}

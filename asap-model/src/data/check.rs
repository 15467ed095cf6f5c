//! Reads every picture of a data set and names every fault.

use std::path::Path;

use rayon::prelude::*;

use super::augment::Placement;
use super::dataset::{read_target, size_faults};
use super::decode::{label_faults, read_ids, read_instances, read_photo};
use super::fault::Fault;
use super::layout::{Pair, Split, is_split, scan_pairs, validate};
use super::plane::Picture;
use crate::config::{DataConfig, DepthScale, Input, Layout};
use crate::{Error, Result};

/// What a data set holds, and everything that is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The layout it was read in.
    pub layout: Layout,
    /// Pairs to train on.
    pub train: usize,
    /// Pairs to measure on: 0 where the data set is not split.
    pub val: usize,
    /// Smallest and largest height of a photo; zeros where there is none.
    pub heights: [usize; 2],
    /// Smallest and largest width of a photo.
    pub widths: [usize; 2],
    /// For each class, how often it occurs; empty for RGB input.
    pub classes: Vec<ClassCount>,
    /// What the depth maps hold; `None` where the pictures are photos.
    pub depths: Option<DepthCount>,
    /// Everything that is wrong: first what is missing, then by picture.
    pub faults: Vec<Fault>,
}

/// How often a class occurs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassCount {
    /// Pixels of this class.
    pub pixels: u64,
    /// Pictures in which it occurs.
    pub pictures: u64,
}

/// What depth maps hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DepthCount {
    /// The least and the greatest depth, in the unit of `data.depth_max`; the least is above the greatest where there is none.
    pub range: [f64; 2],
    /// Pixels with a depth.
    pub measured: u64,
    /// Pixels of the level that means "not measured".
    pub invalid: u64,
    /// Pixels that lie farther than `data.depth_max`, and count as that far.
    pub beyond: u64,
}

impl DepthCount {
    /// Of no map yet.
    const NONE: DepthCount = DepthCount { range: [f64::INFINITY, 0.0], measured: 0, invalid: 0, beyond: 0 };

    /// Of a map; its true depths, also beyond `max`.
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

    /// The share of a count of pixels in all of them, 0 to 1.
    pub fn share(&self, pixels: u64) -> f64 {
        pixels as f64 / (self.measured + self.invalid).max(1) as f64
    }
}

impl Report {
    /// The share of all valid pixels that a class has, 0 to 1.
    pub fn share(&self, class: usize) -> f64 {
        let all: u64 = self.classes.iter().map(|c| c.pixels).sum();
        if all == 0 { 0.0 } else { self.classes[class].pixels as f64 / all as f64 }
    }
}

/// Reads every pair of a data set, on all threads of rayon's pool, and names every fault.
///
/// # Errors
/// [`Error::Config`] for a configuration that can't be used; [`Error::Data`] if `dir` is no folder. Everything else is in the report.
pub fn check(dir: &Path, data: &DataConfig) -> Result<Report> {
    validate(data)?;
    if !dir.is_dir() {
        return Err(Fault::new(dir, "is not a folder; give the folder of a data set").into());
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
        faults: Vec::new(),
    };
    let mut pairs = Vec::new();
    for &split in splits {
        let mut scan = scan_pairs(dir, data, split);
        match split {
            Split::Train => report.train = scan.found.len(),
            Split::Val => report.val = scan.found.len(),
        }
        report.faults.append(&mut scan.faults);
        pairs.append(&mut scan.found);
    }
    let read: Vec<PairReport> = pairs.par_iter().map(|pair| read_pair(pair, data, classes)).collect();
    for pair in read {
        report.faults.extend(pair.faults);
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

/// What one pair holds.
#[derive(Default)]
struct PairReport {
    size: Option<[usize; 2]>,
    pixels: Vec<u64>,
    depths: Option<DepthCount>,
    faults: Vec<Fault>,
}

fn read_pair(pair: &Pair, data: &DataConfig, classes: usize) -> PairReport {
    let mut report = PairReport { pixels: vec![0; classes], ..PairReport::default() };
    let input_size = match data.input {
        Input::Rgb => report.keep(&pair.input, read_photo(&pair.input)).map(|photo| [photo.height, photo.width]),
        Input::Labels => report.keep(&pair.input, read_ids(&pair.input)).map(|ids| {
            report.faults.extend(label_faults(&pair.input, &ids, classes));
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
                "holds no depth: every pixel has the level of data.depth_invalid = {invalid}; remove the pair, or set the key"
            );
            report.faults.push(Fault::new(&pair.image, problem));
        }
        report.depths = Some(depths);
    }
    let instances = pair.instances.as_deref().and_then(|file| report.keep(file, read_instances(file)));
    report.size = image.map(|image| image.size());
    if let Some(image) = report.size {
        report.faults.extend(size_faults(pair, input_size.unwrap_or(image), image, instances.as_ref()));
        if let Err(Error::Data { problem, .. }) = Placement::new(&pair.name, image, data, None) {
            report.faults.push(Fault::new(&pair.image, problem));
        }
    }
    report
}

impl PairReport {
    /// The value, or its error among the faults.
    fn keep<T>(&mut self, file: &Path, read: Result<T>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(Error::Data { file, problem }) => {
                self.faults.push(Fault::new(&file, problem));
                None
            }
            Err(Error::Io { action, source, .. }) => {
                self.faults.push(Fault::new(file, format!("cannot {action}: {source}")));
                None
            }
            Err(other) => {
                self.faults.push(Fault::new(file, other.to_string()));
                None
            }
        }
    }
}

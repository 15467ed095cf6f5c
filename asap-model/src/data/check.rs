//! Reads every picture of a data set and names every fault.

use std::path::Path;

use rayon::prelude::*;

use super::dataset::size_faults;
use super::decode::{label_faults, read_ids, read_instances, read_photo, read_picture};
use super::fault::Fault;
use super::layout::{Pair, Split, is_split, scan_pairs, validate};
use crate::config::{DataConfig, Input, Layout};
use crate::{Error, Result};

/// What a data set holds, and everything that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    let image = report.keep(&pair.image, read_picture(&pair.image, data.output));
    let instances = pair.instances.as_deref().and_then(|file| report.keep(file, read_instances(file)));
    report.size = image.map(|image| image.size());
    if let Some(image) = report.size {
        report.faults.extend(size_faults(pair, input_size.unwrap_or(image), image, instances.as_ref()));
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

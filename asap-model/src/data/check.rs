//! Reads every file of a dataset and reports every problem.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;

use super::augment::Placement;
use super::dataset::{read_target, size_problem};
use super::decode::{read_ids, read_instances, read_photo};
use super::label_hint::LabelHint;
use super::labels::{IdCount, id_counts, label_problems};
use super::layout::{ExampleFiles, Split, is_split, scan};
use super::plane::Picture;
use super::problem::Problem;
use crate::config::{DataConfig, DepthScale, InputKind, Layout};
use crate::{Error, Result};

/// Maximum number of ids that a message names.
const NAMED: usize = 5;

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
    /// For each class, how often it occurs, that of `data.ignore` last; empty for RGB input.
    pub classes: Vec<ClassCount>,
    /// For each id of the label maps, how often it occurs.
    pub ids: BTreeMap<u16, ClassCount>,
    /// Label maps with ids that are no class.
    pub bad_maps: u64,
    /// Statistics of the depth maps; `None` for photos.
    pub depths: Option<DepthCount>,
    /// Every problem: first missing files, then by pair.
    pub problems: Vec<Problem>,
}

/// How often a class occurs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassCount {
    /// Pixels of this class.
    pub pixels: u64,
    /// Label maps in which it occurs.
    pub pictures: u64,
}

impl ClassCount {
    fn add(&mut self, other: ClassCount) {
        self.pixels += other.pixels;
        self.pictures += other.pictures;
    }
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
    /// Of no pair.
    fn new(data: &DataConfig) -> Report {
        let classes = if data.input == InputKind::Labels { data.label_channels() } else { 0 };
        Report {
            layout: data.layout,
            train: 0,
            val: 0,
            heights: [usize::MAX, 0],
            widths: [usize::MAX, 0],
            classes: vec![ClassCount::default(); classes],
            ids: BTreeMap::new(),
            bad_maps: 0,
            depths: data.depth().map(|_| DepthCount::NONE),
            problems: Vec::new(),
        }
    }

    /// Of one pair.
    fn of(files: &ExampleFiles, data: &DataConfig) -> Report {
        let mut report = Report::new(data);
        let input = match data.input {
            InputKind::Rgb => report.keep(&files.input, read_photo(&files.input)).map(|photo| photo.size()),
            InputKind::Labels => report.keep(&files.input, read_ids(&files.input)).map(|ids| {
                report.count(&files.input, &id_counts(&ids), data);
                ids.size()
            }),
        };
        let Some(file) = &files.target else { return report };
        let target = report.keep(file, read_target(file, data));
        if let (Some(map), Some(scale)) = (&target, data.depth()) {
            let depths = DepthCount::of(map, &scale);
            if let (0, Some(invalid)) = (depths.measured, scale.invalid) {
                let problem = format!(
                    "contains no depth: every pixel is data.depth_invalid = {invalid}; remove the pair or change the key"
                );
                report.problems.push(Problem::new(file, problem));
            }
            report.depths = Some(depths);
        }
        let instances = files.instances.as_deref();
        let instances = instances.and_then(|file| Some((file, report.keep(file, read_instances(file))?.size())));
        let Some([height, width]) = target.map(|target| target.size()) else { return report };
        (report.heights, report.widths) = ([height; 2], [width; 2]);
        for (map, size) in input.map(|size| (files.input.as_path(), size)).into_iter().chain(instances) {
            report.problems.extend(size_problem(map, size, file, [height, width]));
        }
        if let Err(Error::Data { problem, .. }) = Placement::new(&files.name, [height, width], data, None) {
            report.problems.push(Problem::new(file, problem));
        }
        report
    }

    /// Counts the ids of a label map.
    fn count(&mut self, file: &Path, counts: &[IdCount], data: &DataConfig) {
        let ids = data.label_ids();
        let problems = label_problems(file, counts, &ids);
        self.bad_maps += u64::from(!problems.is_empty());
        self.problems.extend(problems);
        for &IdCount { id, pixels, .. } in counts {
            self.ids.insert(id, ClassCount { pixels, pictures: 1 });
            if let Some(count) = ids.class(id).and_then(|class| self.classes.get_mut(usize::from(class))) {
                *count = ClassCount { pixels: count.pixels + pixels, pictures: 1 };
            }
        }
    }

    fn add(&mut self, other: Report) {
        let join = |a: [usize; 2], b: [usize; 2]| [a[0].min(b[0]), a[1].max(b[1])];
        self.heights = join(self.heights, other.heights);
        self.widths = join(self.widths, other.widths);
        self.classes.iter_mut().zip(other.classes).for_each(|(all, one)| all.add(one));
        other.ids.into_iter().for_each(|(id, one)| self.ids.entry(id).or_default().add(one));
        self.bad_maps += other.bad_maps;
        if let (Some(all), Some(one)) = (&mut self.depths, other.depths) {
            all.add(&one);
        }
        self.problems.extend(other.problems);
    }

    /// The value; an error is added to the problems.
    fn keep<T>(&mut self, file: &Path, read: Result<T>) -> Option<T> {
        read.map_err(|error| self.problems.push(Problem::of(file, error))).ok()
    }

    /// The keys with which every id of the label maps is a class, if some are not.
    pub fn hint(&self, data: &DataConfig) -> Option<LabelHint> {
        LabelHint::new(self.ids.keys().copied(), &data.label_ids())
    }

    /// Which ids of the label maps are no class, and what to do; `None` if all are.
    pub fn bad_labels(&self, data: &DataConfig) -> Option<String> {
        let (hint, ids) = (self.hint(data)?, data.label_ids());
        let bad: Vec<_> = self.ids.iter().filter(|(id, _)| ids.class(**id).is_none()).collect();
        let pixels: u64 = bad.iter().map(|(_, count)| count.pixels).sum();
        let share = 100.0 * pixels as f64 / self.ids.values().map(|count| count.pixels).sum::<u64>() as f64;
        let mut names: Vec<String> = bad.iter().take(NAMED).map(|(id, _)| id.to_string()).collect();
        names.extend((bad.len() > NAMED).then(|| format!("{} more", bad.len() - NAMED)));
        let (maps, have) = if self.bad_maps == 1 { ("map", "has") } else { ("maps", "have") };
        Some(format!(
            "{} label {maps} {have} ids that are no class ({}; {share:.1}% of all pixels); {hint}",
            self.bad_maps,
            names.join(", ")
        ))
    }

    /// The first problem, and how many there are; `None` if there is none. What is wrong with labels comes with what to do.
    pub fn first_problem(&self, data: &DataConfig) -> Option<Problem> {
        let first = self.problems.first()?;
        let more = match self.problems.len() {
            1 => String::new(),
            count => format!("; the first of {count} problems"),
        };
        let labels = self.bad_labels(data).map_or(String::new(), |labels| format!(". In all, {labels}"));
        Some(Problem { message: format!("{}{more}{labels}", first.message), ..first.clone() })
    }

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
    if !dir.is_dir() {
        return Err(Problem::new(dir, "is not a folder; give the folder of a dataset").into());
    }
    let mut report = Report::new(data);
    let (mut pairs, problems) = scan(dir, data, Split::Train, true)?;
    (report.train, report.problems) = (pairs.len(), problems);
    if is_split(dir, data.layout) {
        let (found, problems) = scan(dir, data, Split::Val, true)?;
        report.val = found.len();
        report.problems.extend(problems);
        pairs.extend(found);
    }
    let read: Vec<Report> = pairs.par_iter().map(|files| Report::of(files, data)).collect();
    read.into_iter().for_each(|pair| report.add(pair));
    if report.heights[1] == 0 {
        (report.heights, report.widths) = ([0, 0], [0, 0]);
    }
    Ok(report)
}

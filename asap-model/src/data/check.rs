//! Reads every file of a dataset and reports every problem.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::augment::Placement;
use super::counts::{ClassCount, DepthCount};
use super::dataset::size_problem;
use super::direction::direction;
use super::facts::{Facts, PairPrint};
use super::files::Skipped;
use super::label_hint::LabelHint;
use super::labels::{IdCount, label_problems};
use super::layout::{ExampleFiles, Split, is_split};
use super::problem::Problem;
use super::remembered::{Remembered, Stamp, stamps};
use super::scan::{Found, scan};
use crate::config::{DataConfig, Direction, InputKind, Layout};
use crate::{Error, Result};

/// Maximum number of ids that a message names.
const NAMED: usize = 5;

/// The contents of a dataset, and every problem in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The layout it was read in.
    pub layout: Layout,
    /// For layouts with sides A and B, which one is the input.
    pub direction: Option<Direction>,
    /// Training pairs.
    pub train: usize,
    /// Validation pairs: 0 if the dataset is not split.
    pub val: usize,
    /// Minimum and maximum height of a photo; zeros if there is none.
    pub heights: [usize; 2],
    /// Minimum and maximum width of a photo.
    pub widths: [usize; 2],
    /// For each class, how often it occurs, that of `data.ignore` last; empty for image input.
    pub classes: Vec<ClassCount>,
    /// For each id of the label maps, how often it occurs.
    pub ids: BTreeMap<u16, ClassCount>,
    /// Label maps with ids that are no class.
    pub bad_maps: u64,
    /// Statistics of the depth maps; `None` for photos.
    pub depths: Option<DepthCount>,
    /// Input and target images without colors.
    pub gray: [usize; 2],
    /// The names of pairs with an image that viewers turn, by its EXIF orientation.
    pub turned: Vec<String>,
    /// Files in its folders that are not read.
    pub skipped: Skipped,
    /// Every problem: first missing files, then by pair.
    pub problems: Vec<Problem>,
}

/// How a check is done.
#[derive(Clone, Copy, Default)]
pub struct CheckOptions<'a> {
    /// A folder that remembers what was found in files, so that they are not read again while they don't change.
    pub cache: Option<&'a Path>,
    /// Whether to read every file, remembered or not.
    pub fresh: bool,
    /// Read at most so many pairs, evenly spaced.
    pub sample: Option<usize>,
    /// Called with the numbers of finished pairs and of all, from several threads.
    pub progress: Option<&'a (dyn Fn(usize, usize) + Sync)>,
}

impl Report {
    /// Of no pair.
    fn new(data: &DataConfig) -> Report {
        let classes = if data.input == InputKind::Labels { data.label_channels() } else { 0 };
        Report {
            layout: data.layout,
            direction: data.direction,
            train: 0,
            val: 0,
            heights: [usize::MAX, 0],
            widths: [usize::MAX, 0],
            classes: vec![ClassCount::default(); classes],
            ids: BTreeMap::new(),
            bad_maps: 0,
            depths: data.depth().map(|_| DepthCount::NONE),
            gray: [0; 2],
            turned: Vec::new(),
            skipped: Skipped::default(),
            problems: Vec::new(),
        }
    }

    /// Of one pair, in which `facts` were found.
    fn of(files: &ExampleFiles, facts: &Facts, data: &DataConfig) -> Report {
        let mut report = Report::new(data);
        report.problems = facts.unusable.clone();
        report.count(&files.input, &facts.ids, data);
        report.depths = report.depths.map(|none| facts.depths.unwrap_or(none));
        report.gray = facts.gray.map(usize::from);
        report.turned.extend(facts.turned.then(|| files.name.clone()));
        let [input, Some([height, width]), instances] = facts.sizes else { return report };
        let Some(file) = &files.target else { return report };
        (report.heights, report.widths) = ([height; 2], [width; 2]);
        for (map, size) in [(Some(&files.input), input), (files.instances.as_ref(), instances)] {
            let (Some(map), Some(size)) = (map, size) else { continue };
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
        self.gray = [0, 1].map(|side| self.gray[side] + other.gray[side]);
        if let (Some(all), Some(one)) = (&mut self.depths, other.depths) {
            all.add(&one);
        }
        self.turned.extend(other.turned);
        self.problems.extend(other.problems);
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

/// What the files of a dataset contain.
pub struct Survey {
    pairs: Vec<(ExampleFiles, Facts)>,
    counts: [usize; 2],
    problems: Vec<Problem>,
    skipped: Skipped,
    direction: Option<Direction>,
    /// Pairs that were read before and did not change since.
    pub unread: usize,
}

/// Reads every pair of a dataset, in parallel, and reports every problem.
///
/// # Errors
/// As [`survey`]. Everything else is in the report.
pub fn check(dir: &Path, data: &DataConfig) -> Result<Report> {
    Ok(survey(dir, data, CheckOptions::default())?.report(data))
}

/// Reads every pair of a dataset, in parallel.
///
/// # Errors
/// [`Error::Config`] for a configuration that can't be used; [`Error::Data`] if `dir` is not a folder.
pub fn survey(dir: &Path, data: &DataConfig, options: CheckOptions<'_>) -> Result<Survey> {
    if !dir.is_dir() {
        return Err(Problem::new(dir, "is not a folder; give the folder of a dataset").into());
    }
    // Found out once, and not again for each split.
    let data = &DataConfig { direction: direction(dir, data), ..data.clone() };
    let (Found { examples: mut pairs, mut skipped }, mut problems) = scan(dir, data, Split::Train, true)?;
    let mut counts = [pairs.len(), 0];
    if is_split(dir, data.layout) {
        let (found, others) = scan(dir, data, Split::Val, true)?;
        counts[1] = found.examples.len();
        problems.extend(others);
        pairs.extend(found.examples);
        skipped.add(found.skipped);
    }
    if let Some(limit) = options.sample.filter(|limit| *limit < pairs.len()) {
        let every = pairs.len() / limit.max(1);
        pairs = pairs.into_iter().step_by(every.max(1)).take(limit).collect();
    }
    let remembered = options.cache.map(|folder| Remembered::read(folder, dir, data));
    let finished = AtomicUsize::new(0);
    let read = |pair: &ExampleFiles| {
        let stamps = if remembered.is_some() { stamps(pair) } else { Vec::new() };
        let known = remembered.as_ref().and_then(|known| known.get(pair, &stamps)).filter(|_| !options.fresh);
        let was_known = known.is_some();
        let facts = known.cloned().unwrap_or_else(|| Facts::read(pair, data));
        if let Some(progress) = options.progress {
            progress(finished.fetch_add(1, Ordering::Relaxed) + 1, pairs.len());
        }
        (stamps, facts, was_known)
    };
    let found: Vec<(Vec<Stamp>, Facts, bool)> = pairs.par_iter().map(read).collect();
    let unread = found.iter().filter(|(.., was_known)| *was_known).count();
    if let Some(remembered) = remembered.filter(|_| unread < pairs.len()) {
        let entries = pairs.iter().zip(&found).map(|(pair, (stamps, facts, _))| (pair, stamps, facts));
        // Without a cache the next check takes longer, and that is all.
        let _ = remembered.write(entries);
    }
    let pairs = pairs.into_iter().zip(found).map(|(pair, (_, facts, _))| (pair, facts)).collect();
    Ok(Survey { pairs, counts, problems, skipped, direction: data.direction, unread })
}

impl Survey {
    /// What the dataset is with this configuration, and every problem: its layout, and the kinds of inputs and outputs, must be
    /// those of the survey.
    pub fn report(&self, data: &DataConfig) -> Report {
        let mut report = Report::new(data);
        ([report.train, report.val], report.problems) = (self.counts, self.problems.clone());
        (report.skipped, report.direction) = (self.skipped.clone(), self.direction);
        for (pair, facts) in &self.pairs {
            report.add(Report::of(pair, facts, data));
        }
        if report.heights[1] == 0 {
            (report.heights, report.widths) = ([0, 0], [0, 0]);
        }
        report
    }

    /// The numbers of training and validation pairs; 0 for validation if the dataset is not split.
    pub fn counts(&self) -> [usize; 2] {
        self.counts
    }

    /// Number of pairs that were read, now or before.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// [height, width] with the median aspect ratio and area of the targets; zeros without any.
    pub fn typical_size(&self) -> [usize; 2] {
        let mut sizes: Vec<[usize; 2]> = self.pairs.iter().filter_map(|(_, facts)| facts.sizes[1]).collect();
        sizes.sort_by(|[h, w], [rows, columns]| (h * columns, h * w).cmp(&(rows * w, rows * columns)));
        sizes.get(sizes.len() / 2).copied().unwrap_or_default()
    }

    /// What identifies each pair, those for training first.
    pub fn prints(&self) -> [Vec<PairPrint>; 2] {
        let prints =
            |pairs: &[(ExampleFiles, Facts)]| pairs.iter().map(|(pair, facts)| PairPrint::new(pair, facts)).collect();
        let (train, val) = self.pairs.split_at(self.counts[0].min(self.pairs.len()));
        [prints(train), prints(val)]
    }
}

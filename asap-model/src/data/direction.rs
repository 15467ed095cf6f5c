//! Which of the sides A and B is the input, and whether inputs are label maps.

use std::path::Path;

use super::files::image_files;
use super::layout::{Rules, Sides, Split, rules};
use super::sides::{Flatness, flatness_of, flatness_of_halves, has_ids, is_deep};
use crate::config::{DataConfig, Direction, InputKind, Layout, OutputKind};

/// Number of pairs that are looked at.
const LOOKED_AT: usize = 4;

/// `data.direction`, or what the pixels say if it is not set; `None` for layouts without sides A and B.
pub fn direction(dir: &Path, data: &DataConfig) -> Option<Direction> {
    let rules = rules(data.layout).filter(|rules| rules.has_direction)?;
    let from_pixels = || {
        let is_reversed = data.output != OutputKind::Depth && is_label_map_b(dir, data.layout, rules);
        if is_reversed { Direction::BtoA } else { Direction::AtoB }
    };
    Some(data.direction.unwrap_or_else(from_pixels))
}

fn is_label_map_b(dir: &Path, layout: Layout, rules: &Rules) -> bool {
    let sides = Sides { input: InputKind::Labels, direction: Direction::AtoB };
    let [a, b, _] = rules.split(dir, Split::Train, false, sides);
    let each: Vec<[Flatness; 2]> = if layout == Layout::SideBySide {
        first_files(&a, dir).iter().filter_map(|file| flatness_of_halves(file)).collect()
    } else {
        let [a, b] = [a, b].map(|side| first_files(&side, dir));
        if b.iter().any(|file| is_deep(file)) {
            // A depth map.
            return false;
        }
        a.iter().zip(&b).filter_map(|(a, b)| Some([flatness_of(a)?, flatness_of(b)?])).collect()
    };
    let [a, b] = [0, 1].map(|side| Flatness::mean(&each.iter().map(|pair| pair[side]).collect::<Vec<_>>()));
    b.is_label_map_beside(a)
}

/// Whether inputs are label maps: by their folder's name, or by their pixels.
pub(super) fn input_kind(dir: &Path, layout: Layout, direction: Option<Direction>) -> InputKind {
    let Some(rules) = rules(layout) else { return InputKind::Labels };
    let folder = |input| {
        let sides = Sides { input, direction: direction.unwrap_or(Direction::AtoB) };
        let [inputs, ..] = rules.split(dir, Split::Train, false, sides);
        inputs
    };
    let [inputs, labels] = [InputKind::Image, InputKind::Labels].map(folder);
    let are_labels = match (direction, first_files(&inputs, dir).first()) {
        (Some(direction), Some(file)) if layout == Layout::SideBySide => {
            has_ids(file, flatness_of_halves(file).map(|halves| halves[direction as usize]))
        }
        (Some(_), Some(file)) => has_ids(file, flatness_of(file)),
        _ => inputs == labels || !inputs.is_dir(),
    };
    if are_labels { InputKind::Labels } else { InputKind::Image }
}

/// The first images of a folder; only those directly in it if it is the dataset's own.
fn first_files(folder: &Path, dir: &Path) -> Vec<std::path::PathBuf> {
    let mut files = image_files(folder, (folder == dir).then_some(0)).unwrap_or_default();
    files.truncate(LOOKED_AT);
    files
}

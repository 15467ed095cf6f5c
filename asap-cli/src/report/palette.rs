//! Labels in the colors of their classes, and the legend of names below a sheet.

use asap_model::config::DataConfig;
use asap_model::data::{LabelMap, Plane, RgbImage};

use super::sheet::{LETTER, paste, white, write};

/// Pixels between a legend's parts.
const GAP: usize = 6;
/// The color of the line between a sheet and its legend.
const RULE: [u8; 3] = [160; 3];

/// A class in a legend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    pub id: usize,
    pub name: String,
    pub color: [u8; 3],
}

/// A label map in colors; unknown ids are black.
pub fn color_labels(map: &LabelMap, colors: &[[u8; 3]]) -> RgbImage {
    let color = |id: &u8| colors.get(usize::from(*id)).copied().unwrap_or_default();
    Plane { height: map.height, width: map.width, data: map.data.iter().map(color).collect() }
}

/// Every class, by id.
pub fn all_classes(data: &DataConfig) -> impl Iterator<Item = Class> {
    let classes = data.class_names().into_iter().zip(data.class_colors()).enumerate();
    classes.map(|(id, (name, color))| Class { id, name, color })
}

/// The classes that occur in some label maps, by id.
pub fn occurring<'a>(maps: impl IntoIterator<Item = &'a LabelMap>, data: &DataConfig) -> Vec<Class> {
    let mut occurs = [false; 256];
    maps.into_iter().flat_map(|map| &map.data).for_each(|&id| occurs[usize::from(id)] = true);
    all_classes(data).filter(|class| occurs.get(class.id) == Some(&true)).collect()
}

/// A sheet with the colors and names of classes below, a line between them.
pub fn with_legend(sheet: &RgbImage, classes: &[Class]) -> RgbImage {
    if classes.is_empty() {
        return sheet.clone();
    }
    let size = if sheet.width >= 640 { 2 } else { 1 };
    let (letter, line) = (size * LETTER, size * LETTER + GAP);
    let width_of = |class: &Class| letter * (class.name.chars().count() + 1) + GAP;
    let widest = classes.iter().map(width_of).max().unwrap_or(0);
    let width = sheet.width.max(widest + 2 * GAP);
    // In lines, left to right.
    let (mut left, mut row, mut places) = (GAP, 0, Vec::with_capacity(classes.len()));
    for class in classes {
        let own = width_of(class);
        if left > GAP && left + own + GAP > width {
            (left, row) = (GAP, row + 1);
        }
        places.push([sheet.height + 2 * GAP + row * line, left]);
        left += own + 2 * GAP;
    }
    let mut whole = white(sheet.height + 2 * GAP + (row + 1) * line, width);
    paste(&mut whole, sheet, [0, 0]);
    paste(&mut whole, &filled(1, width, RULE), [sheet.height + GAP, 0]);
    for (class, [top, left]) in classes.iter().zip(places) {
        paste(&mut whole, &filled(letter, letter, RULE), [top, left]);
        paste(&mut whole, &filled(letter - 2, letter - 2, class.color), [top + 1, left + 1]);
        write(&mut whole, &class.name, [top, left + letter + GAP], width, size);
    }
    whole
}

/// The height of a sheet without its legend. `gap` is a column between its images, which only the line crosses.
pub fn height_without_legend(sheet: &RgbImage, gap: usize) -> usize {
    let rule = (0..sheet.height).find(|&y| gap < sheet.width && sheet.at(gap, y) == RULE);
    rule.map_or(sheet.height, |rule| rule.saturating_sub(GAP))
}

fn filled(height: usize, width: usize, color: [u8; 3]) -> RgbImage {
    Plane { height, width, data: vec![color; height * width] }
}

#[cfg(test)]
mod tests {
    use asap_model::Config;

    use super::*;

    fn names() -> DataConfig {
        let mut config = Config::default();
        config.set("data.names=cmp").unwrap();
        config.data
    }

    #[test]
    fn legends_have_the_classes_that_occur() {
        let map = Plane { height: 1, width: 3, data: vec![3, 12, 3] };
        let found = occurring([&map], &names());
        let found: Vec<_> = found.iter().map(|class| (class.id, class.name.as_str(), class.color)).collect();
        assert_eq!(found, [(3, "window", [0, 85, 255]), (12, "shop", [170, 0, 0])]);
    }

    #[test]
    fn legends_are_below_sheets_of_any_width() {
        let classes: Vec<Class> = occurring([&Plane { height: 1, width: 13, data: (0..13).collect() }], &names());
        for (height, width) in [(4, 5), (70, 200), (50, 900)] {
            let sheet = filled(height, width, [255; 3]);
            let whole = with_legend(&sheet, &classes);
            assert!(whole.width >= width && whole.height > height);
            assert_eq!(whole.crop(0, 0, height, width), sheet);
            assert_eq!(height_without_legend(&whole, 2), height);
            for class in &classes[1..] {
                assert!(whole.data.contains(&class.color), "{} at {width}", class.name);
            }
            let ink = whole.data.iter().filter(|color| **color == [0; 3]).count();
            assert!(ink > 13 * 40, "names are written");
        }
        assert_eq!(with_legend(&filled(2, 2, [9; 3]), &[]), filled(2, 2, [9; 3]));
    }
}

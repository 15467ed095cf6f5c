//! Names and colors of the classes of public datasets, as text files: a line for each class with id, color and name.

use super::schema::choices;

choices! {
    /// The classes of a public dataset.
    pub enum Palette {
        /// The CMP facades: 13 ids, of which 0 is unlabeled; or 12 without it.
        Cmp = "cmp",
        /// Cityscapes' `labelIds`: 35.
        Cityscapes = "cityscapes",
        /// Cityscapes' `labelTrainIds`: 19.
        CityscapesTrainIds = "cityscapes-train-ids",
        /// ADE20K: 151 ids, of which 0 is other; or 150 without it.
        Ade20k = "ade20k",
        /// COCO-Stuff: 182.
        CocoStuff = "coco-stuff",
    }
}

/// The id of pixels without a class in public datasets.
const UNLABELED: u16 = 255;

/// A class of a palette.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaletteClass {
    /// Its id in label maps; 255 for pixels without a class.
    pub id: u16,
    /// Its name.
    pub name: &'static str,
    /// Its color, RGB. Some datasets have several classes of one color.
    pub color: [u8; 3],
}

impl Palette {
    /// Every palette.
    pub const ALL: [Palette; 5] =
        [Palette::Cmp, Palette::Cityscapes, Palette::CityscapesTrainIds, Palette::Ade20k, Palette::CocoStuff];

    /// Its classes, by id, and last what marks pixels without one, if the dataset has a color for it.
    pub fn classes(self) -> Vec<PaletteClass> {
        let text = match self {
            Palette::Cmp => include_str!("cmp.txt"),
            Palette::Cityscapes => include_str!("cityscapes.txt"),
            Palette::CityscapesTrainIds => include_str!("cityscapes-train-ids.txt"),
            Palette::Ade20k => include_str!("ade20k.txt"),
            Palette::CocoStuff => include_str!("coco-stuff.txt"),
        };
        text.lines().filter_map(PaletteClass::parse).collect()
    }

    /// The classes for label maps with ids from 0 to `count` − 1. Where id 0 is no class of the dataset, the others may also
    /// start from 0.
    pub fn for_classes(self, count: usize) -> Option<Vec<PaletteClass>> {
        let mut classes = self.classes();
        match self.counts().iter().position(|&possible| possible == count)? {
            0 => {}
            _ => {
                classes.iter_mut().for_each(|class| class.id = class.id.checked_sub(1).unwrap_or(UNLABELED));
                classes.rotate_left(1);
            }
        }
        Some(classes)
    }

    /// The numbers of classes that it is for.
    pub fn counts(self) -> &'static [usize] {
        match self {
            Palette::Cmp => &[13, 12],
            Palette::Cityscapes => &[35],
            Palette::CityscapesTrainIds => &[19],
            Palette::Ade20k => &[151, 150],
            Palette::CocoStuff => &[182],
        }
    }
}

impl PaletteClass {
    /// `ID #RRGGBB NAME`; `None` for a comment.
    fn parse(line: &'static str) -> Option<Self> {
        let (id, rest) = line.split_once(" #")?;
        let (color, name) = rest.split_once(' ')?;
        Some(PaletteClass { id: id.parse().ok()?, name, color: parse_color(color)? })
    }
}

/// The color of six hexadecimal digits.
pub(super) fn parse_color(digits: &str) -> Option<[u8; 3]> {
    let is_hexadecimal = digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let [_, color @ ..] = u32::from_str_radix(digits, 16).ok().filter(|_| is_hexadecimal)?.to_be_bytes();
    Some(color)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn palettes_have_every_id_once() {
        for palette in Palette::ALL {
            for &count in palette.counts() {
                let classes = palette.for_classes(count).unwrap();
                let ids: Vec<u16> = classes.iter().map(|class| class.id).filter(|&id| id != UNLABELED).collect();
                assert_eq!(ids, (0..count as u16).collect::<Vec<_>>(), "{palette:?}");
                assert!(classes.len() <= count + 1);
                let names: BTreeSet<&str> = classes.iter().map(|class| class.name).collect();
                assert_eq!(names.len(), classes.len(), "{palette:?}");
            }
            assert_eq!(palette.for_classes(5), None);
        }
    }

    /// Of each palette: the first, one in the middle, the last.
    #[test]
    fn palettes_match_their_sources() {
        for (palette, count, id, name, color) in [
            (Palette::Cmp, 13, 1, "background", [0, 0, 170]),
            (Palette::Cmp, 13, 5, "cornice", [0, 255, 255]),
            (Palette::Cmp, 12, 11, "shop", [170, 0, 0]),
            (Palette::Cityscapes, 35, 7, "road", [128, 64, 128]),
            (Palette::Cityscapes, 35, 26, "car", [0, 0, 142]),
            (Palette::Cityscapes, 35, 33, "bicycle", [119, 11, 32]),
            (Palette::CityscapesTrainIds, 19, 0, "road", [128, 64, 128]),
            (Palette::CityscapesTrainIds, 19, 18, "bicycle", [119, 11, 32]),
            (Palette::CityscapesTrainIds, 19, 255, "ignored", [0, 0, 0]),
            (Palette::Ade20k, 151, 0, "other", [0, 0, 0]),
            (Palette::Ade20k, 151, 1, "wall", [120, 120, 120]),
            (Palette::Ade20k, 150, 149, "flag", [92, 0, 255]),
            (Palette::CocoStuff, 182, 0, "person", [128, 0, 0]),
            (Palette::CocoStuff, 182, 156, "sky-other", [95, 219, 255]),
            (Palette::CocoStuff, 182, 181, "wood", [0, 224, 192]),
        ] {
            let classes = palette.for_classes(count).unwrap();
            let class = classes.iter().find(|class| class.id == id).unwrap();
            assert_eq!((class.name, class.color), (name, color), "{palette:?}");
        }
    }
}

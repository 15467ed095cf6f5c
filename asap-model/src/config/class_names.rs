//! Names and colors of classes, from `data.names` and `data.colors`.

use std::collections::BTreeMap;

use super::classes::{ClassColors, ClassNames, hex};
use super::data::{DataConfig, InputKind, Layout};
use super::palettes::Palette;
use super::schema::{KeyError, Section, either};

impl DataConfig {
    /// The name of every class, by id: those of `data.names`, else of the palette that `data.colors` names, else the ids.
    /// With `data.ignore` the last is "ignored", if it is not among `data.names`. Synthetic facades have the names of the CMP
    /// facades.
    pub fn class_names(&self) -> Vec<String> {
        let mut names: Vec<String> = (0..self.classes).map(|id| id.to_string()).collect();
        names.extend(self.ignore.is_some().then(|| "ignored".to_owned()));
        if let Some(ClassNames::Own(own)) = &self.names {
            names.iter_mut().zip(own).for_each(|(name, own)| name.clone_from(own));
        } else if let Some(palette) = self.named_palette() {
            let classes = palette.for_classes(self.classes).unwrap_or_else(|| palette.classes());
            for class in classes {
                if let Some(name) = names[..self.classes].get_mut(usize::from(class.id)) {
                    *name = class.name.to_owned();
                }
            }
        }
        names
    }

    /// Whether [`class_names`](Self::class_names) are more than the ids.
    pub fn has_class_names(&self) -> bool {
        self.input == InputKind::Labels && (self.names.is_some() || self.named_palette().is_some())
    }

    /// The color of every class, by id: those of `data.colors`, else of the palette that `data.names` names, else distinct
    /// ones. With `data.ignore` the last is gray, if it is not among `data.colors`.
    pub fn class_colors(&self) -> Vec<[u8; 3]> {
        let mut colors = distinct_colors(self.classes);
        colors.extend(self.ignore.is_some().then_some([128; 3]));
        match &self.colors {
            Some(ClassColors::Own(own)) => colors.iter_mut().zip(own).for_each(|(color, own)| *color = own.0),
            _ => {
                for (color, id) in self.color_ids().unwrap_or_default() {
                    if let Some(place) = colors[..self.classes].get_mut(usize::from(id)) {
                        *place = color;
                    }
                }
            }
        }
        colors
    }

    /// The colors of color-coded label maps with their ids, if `data.colors` or the palette of `data.names` sets them.
    /// A color that several classes have stands for the first. One more than there are classes is that of `data.ignore`.
    pub fn color_ids(&self) -> Option<Vec<([u8; 3], u16)>> {
        match (&self.colors, &self.names) {
            (Some(ClassColors::Own(own)), _) => {
                let ignored = self.ignore.iter().flat_map(|ids| &ids.0).next().and_then(|&id| u16::try_from(id).ok());
                let ids = (0..).take(self.classes).chain(ignored);
                Some(own.iter().map(|color| color.0).zip(ids).collect())
            }
            (Some(ClassColors::Shipped(palette)), _) | (None, Some(ClassNames::Shipped(palette))) => {
                let classes = palette.for_classes(self.classes)?;
                Some(classes.iter().map(|class| (class.color, class.id)).collect())
            }
            (None, _) => None,
        }
    }

    /// The number of classes that `data.names`, or else `data.colors`, are for; `None` if neither is set.
    pub fn named_classes(&self) -> Option<usize> {
        match (&self.names, &self.colors) {
            (Some(ClassNames::Own(names)), _) => Some(names.len()),
            (_, Some(ClassColors::Own(colors))) => Some(colors.len()),
            (Some(ClassNames::Shipped(palette)), _) | (None, Some(ClassColors::Shipped(palette))) => {
                Some(palette.counts()[0])
            }
            (None, None) => None,
        }
    }

    /// The palette whose names are shown where the classes have no names of their own.
    fn named_palette(&self) -> Option<Palette> {
        match (&self.names, &self.colors) {
            (Some(ClassNames::Shipped(palette)), _) | (None, Some(ClassColors::Shipped(palette))) => Some(*palette),
            (None, _) if self.layout == Layout::Synthetic => Some(Palette::Cmp),
            _ => None,
        }
    }

    /// Checks that there are as many names and colors as classes, and that each can be told apart.
    pub(super) fn check_classes(&self) -> Result<(), KeyError> {
        let keys = [("names", self.names.is_some()), ("colors", self.colors.is_some())];
        if self.input != InputKind::Labels
            && let Some((key, _)) = keys.iter().find(|(_, is_set)| *is_set)
        {
            return Err(self.conflict(key, "only for label maps; set data.input = \"labels\", or leave it out"));
        }
        let count = |key: &str, length: usize| match [self.classes, self.label_channels()].contains(&length) {
            true => Ok(()),
            false => {
                let problem = format!("has {length}, but data.classes = {}: give one for each class", self.classes);
                Err(self.conflict(key, &problem))
            }
        };
        let fits = |key: &str, palette: Palette| match palette.counts().contains(&self.classes) {
            true => Ok(()),
            false => {
                let counts: Vec<String> = palette.counts().iter().map(usize::to_string).collect();
                let counts = either(&counts.iter().map(String::as_str).collect::<Vec<_>>());
                let problem = format!("is for {counts} classes, but data.classes = {}", self.classes);
                Err(self.conflict(key, &problem))
            }
        };
        match &self.names {
            Some(ClassNames::Shipped(palette)) => fits("names", *palette)?,
            Some(ClassNames::Own(names)) => {
                count("names", names.len())?;
                let is_bad = |name: &String| name.trim().is_empty() || name.chars().any(char::is_control);
                if let Some(id) = names.iter().position(is_bad) {
                    let problem = format!("the name of class {id} is empty or has control characters");
                    return Err(self.conflict("names", &problem));
                }
                self.check_distinct("names", names)?;
            }
            None => {}
        }
        match &self.colors {
            Some(ClassColors::Shipped(palette)) => fits("colors", *palette)?,
            Some(ClassColors::Own(colors)) => {
                count("colors", colors.len())?;
                self.check_distinct("colors", &colors.iter().map(|color| hex(color.0)).collect::<Vec<_>>())?;
            }
            None => {}
        }
        Ok(())
    }

    fn check_distinct(&self, key: &str, values: &[String]) -> Result<(), KeyError> {
        let mut seen = BTreeMap::new();
        for (id, value) in values.iter().enumerate() {
            if let Some(first) = seen.insert(value, id) {
                let problem = format!("classes {first} and {id} are both {value}: give each its own");
                return Err(self.conflict(key, &problem));
            }
        }
        Ok(())
    }
}

/// An RGB color for each class: those of the CMP facades for 13 classes; otherwise black for 0, and for the others hues a
/// golden angle apart, so that neighboring ids differ, in four shades, so that no two of 256 are equal.
fn distinct_colors(classes: usize) -> Vec<[u8; 3]> {
    match Palette::Cmp.for_classes(classes) {
        Some(cmp) if classes == 13 => cmp.iter().map(|class| class.color).collect(),
        _ => (0..classes).map(|id| if id == 0 { [0; 3] } else { distinct_color(id) }).collect(),
    }
}

fn distinct_color(id: usize) -> [u8; 3] {
    /// 1/φ: multiples of it modulo 1 spread most evenly.
    const GOLDEN: f64 = 0.618_033_988_749_895;
    const SHADES: [(f64, f64); 4] = [(0.85, 0.95), (0.55, 0.75), (0.85, 0.6), (0.4, 0.98)];
    let hue = (id as f64 * GOLDEN).fract() * 6.0;
    let (saturation, value) = SHADES[id % 4];
    // The HSV hexcone: a channel falls off with its distance on the hue circle.
    [5.0, 3.0, 1.0].map(|offset| {
        let k = (offset + hue) % 6.0;
        let channel = value * (1.0 - saturation * k.min(4.0 - k).clamp(0.0, 1.0));
        (channel * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests;

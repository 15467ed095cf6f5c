//! The values of `data.names` and `data.colors`.

use serde::{Deserialize, Serialize};

use super::palettes::{Palette, parse_color};
use super::schema::Value;

/// `data.names`: a name for each class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ClassNames {
    /// Those of a public dataset.
    Shipped(Palette),
    /// Listed, by id.
    Own(Vec<String>),
}

/// `data.colors`: a color for each class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ClassColors {
    /// Those of a public dataset.
    Shipped(Palette),
    /// Listed, by id.
    Own(Vec<Color>),
}

/// An RGB color, in a configuration `"#rrggbb"` or `[r, g, b]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ColorText", into = "String")]
pub struct Color(pub [u8; 3]);

#[derive(Deserialize)]
#[serde(untagged)]
enum ColorText {
    Text(String),
    Levels([u8; 3]),
}

impl TryFrom<ColorText> for Color {
    type Error = &'static str;

    fn try_from(text: ColorText) -> Result<Self, Self::Error> {
        match text {
            ColorText::Levels(levels) => Ok(Color(levels)),
            ColorText::Text(text) => text.strip_prefix('#').and_then(parse_color).map(Color).ok_or("not #rrggbb"),
        }
    }
}

impl From<Color> for String {
    fn from(color: Color) -> Self {
        hex(color.0)
    }
}

/// A color as `#rrggbb`.
pub fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

impl Value for ClassNames {
    type Item = ();
    fn expected() -> String {
        format!("{}, or a list of names by id", Palette::expected())
    }
    fn items(&self) -> &[()] {
        &[]
    }
}

impl Value for ClassColors {
    type Item = ();
    fn expected() -> String {
        format!(r##"{}, or a list of colors by id, each "#rrggbb" or [r, g, b]"##, Palette::expected())
    }
    fn items(&self) -> &[()] {
        &[]
    }
}

/// The palettes that have all of `colors`: first those for `classes` classes.
pub(crate) fn palettes_with(colors: &[[u8; 3]], classes: usize) -> Vec<Palette> {
    let has_all = |palette: &Palette| {
        let own = palette.classes();
        colors.iter().all(|color| own.iter().any(|class| class.color == *color))
    };
    let mut found: Vec<Palette> = Palette::ALL.into_iter().filter(has_all).collect();
    found.sort_by_key(|palette| !palette.counts().contains(&classes));
    found
}

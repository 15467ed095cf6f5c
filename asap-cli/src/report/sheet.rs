//! Several images in one.

use asap_model::data::{Plane, RgbImage, resize_image};
use font8x8::{BASIC_FONTS, LATIN_FONTS, UnicodeFonts};

/// Maximum length of an image's longer side on a captioned sheet.
const LONGEST: usize = 512;
/// Minimum width of a captioned column, so that its text is readable.
const NARROWEST: usize = 160;
/// Pixels between the images of a captioned sheet.
const GAP: usize = 6;
/// Sides of a letter of the font.
pub(super) const LETTER: usize = 8;
/// The height of a line of text.
const LINE: usize = 2 * LETTER;

/// A column of a captioned sheet.
pub struct Column {
    /// The text above.
    pub name: String,
    /// The text below.
    pub caption: String,
    /// The images, top to bottom.
    pub images: Vec<RgbImage>,
}

/// Columns of images of the same size, `gap` white pixels apart.
pub fn tile<I: AsRef<[RgbImage]>>(columns: &[I], gap: usize) -> RgbImage {
    let first = columns.iter().find_map(|column| column.as_ref().first());
    let [height, width] = first.map_or([1, 1], |image| [image.height, image.width]);
    let rows = columns.iter().map(|column| column.as_ref().len()).max().unwrap_or(0);
    let side = |count: usize, side: usize| (count * (side + gap)).saturating_sub(gap).max(1);
    let mut sheet = white(side(rows, height), side(columns.len(), width));
    for (x, column) in columns.iter().enumerate() {
        for (y, image) in column.as_ref().iter().enumerate() {
            paste(&mut sheet, image, [y * (height + gap), x * (width + gap)]);
        }
    }
    sheet
}

/// Columns with text above and below. Small images are enlarged by whole factors, large ones reduced.
pub fn captioned(columns: &[Column]) -> RgbImage {
    let images = || columns.iter().flat_map(|column| &column.images);
    let Some(height) = images().map(|image| image.height).max() else { return white(1, 1) };
    let width = images().map(|image| image.width).max().unwrap_or(1);
    let larger = NARROWEST.div_ceil(width).max(1);
    let scale = (LONGEST as f64 / height.max(width) as f64).min(larger as f64);
    let scaled_side = |side: usize| ((side as f64 * scale).round() as usize).max(1);
    let [rows, across] = [height, width].map(scaled_side);
    let scaled = |image: &RgbImage| {
        let &Plane { height, width, .. } = image;
        let [own_rows, own_across] = [height, width].map(scaled_side);
        let scaled = match scale >= 1.0 {
            true => {
                Plane::from_fn(own_rows, own_across, |x, y| image.at(x * width / own_across, y * height / own_rows))
            }
            false => resize_image(image, own_rows, own_across),
        };
        // A smaller image is surrounded by white.
        let mut cell = white(rows, across);
        paste(&mut cell, &scaled, [0, 0]);
        cell
    };
    let scaled: Vec<Vec<RgbImage>> = columns.iter().map(|column| column.images.iter().map(scaled).collect()).collect();
    let images = tile(&scaled, GAP);
    let mut sheet = white(images.height + 2 * LINE + 4 * GAP, images.width + 2 * GAP);
    paste(&mut sheet, &images, [GAP + LINE, GAP]);
    for (number, column) in columns.iter().enumerate() {
        let left = GAP + number * (across + GAP);
        write(&mut sheet, &column.name, [GAP, left], across, size_of(&column.name, across));
        let below = GAP + LINE + column.images.len() * (rows + GAP);
        write(&mut sheet, &column.caption, [below, left], across, size_of(&column.caption, across));
    }
    sheet
}

pub(super) fn white(height: usize, width: usize) -> RgbImage {
    Plane { height, width, data: vec![[255; 3]; height * width] }
}

/// Copies an image to where its upper left corner is at `top` and `left`.
pub(super) fn paste(sheet: &mut RgbImage, image: &RgbImage, [top, left]: [usize; 2]) {
    for (y, row) in image.data.chunks(image.width).enumerate() {
        let start = (top + y) * sheet.width + left;
        sheet.data[start..start + image.width].copy_from_slice(row);
    }
}

/// Writes a line of black text whose upper left corner is at `top` and `left`, as much of it as fits into `width`, each
/// pixel of the font `size` pixels wide.
pub(super) fn write(sheet: &mut RgbImage, text: &str, [top, left]: [usize; 2], width: usize, size: usize) {
    for (number, letter) in text.chars().enumerate().take(width / (size * LETTER)) {
        let glyph = BASIC_FONTS.get(letter).or_else(|| LATIN_FONTS.get(letter)).unwrap_or([0x7e; LETTER]);
        for (y, row) in glyph.iter().enumerate() {
            for x in (0..LETTER).filter(|x| row >> x & 1 == 1) {
                for (dy, dx) in (0..size * size).map(|i| (i / size, i % size)) {
                    let (row, column) = (top + y * size + dy, left + (number * LETTER + x) * size + dx);
                    if row < sheet.height && column < sheet.width {
                        sheet.data[row * sheet.width + column] = [0; 3];
                    }
                }
            }
        }
    }
}

/// The larger of two sizes of text in which it fits into `width`.
fn size_of(text: &str, width: usize) -> usize {
    if text.chars().count() * 2 * LETTER <= width { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, [height, width]: [usize; 2], color: [u8; 3]) -> Column {
        let image = Plane { height, width, data: vec![color; height * width] };
        Column { name: name.into(), caption: "1.0 ms".into(), images: vec![image; 2] }
    }

    #[test]
    fn captioned_sheet_has_images_and_text() {
        let sheet = captioned(&[column("asap", [100, 200], [9; 3]), column("real", [100, 200], [200; 3])]);
        assert_eq!((sheet.height, sheet.width), (2 * LINE + 3 * GAP + 2 * 106, GAP + 2 * 206));
        for (x, color) in [(GAP, [9; 3]), (GAP + 206, [200; 3])] {
            for y in [GAP + LINE, GAP + LINE + 106] {
                assert_eq!(sheet.at(x, y), color);
                assert_eq!(sheet.at(x + 199, y + 99), color);
            }
        }
        let ink = |top: usize| {
            (0..LINE)
                .flat_map(|y| (0..sheet.width).map(move |x| (x, y)))
                .filter(|(x, y)| sheet.at(*x, top + y) == [0; 3])
                .count()
        };
        assert!(ink(GAP) > 50 && ink(GAP + LINE + 2 * 106) > 50, "there is text above and below");
    }

    #[test]
    fn images_of_other_sizes_keep_their_shape() {
        let sheet = captioned(&[column("large", [400, 200], [9; 3]), column("small", [100, 50], [200; 3])]);
        assert_eq!(sheet.width, 3 * GAP + 2 * 200);
        let (left, top) = (2 * GAP + 200, GAP + LINE);
        let corner = [sheet.at(left + 49, top + 99), sheet.at(left + 50, top), sheet.at(left, top + 100)];
        assert_eq!(corner, [[200; 3], [255; 3], [255; 3]]);
    }

    #[test]
    fn images_are_scaled_to_readable_columns() {
        let small = captioned(&[column("a name that is too long for its column", [8, 16], [0, 0, 7])]);
        assert_eq!(small.width, 2 * GAP + 160);
        assert_eq!(captioned(&[column("large", [1024, 2048], [0; 3])]).width, 2 * GAP + 512);
    }
}

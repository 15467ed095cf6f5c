//! One picture of all columns, each with its name above and its time beneath.

use asap_model::data::{Plane, RgbImage, resize_image};
use font8x8::{BASIC_FONTS, LATIN_FONTS, UnicodeFonts};

use super::Column;

/// The most pixels of a picture's longer side on the sheet.
const LONGEST: usize = 512;
/// The narrowest column that names are readable in.
const NARROWEST: usize = 160;
/// White pixels between pictures.
const GAP: usize = 6;
/// Sides of a letter of the font.
const LETTER: usize = 8;
/// The height of a line of text.
const LINE: usize = 2 * LETTER;

/// The sheet.
pub fn draw(columns: &[Column]) -> RgbImage {
    let Some(first) = columns.first().and_then(|column| column.pictures.first()) else {
        return Plane { height: 1, width: 1, data: vec![[255; 3]] };
    };
    let (height, width) = (first.height, first.width);
    // Small pictures are enlarged by whole factors, so that each of their pixels stays one square.
    let larger = (NARROWEST.div_ceil(width)).max(1);
    let scale = (LONGEST as f64 / height.max(width) as f64).min(larger as f64);
    let [rows, across] = [height, width].map(|side| ((side as f64 * scale).round() as usize).max(1));
    let count = columns.iter().map(|column| column.pictures.len()).max().unwrap_or(0);
    let whole = [2 * LINE + 3 * GAP + count * (rows + GAP), GAP + columns.len() * (across + GAP)];
    let mut sheet = Plane { height: whole[0], width: whole[1], data: vec![[255; 3]; whole[0] * whole[1]] };
    for (number, column) in columns.iter().enumerate() {
        let left = GAP + number * (across + GAP);
        write(&mut sheet, &column.name, [GAP, left], across);
        let mut top = GAP + LINE;
        for picture in &column.pictures {
            let shown = match scale >= 1.0 {
                true => Plane::from_fn(rows, across, |x, y| picture.at(x * width / across, y * height / rows)),
                false => resize_image(picture, rows, across),
            };
            for y in 0..rows {
                let at = (top + y) * sheet.width + left;
                sheet.data[at..at + across].copy_from_slice(&shown.data[y * across..(y + 1) * across]);
            }
            top += rows + GAP;
        }
        write(&mut sheet, &column.caption, [top, left], across);
    }
    sheet
}

/// Writes a line in black whose upper left corner is at `top` and `left`, as much of it as fits into `width`; letters are as
/// large as they can be.
fn write(sheet: &mut RgbImage, text: &str, [top, left]: [usize; 2], width: usize) {
    let letters = text.chars().count();
    let size = if letters * 2 * LETTER <= width { 2 } else { 1 };
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

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, [height, width]: [usize; 2], colour: [u8; 3]) -> Column {
        let picture = Plane { height, width, data: vec![colour; height * width] };
        Column { name: name.into(), caption: "1.0 ms".into(), pictures: vec![picture; 2] }
    }

    #[test]
    fn a_sheet_has_every_picture_under_its_name_and_over_its_time() {
        let sheet = draw(&[column("ours", [100, 200], [9; 3]), column("real", [100, 200], [200; 3])]);
        assert_eq!((sheet.height, sheet.width), (2 * LINE + 3 * GAP + 2 * 106, GAP + 2 * 206));
        for (x, colour) in [(GAP, [9; 3]), (GAP + 206, [200; 3])] {
            for y in [GAP + LINE, GAP + LINE + 106] {
                assert_eq!(sheet.at(x, y), colour);
                assert_eq!(sheet.at(x + 199, y + 99), colour);
            }
        }
        let ink = |top: usize| {
            (0..LINE)
                .flat_map(|y| (0..sheet.width).map(move |x| (x, y)))
                .filter(|(x, y)| sheet.at(*x, top + y) == [0; 3])
                .count()
        };
        assert!(ink(GAP) > 50 && ink(GAP + LINE + 2 * 106) > 50, "there is text above and beneath");
    }

    #[test]
    fn small_pictures_are_enlarged_and_large_ones_reduced() {
        let small = draw(&[column("a name that is too long for its column", [8, 16], [0, 0, 7])]);
        assert_eq!(small.width, 2 * GAP + 160);
        assert_eq!(draw(&[column("large", [1024, 2048], [0; 3])]).width, 2 * GAP + 512);
    }
}

//! The picture of samples: label · ours · real.

use std::path::Path;

use super::palette::palette;
use crate::Result;
use crate::config::DataConfig;
use crate::data::{InputData, Plane, RgbImage, Sample, depth_colours, to_rgb8, write_rgb};

/// The most rows of a sheet.
pub(super) const ROWS: usize = 4;
/// White pixels between pictures.
const GAP: usize = 4;

/// One row: a validation pair and what the generator makes of it.
#[derive(Clone, Debug)]
pub struct Row {
    /// The pair in its final size.
    pub sample: Sample,
    /// The generator's picture (C, H, W) in [−1, 1].
    pub ours: Vec<f32>,
}

/// Writes rows below each other, each the input (labels in colours of their own, or the RGB picture), the generator's
/// picture, and the real one; depths are in colours, and black where nothing was measured.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) if it can't be written.
pub(super) fn write(path: &Path, rows: &[Row], data: &DataConfig) -> Result<()> {
    let colours = palette(data.classes);
    let [height, width] = data.size;
    let pictures = rows.iter().map(|row| {
        let mask = row.sample.mask.as_deref();
        let input = match &row.sample.input {
            InputData::Labels(ids) => {
                let colour = |&id: &u8| colours.get(usize::from(id)).copied().unwrap_or_default();
                Plane { height, width, data: ids.iter().map(colour).collect() }
            }
            InputData::Rgb(values) => to_rgb8(values, height, width, data.size)?,
        };
        Ok([input, picture(&row.ours, None, data)?, picture(&row.sample.image, mask, data)?])
    });
    write_rgb(path, &tile(&pictures.collect::<Result<Vec<_>>>()?, data.size))
}

/// The generator's pictures of a sheet alone, below each other.
pub(super) fn drawn(sheet: &RgbImage, [_, width]: [usize; 2]) -> RgbImage {
    let left = width + GAP;
    if sheet.width < left + width { sheet.clone() } else { sheet.crop(left, 0, sheet.height, width) }
}

/// A drawn or real picture of the configured kind; of depths those where the mask is not 0.
fn picture(values: &[f32], mask: Option<&[f32]>, data: &DataConfig) -> Result<RgbImage> {
    let [height, width] = data.size;
    if data.depth().is_none() {
        return to_rgb8(values, height, width, data.size);
    }
    let measured = |pixel: usize| mask.is_none_or(|mask| mask[pixel] != 0.0);
    let part = |pixel: usize| measured(pixel).then(|| (f64::from(values[pixel]) + 1.0) / 2.0);
    Ok(depth_colours(height, width, |x, y| part(y * width + x)))
}

fn tile(rows: &[[RgbImage; 3]], [height, width]: [usize; 2]) -> RgbImage {
    let span = |count: usize, side: usize| (count * (side + GAP)).saturating_sub(GAP);
    Plane::from_fn(span(rows.len(), height), span(3, width), |x, y| {
        let (column, left) = (x / (width + GAP), x % (width + GAP));
        let (row, top) = (y / (height + GAP), y % (height + GAP));
        if left < width && top < height { rows[row][column].at(left, top) } else { [255; 3] }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Output;
    use crate::data::read_photo;

    #[test]
    fn a_row_shows_label_ours_and_real() {
        let data = DataConfig { size: [2, 3], classes: 2, ..DataConfig::default() };
        let sample = Sample {
            name: "a".into(),
            height: 2,
            width: 3,
            input: InputData::Labels(vec![0, 1, 0, 0, 0, 0]),
            edges: None,
            image: vec![1.0; 18],
            mask: None,
        };
        let rows = vec![Row { sample, ours: vec![-1.0; 18] }; 2];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sheet.png");
        write(&path, &rows, &data).unwrap();
        let sheet = read_photo(&path).unwrap();
        assert_eq!((sheet.height, sheet.width), (2 * 2 + GAP, 3 * 3 + 2 * GAP));
        let second = (2 + GAP, 3 + GAP, 2 * (3 + GAP));
        assert_eq!([sheet.at(1, 0), sheet.at(0, 0)], [palette(2)[1], [0; 3]]);
        assert_eq!([sheet.at(second.1, 0), sheet.at(second.2, second.0)], [[0; 3], [255; 3]]);
        assert_eq!(sheet.at(3, 0), [255; 3]);
        let ours = drawn(&sheet, data.size);
        assert_eq!([ours.height, ours.width, usize::from(ours.at(2, second.0)[0])], [sheet.height, 3, 0]);
    }

    #[test]
    fn depths_are_in_colours_black_where_none_was_measured_and_an_rgb_input_is_shown_as_it_is() {
        let data = DataConfig { size: [1, 2], output: Output::Depth, ..DataConfig::default() };
        let input = InputData::Rgb([[1.0; 2], [-1.0; 2], [-1.0; 2]].concat());
        let (image, mask) = (vec![1.0, 1.0], Some(vec![1.0, 0.0]));
        let sample = Sample { name: "a".into(), height: 1, width: 2, input, edges: None, image, mask };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sheet.png");
        write(&path, &[Row { sample, ours: vec![-1.0, 1.0] }], &data).unwrap();
        let sheet = read_photo(&path).unwrap();
        let (ours, real) = (2 + GAP, 2 * (2 + GAP));
        let ends = depth_colours(1, 2, |x, _| Some(x as f64)).data;
        assert_eq!([sheet.at(0, 0), sheet.at(1, 0)], [[255, 0, 0]; 2]);
        assert_eq!([sheet.at(ours, 0), sheet.at(ours + 1, 0)], [ends[0], ends[1]], "what is drawn is all shown");
        assert_eq!([sheet.at(real, 0), sheet.at(real + 1, 0)], [ends[1], [0; 3]]);
    }
}

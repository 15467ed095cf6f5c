//! The picture of samples: label · ours · real.

use std::path::Path;

use super::palette::palette;
use crate::Result;
use crate::config::DataConfig;
use crate::data::{InputData, Plane, RgbImage, Sample, to_gray8, to_rgb8, write_rgb};

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
/// picture, and the real one; depth is gray.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) if it can't be written.
pub(super) fn write(path: &Path, rows: &[Row], data: &DataConfig) -> Result<()> {
    let colours = palette(data.classes);
    let [height, width] = data.size;
    let pictures = rows.iter().map(|row| {
        let drawn = |values: &[f32]| picture(values, data);
        let input = match &row.sample.input {
            InputData::Labels(ids) => {
                let colour = |&id: &u8| colours.get(usize::from(id)).copied().unwrap_or_default();
                Plane { height, width, data: ids.iter().map(colour).collect() }
            }
            InputData::Rgb(values) => to_rgb8(values, height, width, data.size)?,
        };
        Ok([input, drawn(&row.ours)?, drawn(&row.sample.image)?])
    });
    write_rgb(path, &tile(&pictures.collect::<Result<Vec<_>>>()?, data.size))
}

/// The generator's pictures of a sheet alone, below each other.
pub(super) fn drawn(sheet: &RgbImage, [_, width]: [usize; 2]) -> RgbImage {
    let left = width + GAP;
    if sheet.width < left + width { sheet.clone() } else { sheet.crop(left, 0, sheet.height, width) }
}

/// A drawn or real picture of the configured kind.
fn picture(values: &[f32], data: &DataConfig) -> Result<RgbImage> {
    let [height, width] = data.size;
    if data.output_channels() == 3 {
        return to_rgb8(values, height, width, data.size);
    }
    let gray = to_gray8(values, height, width, data.size)?;
    Ok(Plane { height, width, data: gray.data.into_iter().map(|level| [level; 3]).collect() })
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
    fn depth_is_gray_and_an_rgb_input_is_shown_as_it_is() {
        let data = DataConfig { size: [1, 1], output: Output::Depth, ..DataConfig::default() };
        let input = InputData::Rgb(vec![1.0, -1.0, -1.0]);
        let sample = Sample { name: "a".into(), height: 1, width: 1, input, edges: None, image: vec![1.0] };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sheet.png");
        write(&path, &[Row { sample, ours: vec![0.0] }], &data).unwrap();
        let sheet = read_photo(&path).unwrap();
        assert_eq!([sheet.at(0, 0), sheet.at(1 + GAP, 0), sheet.at(2 + 2 * GAP, 0)], [[255, 0, 0], [128; 3], [255; 3]]);
    }
}

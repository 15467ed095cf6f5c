//! Sheets of samples: input · output · real.

use std::path::Path;

use asap_model::Result;
use asap_model::config::DataConfig;
use asap_model::data::{Channels, RgbImage, write_rgb};
use asap_model::training::{Event, Observer, RunFolder, SampleRow};

use super::palette::{color_labels, height_without_legend, occurring, with_legend};
use super::sheet;

/// White pixels between images.
const GAP: usize = 4;

/// Writes a sheet of samples after each validation.
#[derive(Default)]
pub struct Samples {
    run: Option<(RunFolder, DataConfig)>,
}

impl Observer for Samples {
    fn observe(&mut self, event: &Event<'_>) -> Result<()> {
        match (event, &self.run) {
            (Event::Started(started), _) => self.run = Some((started.folder.clone(), started.config.data.clone())),
            (Event::Validation { step, samples, .. }, Some((folder, data))) => {
                write(&folder.sheet_file(*step), samples, data)?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Writes the input (labels in colors, or the image), the output and the real image of each row. Depth maps are in
/// colors, black where nothing was measured. Below them are the names of the classes, where they have names.
fn write(path: &Path, rows: &[SampleRow], data: &DataConfig) -> Result<()> {
    let column = |image: &dyn Fn(&SampleRow) -> RgbImage| rows.iter().map(image).collect::<Vec<_>>();
    let colors = data.class_colors();
    let inputs = column(&|row| match &row.pair.input.channels {
        Channels::Labels(map) => color_labels(map, &colors),
        Channels::Image(image) => data.view_input(image),
    });
    let outputs = column(&|row| data.view_output(&row.output, None, data.size));
    let real = column(&|row| {
        let target = &row.pair.target;
        data.view_output(&target.values(&data.output_scale()), row.pair.mask(data).as_deref(), target.size())
    });
    let maps = rows.iter().filter_map(|row| match &row.pair.input.channels {
        Channels::Labels(map) => Some(map),
        Channels::Image(_) => None,
    });
    let classes = if data.has_class_names() { occurring(maps, data) } else { Vec::new() };
    write_rgb(path, &with_legend(&sheet::tile(&[inputs, outputs, real], GAP), &classes))
}

/// A sheet with images of a size, without its legend.
pub fn without_legend(sheet: &RgbImage, [_, width]: [usize; 2]) -> RgbImage {
    sheet.crop(0, 0, height_without_legend(sheet, width), sheet.width.min(3 * width + 2 * GAP))
}

/// The outputs of a sheet with images of a size.
pub fn outputs(sheet: &RgbImage, size: [usize; 2]) -> RgbImage {
    let (images, left) = (without_legend(sheet, size), size[1] + GAP);
    if images.width < left + size[1] { images } else { images.crop(left, 0, images.height, size[1]) }
}

#[cfg(test)]
mod tests {
    use asap_model::config::{ClassNames, InputKind, OutputKind};
    use asap_model::data::{Example, HostInput, Image, Plane, depth_colors, read_photo};

    use super::*;

    #[test]
    fn rows_show_input_output_and_real() {
        let data = DataConfig { size: [2, 3], classes: 2, ..DataConfig::default() };
        let plane = |data| Plane { height: 2, width: 3, data };
        let channels = Channels::Labels(plane(vec![0, 1, 0, 0, 0, 0]));
        let input = HostInput { name: "a".into(), channels, instances: None };
        let target = Plane { height: 2, width: 3, data: vec![[255; 3]; 6] }.into();
        let pair = Example { input, target };
        let rows = vec![SampleRow { pair, output: vec![-1.0; 18] }; 2];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sheet.png");
        write(&path, &rows, &data).unwrap();
        let sheet = read_photo(&path).unwrap();
        assert_eq!((sheet.height, sheet.width), (2 * 2 + GAP, 3 * 3 + 2 * GAP));
        let second = (2 + GAP, 3 + GAP, 2 * (3 + GAP));
        assert_eq!([sheet.at(1, 0), sheet.at(0, 0)], [data.class_colors()[1], [0; 3]]);
        assert_eq!([sheet.at(second.1, 0), sheet.at(second.2, second.0)], [[0; 3], [255; 3]]);
        assert_eq!(sheet.at(3, 0), [255; 3]);
        let named = DataConfig { names: Some(ClassNames::Own(vec!["sky".into(), "sea".into()])), ..data.clone() };
        write(&path, &rows, &named).unwrap();
        let with_names = read_photo(&path).unwrap();
        assert!(with_names.height > sheet.height && with_names.width > sheet.width);
        assert_eq!(super::outputs(&with_names, data.size), outputs(&sheet, data.size));
        let outputs = outputs(&sheet, data.size);
        assert_eq!([outputs.height, outputs.width, usize::from(outputs.at(2, second.0)[0])], [sheet.height, 3, 0]);
    }

    #[test]
    fn depth_is_in_colors_and_black_where_not_measured() {
        let data = DataConfig {
            size: [1, 2],
            input: InputKind::Image,
            output: OutputKind::Depth,
            depth_invalid: Some(0),
            ..DataConfig::default()
        };
        let channels = Channels::Image(Plane { height: 1, width: 2, data: vec![[255, 0, 0]; 2] }.into());
        let input = HostInput { name: "a".into(), channels, instances: None };
        let target = Image::gray8(Plane { height: 1, width: 2, data: vec![255, 0] });
        let pair = Example { input, target };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sheet.png");
        write(&path, &[SampleRow { pair, output: vec![-1.0, 1.0] }], &data).unwrap();
        let sheet = read_photo(&path).unwrap();
        let (output, real) = (2 + GAP, 2 * (2 + GAP));
        let ends = depth_colors(1, 2, |x, _| Some(x as f64)).data;
        assert_eq!([sheet.at(0, 0), sheet.at(1, 0)], [[255, 0, 0]; 2]);
        assert_eq!([sheet.at(output, 0), sheet.at(output + 1, 0)], [ends[0], ends[1]], "outputs have no mask");
        assert_eq!([sheet.at(real, 0), sheet.at(real + 1, 0)], [ends[1], [0; 3]]);
    }
}

//! Pairs as files of a dataset in the layout `pairs`.

use std::path::{Path, PathBuf};

use super::encode::{write_image, write_instances, write_labels};
use super::example::{Channels, Example};
use super::layout::Split;
use super::pixels::Image;
use crate::config::{DataConfig, FileFormat, IdList, Layout, Resize};
use crate::{Error, Result};

/// The folder of targets.
const TARGETS: &str = "images";

/// Writes a pair to the dataset in `dir`: labels as classes, values as they are. The keys of `[data]` that describe it are
/// [`written_data`].
pub fn write_pair(dir: &Path, split: Split, pair: &Example, data: &DataConfig) -> Result<()> {
    let name = &pair.input.name;
    let file = |kind: &str, format: FileFormat| -> Result<PathBuf> {
        let file = place(dir, split, kind, name, format);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(Error::io(folder, "create the folder"))?;
        }
        Ok(file)
    };
    match &pair.input.channels {
        Channels::Labels(map) => write_labels(&file("labels", FileFormat::Png)?, map, &data.class_colors())?,
        Channels::Image(image) => write_image(&file("inputs", format_of(image))?, image, format_of(image))?,
    }
    if let Some(instances) = &pair.input.instances {
        write_instances(&file("instances", FileFormat::Png)?, instances)?;
    }
    // Last, so that [`has_pair`] is true of whole pairs only.
    let format = format_of(&pair.target);
    write_image(&file(TARGETS, format)?, &pair.target, format)
}

/// Whether [`write_pair`] has written the pair of this name.
pub fn has_pair(dir: &Path, split: Split, name: &str) -> bool {
    [FileFormat::Png, FileFormat::Tiff].iter().any(|format| place(dir, split, TARGETS, name, *format).is_file())
}

/// The keys of `[data]` that describe what [`write_pair`] writes of a dataset with these keys, resized by `data.resize`.
pub fn written_data(data: &DataConfig) -> DataConfig {
    DataConfig {
        layout: Layout::Pairs,
        direction: None,
        remap: None,
        ignore: data.ignore.as_ref().map(|_| IdList(vec![data.classes as u32])),
        resize: if data.resize == Resize::Crop { Resize::Crop } else { Resize::Fixed },
        load_size: None,
        load_jitter: 1.0,
        ..data.clone()
    }
}

/// The file of a kind.
fn place(dir: &Path, split: Split, kind: &str, name: &str, format: FileFormat) -> PathBuf {
    dir.join(split.name()).join(kind).join(format!("{name}.{}", format.extension()))
}

/// A lossless format that can hold an image.
fn format_of(image: &Image) -> FileFormat {
    let is_png = FileFormat::Png.can_hold(image.channels(), image.samples().bits());
    if is_png { FileFormat::Png } else { FileFormat::Tiff }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Ranges};
    use crate::data::{Dataset, HostInput, Plane, Samples, Source, is_split};

    #[test]
    fn written_pairs_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut data = Config::default().data;
        data.ignore = Some(IdList(vec![255]));
        (data.instances, data.output_channels, data.size) = (true, 6, [4, 8]);
        data.output_range = Some(Ranges::All([0.0, 65535.0]));
        let pair = |name: &str, shift: usize| Example {
            input: HostInput {
                name: name.into(),
                channels: Channels::Labels(Plane::from_fn(4, 8, |x, y| ((x + y + shift) % 14) as u8)),
                instances: Some(Plane::from_fn(4, 8, |x, _| 300 * (x / 4) as u32)),
            },
            target: Image::new([4, 8], 6, Samples::U16((0..4 * 8 * 6).map(|i| (i * 300 + shift) as u16).collect())),
        };
        let pairs = [pair("city/a.b", 0), pair("c", 5)];
        for (split, pair) in [Split::Train, Split::Val].into_iter().zip(&pairs) {
            assert!(!has_pair(dir.path(), split, &pair.input.name));
            write_pair(dir.path(), split, pair, &data).unwrap();
            assert!(has_pair(dir.path(), split, &pair.input.name));
        }
        let data = written_data(&data);
        assert!(is_split(dir.path(), data.layout));
        for (split, pair) in [Split::Train, Split::Val].into_iter().zip(&pairs) {
            let read = Dataset::discover(dir.path(), &data, split).unwrap();
            assert_eq!((read.len(), &read.get(0).unwrap()), (1, pair));
        }
    }
}

//! Synthetic facades as a data set on disk, in the layout of the published facades data.

use std::fs;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use rayon::prelude::*;

use super::{Facade, PALETTE, facade};
use crate::data::{Plane, write_labels};
use crate::{Error, Result, atomic};

/// JPEG quality of the photos.
const QUALITY: u8 = 95;

/// How many pairs a data set got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Pairs in `train_img` and `train_label`: indices 0 to `train` − 1.
    pub train: usize,
    /// Pairs in `val_img` and `val_label`: the indices after those.
    pub val: usize,
}

/// Writes facades 0 to `count` − 1 of `seed`, `size` × `size` pixels, to `dir`: `train_img`, `val_img` (JPEG) and
/// `train_label`, `val_label` (PNG of the ids, in the colours of [`PALETTE`]). The last 15%, but at least one, are
/// for validation.
///
/// `dir` appears whole or not at all: it is written under another name beside itself and then renamed.
///
/// # Errors
/// [`Error::Data`] if `dir` has something in it already, [`Error::Config`] for a `count` below 2 or a `size` of 0 or
/// above 4096, [`Error::Io`] when the system refuses.
pub fn write(dir: &Path, count: usize, size: usize, seed: u64) -> Result<Written> {
    let refuse = |problem: String| Err(Error::Config { origin: "synthetic facades".into(), problem });
    if count < 2 {
        return refuse(format!("count is {count}; training and validation need one picture each, so at least 2"));
    }
    if size == 0 || size > 4096 {
        return refuse(format!("size is {size}; choose 1 to 4096 pixels"));
    }
    refuse_existing(dir)?;
    let parent = match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(io(parent, "create the folder"))?;
    let workplace =
        tempfile::Builder::new().prefix(".synth-").tempdir_in(parent).map_err(io(parent, "create a folder in it"))?;
    // Not the temporary folder itself: only its owner may enter that.
    let whole = workplace.path().join("facades");
    for part in ["train_img", "train_label", "val_img", "val_label"] {
        let folder = whole.join(part);
        fs::create_dir_all(&folder).map_err(io(&folder, "create the folder"))?;
    }

    let val = ((count as f64 * 0.15).round() as usize).max(1);
    let train = count - val;
    (0..count).into_par_iter().try_for_each(|index| {
        let facade = facade(seed, index as u64, size, size);
        let part = if index < train { "train" } else { "val" };
        write_photo(&whole.join(format!("{part}_img/synth_{index:05}.jpg")), &facade)?;
        let labels = Plane { height: size, width: size, data: facade.labels };
        write_labels(&whole.join(format!("{part}_label/synth_{index:05}.png")), &labels, &PALETTE)
    })?;

    // Renaming over an empty folder is not allowed everywhere.
    if dir.is_dir() {
        refuse_existing(dir)?;
        fs::remove_dir(dir).map_err(io(dir, "replace the empty folder"))?;
    }
    fs::rename(&whole, dir).map_err(io(dir, "move the finished data set there"))?;
    Ok(Written { train, val })
}

fn io(file: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::Io { file: file.to_path_buf(), action, source }
}

/// An error unless `dir` is absent or an empty folder, and not the working directory, which can't be replaced by a
/// renamed one without leaving the shell in a folder that is gone.
fn refuse_existing(dir: &Path) -> Result<()> {
    let refuse = |problem: &str| Err(Error::Data { file: dir.to_path_buf(), problem: problem.into() });
    if dir.is_dir() {
        if fs::read_dir(dir).map_err(io(dir, "read the folder"))?.next().is_some() {
            return refuse("is not empty; choose a new folder for the synthetic facades");
        }
        if std::env::current_dir().and_then(|here| Ok(dir.canonicalize()? == here.canonicalize()?)).unwrap_or(false) {
            return refuse("is the working directory; choose a new folder in it for the synthetic facades");
        }
    } else if dir.symlink_metadata().is_ok() {
        return refuse("exists and is not a folder; choose a new folder for the synthetic facades");
    }
    Ok(())
}

fn write_photo(path: &Path, facade: &Facade) -> Result<()> {
    atomic::write(path, |out| {
        JpegEncoder::new_with_quality(out, QUALITY)
            .encode(&facade.image, facade.width as u32, facade.height as u32, image::ExtendedColorType::Rgb8)
            .map_err(std::io::Error::other)
    })
}

#[cfg(test)]
mod tests {
    use super::super::CLASSES;
    use super::*;
    use crate::config::DataConfig;
    use crate::data::{DataSet, Picture, Source, Split, SyntheticFacades, detect_layout};

    #[test]
    fn a_written_data_set_reads_back_as_the_facades_it_was_drawn_from() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("new/facades");
        assert_eq!(write(&dir, 7, 24, 3).unwrap(), Written { train: 6, val: 1 });
        let data = DataConfig { layout: detect_layout(&dir).unwrap(), classes: CLASSES, ..DataConfig::default() };
        for (split, first, count) in [(Split::Train, 0, 6), (Split::Val, 6, 1)] {
            let read = DataSet::discover(&dir, &data, split).unwrap();
            let drawn = SyntheticFacades { seed: 3, first, count, size: [24, 24] };
            assert_eq!(read.len(), count);
            for index in 0..count {
                let (read, drawn) = (read.raw(index).unwrap(), drawn.raw(index).unwrap());
                assert_eq!((&read.name, &read.input), (&drawn.name, &drawn.input));
                let (Picture::Rgb(read), Picture::Rgb(drawn)) = (read.image, drawn.image) else {
                    panic!("photos are RGB")
                };
                let levels = read.data.as_flattened().iter().zip(drawn.data.as_flattened());
                let off = levels.map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>();
                assert!(off < 8 * 3 * 24 * 24, "photo {index} is off by {off} levels in sum");
            }
        }
        let left: Vec<_> = fs::read_dir(temp.path().join("new")).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing but the data set stays: {left:?}");
    }

    #[test]
    fn a_folder_with_something_in_it_is_refused_and_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("mine.txt"), "kept").unwrap();
        let error = write(temp.path(), 4, 16, 0).unwrap_err();
        assert!(matches!(&error, Error::Data { file, .. } if file == temp.path()), "{error}");
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);

        let file = temp.path().join("mine.txt");
        assert!(matches!(write(&file, 4, 16, 0).unwrap_err(), Error::Data { .. }));
        assert_eq!(fs::read_to_string(file).unwrap(), "kept");
    }

    #[test]
    fn an_empty_folder_is_used() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("empty");
        fs::create_dir(&dir).unwrap();
        assert_eq!(write(&dir, 2, 8, 0).unwrap(), Written { train: 1, val: 1 });
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 4);
    }

    #[test]
    fn counts_and_sizes_that_make_no_data_set_are_refused() {
        let temp = tempfile::tempdir().unwrap();
        for (count, size) in [(0, 8), (1, 8), (4, 0), (4, 5000)] {
            let error = write(&temp.path().join("x"), count, size, 0).unwrap_err();
            assert!(matches!(error, Error::Config { .. }), "{count}, {size}: {error}");
        }
    }
}

//! Synthetic images as a dataset on disk: facades in the layout of the published facades dataset, scenes as plain pairs.

use std::fs;
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use rayon::prelude::*;

use super::{Facade, PALETTE, Scene, facade, scene};
use crate::checkpoint::atomic;
use crate::config::FileFormat;
use crate::data::{Image, RgbImage, write_image, write_labels, write_rgb};
use crate::{Error, Result};

/// JPEG quality of the photos.
const QUALITY: u8 = 95;

/// The content of the images, and with it the layout on disk. `SPLIT` is `train` or `val`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`facade`]: `SPLIT_img` (JPEG) and `SPLIT_label` (PNG of the ids, in the colors of [`PALETTE`]).
    Facades,
    /// [`scene`](fn@scene): `SPLIT/inputs` (PNG) and `SPLIT/images`, their depth maps (16-bit PNG).
    Scenes,
}

impl Kind {
    /// The folders of one split.
    fn folders(self, split: &str) -> [String; 2] {
        match self {
            Kind::Facades => [format!("{split}_img"), format!("{split}_label")],
            Kind::Scenes => [format!("{split}/inputs"), format!("{split}/images")],
        }
    }

    /// Writes one image and its map into the folders of its split.
    fn write_pair(self, seed: u64, index: usize, size: usize, [first, second]: [PathBuf; 2]) -> Result<()> {
        let name = |ending: &str| format!("synth_{index:05}.{ending}");
        match self {
            Kind::Facades => {
                let Facade { labels, image } = facade(seed, index as u64, size, size);
                write_photo(&first.join(name("jpg")), &image)?;
                write_labels(&second.join(name("png")), &labels, &PALETTE)
            }
            Kind::Scenes => {
                let Scene { image, depth } = scene(seed, index as u64, size, size);
                write_rgb(&first.join(name("png")), &image)?;
                write_image(&second.join(name("png")), &Image::gray16(depth), FileFormat::Png)
            }
        }
    }
}

/// The number of pairs of each split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Pairs for training: indices 0 to `train` − 1.
    pub train: usize,
    /// Pairs for validation: the indices after those.
    pub val: usize,
}

/// Writes images 0 to `count` − 1 of `seed`, `size` × `size` pixels, to `dir`. The last 15%, but at least one, are for
/// validation.
///
/// `dir` appears whole or not at all: it is written under another name beside itself and then renamed.
///
/// # Errors
/// [`Error::Data`] if `dir` is not empty, [`Error::Config`] for a `count` below 2 or a `size` of 0 or above 4096.
pub fn write(dir: &Path, kind: Kind, count: usize, size: usize, seed: u64) -> Result<Written> {
    let refuse = |problem: String| Err(Error::Config { origin: "synthetic dataset".into(), problem });
    if count < 2 {
        return refuse(format!("count is {count}; training and validation need one image each, so at least 2"));
    }
    if size == 0 || size > 4096 {
        return refuse(format!("size is {size}; choose 1 to 4096 pixels"));
    }
    require_free(dir)?;
    let parent = match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(io(parent, "create the folder"))?;
    let temporary =
        tempfile::Builder::new().prefix(".synth-").tempdir_in(parent).map_err(io(parent, "create a folder in it"))?;
    // Not the temporary folder itself: only its owner may enter that.
    let whole = temporary.path().join("set");
    for part in ["train", "val"].into_iter().flat_map(|split| kind.folders(split)) {
        let folder = whole.join(part);
        fs::create_dir_all(&folder).map_err(io(&folder, "create the folder"))?;
    }

    let val = ((count as f64 * 0.15).round() as usize).max(1);
    let train = count - val;
    (0..count).into_par_iter().try_for_each(|index| {
        let split = if index < train { "train" } else { "val" };
        kind.write_pair(seed, index, size, kind.folders(split).map(|folder| whole.join(folder)))
    })?;

    // Not every system can rename over an empty folder.
    if dir.is_dir() {
        require_free(dir)?;
        fs::remove_dir(dir).map_err(io(dir, "replace the empty folder"))?;
    }
    fs::rename(&whole, dir).map_err(io(dir, "move the finished dataset there"))?;
    Ok(Written { train, val })
}

fn io(file: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::Io { file: file.to_path_buf(), action, source }
}

/// An error unless `dir` is absent or an empty folder, and not the working directory: renaming over that would leave
/// the shell in a deleted folder.
fn require_free(dir: &Path) -> Result<()> {
    let is_here = || std::env::current_dir().and_then(|here| Ok(dir.canonicalize()? == here.canonicalize()?));
    let problem = if !dir.is_dir() {
        dir.symlink_metadata().is_ok().then_some("exists and is not a folder; choose a new folder")
    } else if fs::read_dir(dir).map_err(io(dir, "read the folder"))?.next().is_some() {
        Some("is not empty; choose a new folder")
    } else {
        is_here().unwrap_or(false).then_some("is the working directory; choose a new folder in it")
    };
    let Some(problem) = problem else { return Ok(()) };
    Err(Error::Data { file: dir.to_path_buf(), problem: format!("{problem} for the synthetic dataset") })
}

fn write_photo(path: &Path, image: &RgbImage) -> Result<()> {
    atomic::write(path, |out| {
        JpegEncoder::new_with_quality(out, QUALITY)
            .encode(image.data.as_flattened(), image.width as u32, image.height as u32, image::ExtendedColorType::Rgb8)
            .map_err(std::io::Error::other)
    })
}

#[cfg(test)]
mod tests {
    use super::super::CLASSES;
    use super::*;
    use crate::config::{Config, DataConfig, Layout};
    use crate::data::{Dataset, Source, Split, Synthetic, check, detect_layout};

    #[test]
    fn facades_read_back() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("new/facades");
        assert_eq!(write(&dir, Kind::Facades, 7, 24, 3).unwrap(), Written { train: 6, val: 1 });
        let data = DataConfig { layout: detect_layout(&dir).unwrap(), classes: CLASSES, ..DataConfig::default() };
        for (split, first, count) in [(Split::Train, 0, 6), (Split::Val, 6, 1)] {
            let read = Dataset::discover(&dir, &data, split).unwrap();
            let generated = Synthetic { kind: Kind::Facades, seed: 3, first, count, size: [24, 24] };
            assert_eq!(read.len(), count);
            for index in 0..count {
                let (read, generated) = (read.get(index).unwrap(), generated.get(index).unwrap());
                assert_eq!(&read.input, &generated.input);
                let (Some(read), Some(generated)) = (read.target.as_rgb(), generated.target.as_rgb()) else {
                    panic!("photos are RGB")
                };
                let levels = read.data.as_flattened().iter().zip(generated.data.as_flattened());
                let off = levels.map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>();
                assert!(off < 8 * 3 * 24 * 24, "photo {index} is off by {off} levels in sum");
            }
        }
        let left: Vec<_> = fs::read_dir(temp.path().join("new")).unwrap().collect();
        assert_eq!(left.len(), 1, "temporary folders are removed: {left:?}");
    }

    #[test]
    fn scenes_read_back() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("scenes");
        assert_eq!(write(&dir, Kind::Scenes, 7, 24, 3).unwrap(), Written { train: 6, val: 1 });
        let preset = Config::preset("depth-synthetic").unwrap().data;
        let data = DataConfig { layout: detect_layout(&dir).unwrap(), size: [24, 24], ..preset };
        assert_eq!(data.layout, Layout::Pairs);
        let generated = Synthetic { kind: Kind::Scenes, seed: 3, first: 6, count: 1, size: [24, 24] };
        let read = Dataset::discover(&dir, &data, Split::Val).unwrap();
        assert_eq!(read.get(0).unwrap(), generated.get(0).unwrap());
        let report = check(&dir, &data).unwrap();
        assert_eq!((&report.problems[..], report.train, report.val), (&[][..], 6, 1));
        let depths = report.depths.unwrap();
        assert_eq!(depths.measured + depths.invalid, 7 * 24 * 24);
        assert!(depths.beyond == 0 && depths.range[0] > 1.0 && depths.range[1] <= 30.0, "{depths:?}");
    }

    #[test]
    fn only_empty_folders_are_replaced() {
        let temp = tempfile::tempdir().unwrap();
        let (file, empty) = (temp.path().join("mine.txt"), temp.path().join("empty"));
        fs::write(&file, "kept").unwrap();
        fs::create_dir(&empty).unwrap();
        for (dir, kind) in [(temp.path(), Kind::Facades), (&file, Kind::Scenes)] {
            let error = write(dir, kind, 4, 16, 0).unwrap_err();
            assert!(matches!(&error, Error::Data { file, .. } if file == dir), "{error}");
        }
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 2);
        assert_eq!(fs::read_to_string(file).unwrap(), "kept");

        assert_eq!(write(&empty, Kind::Facades, 2, 8, 0).unwrap(), Written { train: 1, val: 1 });
        assert_eq!(fs::read_dir(&empty).unwrap().count(), 4);
    }

    #[test]
    fn invalid_counts_and_sizes_are_refused() {
        let temp = tempfile::tempdir().unwrap();
        for (count, size) in [(0, 8), (1, 8), (4, 0), (4, 5000)] {
            let error = write(&temp.path().join("x"), Kind::Facades, count, size, 0).unwrap_err();
            assert!(matches!(error, Error::Config { .. }), "{count}, {size}: {error}");
        }
    }
}

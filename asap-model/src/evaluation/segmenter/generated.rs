//! Label maps of a dataset with generated images in place of its photos.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::DataConfig;
use crate::data::{Dataset, Example, ExampleFiles, Source, list_images, name_below, read_target};
use crate::{Error, Result};

/// The training pairs of a dataset whose images are in a folder, as `asap infer` writes them: named after the pair or its
/// label map, or several by `NAME_1`, `NAME_2`, …
#[derive(Clone, Debug)]
pub struct GeneratedPairs {
    data: DataConfig,
    pairs: Vec<(ExampleFiles, PathBuf)>,
    /// The number of label maps without a generated image, which are left out.
    pub left_out: usize,
}

impl GeneratedPairs {
    /// Finds the images of each pair.
    ///
    /// # Errors
    /// [`Error::Data`] if there are none, or an image belongs to no pair.
    pub fn find(training: &Dataset, data: &DataConfig, folder: &Path) -> Result<Self> {
        let mut by_name: BTreeMap<String, usize> = BTreeMap::new();
        for (place, files) in training.files().iter().enumerate() {
            let stem = files.input.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            for name in std::iter::once(files.name.clone()).chain(stem) {
                by_name.entry(name).or_insert(place);
            }
        }
        let mut has_image = vec![false; training.files().len()];
        let mut pairs = Vec::new();
        for file in list_images(folder, None)?.images {
            let name = name_below(folder, &file).unwrap_or_default();
            let of_variant = || name.rsplit_once('_').filter(|(_, number)| number.parse::<u32>().is_ok());
            let place = by_name.get(&name).or_else(|| by_name.get(of_variant()?.0));
            let Some(&place) = place else {
                let problem = format!(
                    "no training pair is named {name}: generate images of the dataset's training label maps, as with \
                     asap infer --input LABELS --out {}",
                    folder.display()
                );
                return Err(Error::Data { file, problem });
            };
            has_image[place] = true;
            pairs.push((training.files()[place].clone(), file));
        }
        if pairs.is_empty() {
            return Err(Error::Data { file: folder.into(), problem: "the folder has no images".into() });
        }
        let left_out = has_image.iter().filter(|has| !**has).count();
        Ok(GeneratedPairs { data: data.clone(), pairs, left_out })
    }
}

impl Source for GeneratedPairs {
    fn len(&self) -> usize {
        self.pairs.len()
    }

    fn get(&self, index: usize) -> Result<Example> {
        let (files, image) = &self.pairs[index];
        let (input, target) = (files.read_input(&self.data)?, read_target(image, &self.data)?);
        if input.size() == target.size() {
            return Ok(Example { input, target });
        }
        let [[h, w], [height, width]] = [target.size(), input.size()];
        let problem = format!("is {w}×{h} pixels, but its label map is {width}×{height}: generate without --resize");
        Err(Error::Data { file: image.clone(), problem })
    }
}

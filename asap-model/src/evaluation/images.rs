//! The images of an evaluation: a generator's outputs for a dataset, or the files of two folders.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use asap_tensor::Backend;

use crate::config::{DataConfig, OutputKind};
use crate::data::{Channels, Example, Image, LabelMap, ReadOptions, Sizing, Source, read_image};
use crate::inference::{Translator, Variant};
use crate::{Error, Result};

/// An image as it is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct EvalImage {
    /// Its name in messages.
    pub name: PathBuf,
    /// The pixels.
    pub image: Image,
    /// [height, width] before it was resized or cropped.
    pub native_size: [usize; 2],
    /// The pixels that count; `None` if all do. The others are gray, in generated and real images.
    pub counted: Option<Vec<bool>>,
    /// The label map of the input, if it has one.
    pub labels: Option<LabelMap>,
}

impl EvalImage {
    /// An example's image, or one generated from its input, as it is compared.
    pub(crate) fn new(example: &Example, image: Image, native_size: [usize; 2], data: &DataConfig) -> Self {
        let counted = counted(example, data);
        let image = match &counted {
            Some(counted) => image.filled(&data.output_scale(), |pixel| !counted[pixel]),
            None => image,
        };
        let labels = match &example.input.channels {
            Channels::Labels(map) => Some(map.clone()),
            Channels::Image(_) => None,
        };
        EvalImage { name: PathBuf::from(&example.input.name), image, native_size, counted, labels }
    }

    /// The pixels that count, in one row; `None` if all do.
    pub(super) fn counted_pixels(&self) -> Option<Image> {
        self.counted.as_ref().map(|counted| self.image.pixels(|pixel| counted[pixel]))
    }
}

/// Generated images and real ones.
pub trait Images {
    /// The numbers of generated and of real images; equal if they are pairs.
    fn counts(&self) -> [usize; 2];

    /// Whether the generated and the real image of an index belong together.
    fn is_paired(&self) -> bool;

    /// What the images are: their channels, and what their values mean.
    fn data(&self) -> &DataConfig;

    /// The side in pixels of the tiles that generated images are made of, if they are and it is known.
    fn tile(&self) -> Option<usize> {
        None
    }

    /// A generated image.
    fn generated(&self, index: usize) -> Result<EvalImage> {
        Ok(self.pair(index)?.0)
    }

    /// A real image.
    fn real(&self, index: usize) -> Result<EvalImage>;

    /// Generated images of one input, by their numbers; none if there is only one. Number 1 is [`generated`](Self::generated).
    fn variants(&self, _index: usize, _numbers: RangeInclusive<usize>) -> Result<Vec<EvalImage>> {
        Ok(Vec::new())
    }

    /// The generated and the real image of an index, at the same size.
    fn pair(&self, index: usize) -> Result<(EvalImage, EvalImage)>;
}

/// A generator's outputs for the inputs of a dataset, and the dataset's images.
pub struct GeneratorImages<'a, B: Backend> {
    /// The generator.
    pub translator: &'a Translator<B>,
    /// The pairs.
    pub source: &'a dyn Source,
    /// Whether to generate each image at its input's native size. Otherwise pairs are resized to `data.size` as in
    /// validation: images bicubic, ids nearest. Depths are always compared at the real map's native size, to which the
    /// generated map is resized, so that levels without a depth are not mixed with others.
    pub native_size: bool,
    /// The seed of a generator's noise.
    pub seed: u64,
}

impl<B: Backend> GeneratorImages<'_, B> {
    /// An example as it is compared, and its native size.
    fn example(&self, index: usize) -> Result<(Example, [usize; 2])> {
        let (example, data) = (self.source.get(index)?, self.data());
        let size = example.target.size();
        let sizing = if self.native_size { Sizing::Native } else { Sizing::of_evaluation(data) };
        let example = match data.output {
            OutputKind::Depth => Example { input: sizing.input(example.input, data)?, ..example },
            OutputKind::Image => sizing.example(example, data)?,
        };
        Ok((example, size))
    }

    /// A generated image of the target's size.
    fn generate(&self, example: &Example, native_size: [usize; 2], number: usize) -> Result<EvalImage> {
        let output = self.translator.translate(&example.input, Variant { seed: self.seed, number })?;
        let size = example.target.size();
        let output = if output.size() == size { output } else { output.resize(size, false) };
        Ok(EvalImage::new(example, output, native_size, self.data()))
    }
}

/// The pixels of an example that count; `None` if all do, and for depth maps, whose measures know which do not.
fn counted(example: &Example, data: &DataConfig) -> Option<Vec<bool>> {
    let mask = example.mask(data).filter(|_| data.output != OutputKind::Depth)?;
    Some(mask.iter().map(|&pixel| pixel != 0.0).collect())
}

impl<B: Backend> Images for GeneratorImages<'_, B> {
    fn counts(&self) -> [usize; 2] {
        [self.source.len(); 2]
    }

    fn is_paired(&self) -> bool {
        true
    }

    fn data(&self) -> &DataConfig {
        &self.translator.config().data
    }

    fn tile(&self) -> Option<usize> {
        self.translator.config().generator.asap().map(|asap| asap.tile)
    }

    fn real(&self, index: usize) -> Result<EvalImage> {
        let (example, native_size) = self.example(index)?;
        let image = example.target.clone();
        Ok(EvalImage::new(&example, image, native_size, self.data()))
    }

    fn pair(&self, index: usize) -> Result<(EvalImage, EvalImage)> {
        let (example, native_size) = self.example(index)?;
        let generated = self.generate(&example, native_size, 1)?;
        let image = example.target.clone();
        Ok((generated, EvalImage::new(&example, image, native_size, self.data())))
    }

    fn variants(&self, index: usize, numbers: RangeInclusive<usize>) -> Result<Vec<EvalImage>> {
        if !self.translator.has_noise() {
            return Ok(Vec::new());
        }
        let (example, native_size) = self.example(index)?;
        numbers.map(|number| self.generate(&example, native_size, number)).collect()
    }
}

/// Pairs in memory.
pub(crate) struct HeldPairs<'a> {
    /// Generated and real images.
    pub pairs: Vec<(EvalImage, EvalImage)>,
    /// What they are.
    pub data: &'a DataConfig,
}

impl Images for HeldPairs<'_> {
    fn counts(&self) -> [usize; 2] {
        [self.pairs.len(); 2]
    }

    fn is_paired(&self) -> bool {
        true
    }

    fn data(&self) -> &DataConfig {
        self.data
    }

    fn real(&self, index: usize) -> Result<EvalImage> {
        Ok(self.pairs[index].1.clone())
    }

    fn pair(&self, index: usize) -> Result<(EvalImage, EvalImage)> {
        Ok(self.pairs[index].clone())
    }
}

/// Images in files.
#[derive(Clone, Debug)]
pub struct ImageFiles {
    /// The generated images.
    pub generated: Vec<PathBuf>,
    /// The real images.
    pub real: Vec<PathBuf>,
    /// Whether they belong together, in order.
    pub paired: bool,
    /// What they are: `output`, `output_channels` and what these need.
    pub data: DataConfig,
    /// [height, width] to resize all to, images bicubic, depth maps nearest; `None` keeps each one's size.
    pub size: Option<[usize; 2]>,
}

impl ImageFiles {
    fn read(&self, file: &Path) -> Result<EvalImage> {
        let image = read_image(file, &ReadOptions::target(&self.data))?;
        let native_size = image.size();
        let image = match self.size {
            Some(size) => image.resize(size, self.data.output == OutputKind::Depth),
            None => image,
        };
        Ok(EvalImage { name: file.to_owned(), image, native_size, counted: None, labels: None })
    }
}

impl Images for ImageFiles {
    fn counts(&self) -> [usize; 2] {
        [self.generated.len(), self.real.len()]
    }

    fn is_paired(&self) -> bool {
        self.paired
    }

    fn data(&self) -> &DataConfig {
        &self.data
    }

    fn generated(&self, index: usize) -> Result<EvalImage> {
        self.read(&self.generated[index])
    }

    fn real(&self, index: usize) -> Result<EvalImage> {
        self.read(&self.real[index])
    }

    fn pair(&self, index: usize) -> Result<(EvalImage, EvalImage)> {
        let (generated, real) = (self.generated(index)?, self.real(index)?);
        let ([height, width], [real_height, real_width]) = (generated.image.size(), real.image.size());
        if [height, width] == [real_height, real_width] {
            return Ok((generated, real));
        }
        let problem = format!(
            "is {width}×{height} pixels, but {} is {real_width}×{real_height}; compare the pairs at one size with --size",
            real.name.display()
        );
        Err(Error::Data { file: generated.name, problem })
    }
}

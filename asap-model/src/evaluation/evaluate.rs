//! Every measure over all images.

use std::path::PathBuf;

use super::features::{CachedExtractor, FeatureCache};
use super::images::{EvalImage, Images};
use super::measure::{Measure, Method};
use super::measures::{
    Confusion, DepthErrors, DepthSummary, Features, InceptionDistances, KernelDistance, LevelDistance, Levels, Patches,
    Seams, frechet_distance, kernel_distance, l1,
};
use super::segmenter::LabelPredictor;
use crate::config::{DataConfig, DepthScale, OutputKind};
use crate::data::{Image, RgbImage};
use crate::networks::inception::{FEATURES, WEIGHTS_SOURCE};
use crate::{Error, Result};

/// Options of an evaluation.
#[derive(Clone, Debug)]
pub struct Options {
    /// The seed of patches, directions and subsets.
    pub seed: u64,
    /// The meaning of depth levels.
    pub depth: DepthScale,
    /// Side in pixels of the tiles whose seams are measured; `None`: that of the images ([`Images::tile`]), else
    /// [`DEFAULT_TILE`].
    pub tile: Option<usize>,
    /// The only measure to compute; `None`: all that are possible.
    pub only: Option<Measure>,
    /// Images of each input, for their diversity; below 2 it is not measured.
    pub variants: usize,
}

impl Options {
    fn wants(&self, measure: Measure) -> bool {
        self.only.is_none_or(|only| only == measure)
    }
}

/// The side of tiles where nothing else is known: the paper's.
pub const DEFAULT_TILE: usize = 16;

/// The images that were compared, and the results.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The numbers of generated and of real images.
    pub counts: [usize; 2],
    /// The sizes at which they were compared.
    pub compared: Sizes,
    /// The native sizes of the generated and of the real images. Those of a generator's images are its inputs' sizes.
    pub native: [Sizes; 2],
    /// The value of each measure that was computed, in the order of [`Measure::ALL`].
    pub measured: Vec<(Measure, f64)>,
    /// The other measures of this kind of image, and why they were not computed.
    pub not_measured: Vec<(Measure, String)>,
    /// The sliced Wasserstein distance at each level, times 1000, the finest first.
    pub swd_levels: Option<Vec<LevelDistance>>,
    /// The side of the tiles whose seams were measured, and the real images' value.
    pub seams: Option<(usize, f64)>,
    /// The kernel inception distance and its spread.
    pub kid: Option<KernelDistance>,
    /// Whether the features of the real images come from the cache.
    pub cached_features: bool,
    /// Why the features of the real images could not be cached.
    pub cache_fault: Option<String>,
    /// Depth errors, with the number of pixels.
    pub depth: Option<DepthSummary>,
    /// Labels and what is predicted of generated and of real images, if there is a segmentation network.
    pub segmentation: Option<[Confusion; 2]>,
}

impl Evaluation {
    /// The value of a measure, if it was computed.
    pub fn value(&self, measure: Measure) -> Option<f64> {
        self.measured.iter().find(|(other, _)| *other == measure).map(|(_, value)| *value)
    }
}

/// The minimum and the maximum of several images' sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Minimum and maximum height.
    pub heights: [usize; 2],
    /// Minimum and maximum width.
    pub widths: [usize; 2],
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { heights: [usize::MAX, 0], widths: [usize::MAX, 0] }
    }
}

impl Sizes {
    fn add(&mut self, [height, width]: [usize; 2]) {
        let wider = |[low, high]: [usize; 2], side: usize| [low.min(side), high.max(side)];
        (self.heights, self.widths) = (wider(self.heights, height), wider(self.widths, width));
    }
}

/// Compares all images; `progress` receives the number of finished ones and the total. FID and KID need an extractor, the
/// measures of labels a segmentation network.
///
/// # Errors
/// [`Error::Data`] if there are no images, or one can't be read.
pub fn evaluate(
    images: &dyn Images,
    options: &Options,
    extractor: Option<CachedExtractor<'_>>,
    segmenter: Option<&dyn LabelPredictor>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Evaluation> {
    let counts = images.counts();
    for (count, what) in counts.into_iter().zip(["generated", "real"]) {
        if count == 0 {
            return Err(Error::Data { file: what.into(), problem: "there are no images to compare".into() });
        }
    }
    let extractor = extractor.filter(|_| images.data().output == OutputKind::Image);
    let mut accumulator = Accumulator::new(images, options, extractor)?;
    accumulator.segmenter = segmenter.filter(|_| images.data().output == OutputKind::Image);
    let total = counts[0].max(counts[1]);
    for index in 0..total {
        if images.is_paired() {
            let (generated, real) = images.pair(index)?;
            accumulator.add_pair(&generated, &real)?;
            accumulator.segment([&generated, &real])?;
            if options.variants > 1 && images.data().output == OutputKind::Image {
                accumulator.add_variants(generated.clone(), images.variants(index, 2..=options.variants)?)?;
            }
            accumulator.add(GENERATED, &generated)?;
            accumulator.add(REAL, &real)?;
        } else {
            if index < counts[GENERATED] {
                accumulator.add(GENERATED, &images.generated(index)?)?;
            }
            if index < counts[REAL] {
                accumulator.add(REAL, &images.real(index)?)?;
            }
        }
        progress(index + 1, total);
    }
    accumulator.finish()
}

/// Indices of the two sides.
const GENERATED: usize = 0;
const REAL: usize = 1;

const NOT_PAIRED: &str = "the images are not pairs";

/// A value, or why there is none.
type Outcome<T> = std::result::Result<T, String>;

/// Sums over the images so far.
struct Accumulator<'a> {
    options: &'a Options,
    data: &'a DataConfig,
    paired: bool,
    counts: [usize; 2],
    compared: Sizes,
    pairs: usize,
    /// The sum over pairs of each measure of pairs.
    sums: Vec<(Measure, Outcome<f64>)>,
    /// The mean difference of the variants of each input.
    diversity: Vec<f64>,
    segmenter: Option<&'a dyn LabelPredictor>,
    segmentation: Option<[Confusion; 2]>,
    depth: DepthErrors,
    sides: [Side; 2],
    seams: [Seams; 2],
    extractor: Option<CachedExtractor<'a>>,
    /// The cache's file for the real images, and its features.
    file: Option<PathBuf>,
    cached: Option<Features>,
}

#[derive(Default)]
struct Side {
    native: Sizes,
    /// Of the first image.
    size: Option<[usize; 2]>,
    patches: Option<Outcome<Patches>>,
    features: Vec<f64>,
}

impl<'a> Accumulator<'a> {
    fn new(images: &'a dyn Images, options: &'a Options, extractor: Option<CachedExtractor<'a>>) -> Result<Self> {
        let file = match extractor {
            Some(CachedExtractor { network, cache: Some(cache) }) => Some(cache.file(images, network)?),
            _ => None,
        };
        let of_pairs = Measure::ALL
            .into_iter()
            .filter(|measure| matches!(measure.method(), Method::Pairs(..)) && options.wants(*measure));
        let start = if images.is_paired() { Ok(0.0) } else { Err(NOT_PAIRED.to_owned()) };
        Ok(Accumulator {
            options,
            data: images.data(),
            paired: images.is_paired(),
            counts: images.counts(),
            compared: Sizes::default(),
            pairs: 0,
            sums: of_pairs.map(|measure| (measure, start.clone())).collect(),
            diversity: Vec::new(),
            segmenter: None,
            segmentation: None,
            depth: DepthErrors::new(options.depth),
            sides: Default::default(),
            seams: [GENERATED, REAL].map(|_| Seams::new(options.tile.or(images.tile()).unwrap_or(DEFAULT_TILE))),
            extractor,
            cached: file.as_ref().and_then(|file| FeatureCache::read(file, images.counts()[REAL])),
            file,
        })
    }

    fn add_pair(&mut self, generated: &EvalImage, real: &EvalImage) -> Result<()> {
        if self.data.output == OutputKind::Depth {
            return self.depth.add(&generated.image, &real.image);
        }
        let counted = [generated, real].map(EvalImage::counted_pixels);
        if counted.iter().flatten().any(|pixels| pixels.size().contains(&0)) {
            return Ok(());
        }
        let scale = self.data.output_scale();
        let levels = |image: &Image| Levels::new(image, &scale);
        let counted = counted.map(|pixels| pixels.map(|pixels| levels(&pixels)));
        let [a, b] = [generated, real].map(|of| levels(&of.image));
        let shorter_side = generated.image.size().into_iter().min().unwrap_or(0);
        self.pairs += 1;
        for (measure, outcome) in &mut self.sums {
            let (Method::Pairs(compare, window), Ok(sum)) = (measure.method(), &mut *outcome) else { continue };
            if shorter_side < window {
                *outcome = Err(format!("{} is smaller than its window, {window}×{window}", described(generated)));
            } else {
                // Only measures of single pixels can leave out some.
                let [a, b] = match &counted {
                    [Some(a), Some(b)] if window == 1 => [a, b],
                    _ => [&a, &b],
                };
                *sum += compare(a, b)?;
            }
        }
        Ok(())
    }

    /// Compares the labels of a pair with what is predicted of its images.
    fn segment(&mut self, images: [&EvalImage; 2]) -> Result<()> {
        let Some(segmenter) = self.segmenter else { return Ok(()) };
        let confusions = self.segmentation.get_or_insert_with(|| [(); 2].map(|()| Confusion::new(segmenter.classes())));
        for (confusion, image) in confusions.iter_mut().zip(images) {
            if let Some(labels) = &image.labels {
                confusion.add(&labels.data, &segmenter.predict(&image.image)?)?;
            }
        }
        Ok(())
    }

    /// Compares all images of one input, by twos.
    fn add_variants(&mut self, first: EvalImage, others: Vec<EvalImage>) -> Result<()> {
        let scale = self.data.output_scale();
        let levels = |image: &EvalImage| match image.counted_pixels() {
            Some(pixels) => Levels::new(&pixels, &scale),
            None => Levels::new(&image.image, &scale),
        };
        let nothing_counts = first.counted.as_ref().is_some_and(|counted| !counted.contains(&true));
        if others.is_empty() || nothing_counts {
            return Ok(());
        }
        let all: Vec<Levels> = std::iter::once(&first).chain(&others).map(levels).collect();
        let mut sum = 0.0;
        for (place, a) in all.iter().enumerate() {
            for b in &all[place + 1..] {
                sum += l1(a, b)?;
            }
        }
        self.diversity.push(sum / (all.len() * (all.len() - 1) / 2) as f64);
        Ok(())
    }

    fn add(&mut self, side: usize, image: &EvalImage) -> Result<()> {
        let size = image.image.size();
        self.compared.add(size);
        let Side { native, size: first_size, patches, features } = &mut self.sides[side];
        native.add(image.native_size);
        if self.data.output == OutputKind::Depth {
            return Ok(());
        }
        if self.options.wants(Measure::Seams) {
            self.seams[side].add(&Levels::new(&image.image, &self.data.output_scale()));
        }
        let picture: &RgbImage = &self.data.view_target(&image.image);
        if let Some(extractor) = self.extractor.filter(|_| side == GENERATED || self.cached.is_none()) {
            features.extend(extractor.network.features(picture)?.into_iter().map(f64::from));
        }
        if !self.options.wants(Measure::Swd) {
            return Ok(());
        }
        let [height, width] = *first_size.get_or_insert(size);
        let too_small = |_| format!("{} is too small for patches", described(image));
        let new = || Patches::new(self.options.seed, size, self.counts[side]).map_err(too_small);
        let patches = patches.get_or_insert_with(new);
        if size != [height, width] && patches.is_ok() {
            *patches = Err(format!("{} is not {width}×{height}; all images must have one size", described(image)));
        }
        patches.as_mut().map_or(Ok(()), |patches| patches.add(picture))
    }

    fn finish(mut self) -> Result<Evaluation> {
        let cached_features = self.cached.is_some();
        let swd_levels = self.swd_levels()?;
        let (inception, cache_fault) = self.inception()?;
        let depth = self.depth.summary();
        let seams = self.seams.each_ref().map(Seams::ratio);
        let (mut measured, mut not_measured) = (Vec::new(), Vec::new());
        for measure in Measure::ALL {
            if measure.is_of_depth() != (self.data.output == OutputKind::Depth) || !self.options.wants(measure) {
                continue;
            }
            let outcome = match measure.method() {
                Method::Segmentation(_) if self.segmenter.is_none() => continue,
                Method::Segmentation(of) => {
                    let found = self.segmentation.as_ref().map(|[generated, _]| generated);
                    match found.filter(|found| found.pixels() > 0) {
                        Some(found) if measure == Measure::Dice && found.classes() != 2 => continue,
                        Some(found) => of(found).ok_or_else(|| "no pixel is of class 1".into()),
                        None => Err("needs labels: pairs whose inputs are label maps".into()),
                    }
                }
                Method::Variants if self.options.variants < 2 => continue,
                Method::Variants if self.diversity.is_empty() => {
                    Err("needs several images of each input: a generator with noise (generator.noise)".into())
                }
                Method::Variants => Ok(self.diversity.iter().sum::<f64>() / self.diversity.len() as f64),
                Method::Pairs(..) => self.mean(measure),
                Method::Patches => swd_levels
                    .as_ref()
                    .map_err(String::clone)
                    .map(|levels| levels.iter().map(|level| level.distance).sum::<f64>() / levels.len() as f64),
                Method::Seams => seams[GENERATED]
                    .ok_or_else(|| "no image has a border between tiles and gradients inside".to_owned()),
                Method::Inception(of) => inception.as_ref().map(of).map_err(String::clone),
                Method::Depth(_) if !self.paired => Err(NOT_PAIRED.into()),
                Method::Depth(of) => depth.as_ref().map(of).ok_or("no pixel of the real maps has a depth".into()),
            };
            match outcome {
                Ok(value) => measured.push((measure, value)),
                Err(why) => not_measured.push((measure, why)),
            }
        }
        Ok(Evaluation {
            counts: self.counts,
            compared: self.compared,
            native: self.sides.map(|side| side.native),
            measured,
            not_measured,
            swd_levels: swd_levels.ok(),
            seams: seams[REAL].filter(|_| seams[GENERATED].is_some()).map(|real| (self.seams[REAL].tile(), real)),
            kid: inception.ok().map(|distances| distances.kid),
            cached_features,
            cache_fault,
            depth,
            segmentation: self.segmentation,
        })
    }

    /// The mean of a measure of pairs.
    fn mean(&self, measure: Measure) -> Outcome<f64> {
        let sum = self.sums.iter().find(|(other, _)| *other == measure);
        let (_, sum) = sum.ok_or_else(|| NOT_PAIRED.to_owned())?;
        let sum = sum.clone()?;
        if self.pairs == 0 {
            return Err("no pixel counts: the labels of all are ignored".into());
        }
        let mean = sum / self.pairs as f64;
        if mean.is_finite() { Ok(mean) } else { Err("it is infinite: a pair is identical".into()) }
    }

    fn swd_levels(&self) -> Result<Outcome<Vec<LevelDistance>>> {
        let [generated, real] = &self.sides;
        Ok(match (&generated.patches, &real.patches) {
            (Some(Err(why)), _) | (_, Some(Err(why))) => Err(why.clone()),
            (Some(Ok(_)), Some(Ok(_))) if generated.size != real.size => {
                let [a, b] = [generated.size, real.size].map(|size| {
                    let [height, width] = size.unwrap_or_default();
                    format!("{width}×{height}")
                });
                Err(format!("generated images have {a} pixels and real ones {b}; all images must have one size"))
            }
            (Some(Ok(a)), Some(Ok(b))) => Ok(a.distances(b)?),
            _ => Err("there are no color images".into()),
        })
    }

    /// FID and KID; and why the cache could not be written, which is not an error of the evaluation.
    fn inception(&mut self) -> Result<(Outcome<InceptionDistances>, Option<String>)> {
        if self.extractor.is_none() {
            let why = format!("needs the weights of Inception v3: --inception {WEIGHTS_SOURCE}");
            return Ok((Err(why), None));
        }
        let [generated, real] =
            self.sides.each_mut().map(|side| Features::new(FEATURES, std::mem::take(&mut side.features)));
        let (generated, mut fault) = (generated?, None);
        let real = match self.cached.take() {
            Some(cached) => cached,
            None => {
                let real = real?;
                fault = self.file.as_ref().and_then(|file| FeatureCache::write(file, &real).err());
                real
            }
        };
        let fault = fault.map(|error| error.to_string());
        if generated.len().min(real.len()) < 2 {
            return Ok((Err("it needs two images of each kind".into()), fault));
        }
        let kid = kernel_distance(&generated, &real, self.options.seed)?;
        Ok((Ok(InceptionDistances { fid: frechet_distance(&generated, &real)?, kid }), fault))
    }
}

/// An image's name and size.
fn described(image: &EvalImage) -> String {
    let [height, width] = image.image.size();
    format!("{} ({width}×{height} pixels)", image.name.display())
}
